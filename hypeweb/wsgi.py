"""The web process: gunicorn hypeweb.wsgi."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hypeweb.settings")
application = get_wsgi_application()

"""For gunicorn --config=python:hypeweb.gunicorn_conf: look before serving."""

import os
import sys
from typing import Any

import django

# Without the query and the page before: a worker's id may be in either.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(b)s %(L)s "%(a)s"'


def on_starting(server: Any) -> None:  # noqa: ANN401, ARG001
    """Stop with a sentence, not a traceback, where something is missing."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hypeweb.settings")
    django.setup()
    from hypeweb import startup  # noqa: PLC0415 - needs the settings

    for problem in startup.problems():
        sys.exit(problem)

"""The site's settings under test: a folder of its own, quick hashes, eager tasks."""

import os
import tempfile

# Never a folder that was there before: the tests remove theirs at the end.
os.environ["HYPE_DATA_DIR"] = tempfile.mkdtemp(prefix="hypeweb-test-")
os.environ.setdefault("SECRET_KEY", "only-for-tests")

from hypeweb.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, so that the threads of a live server have connections of their own.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}  # noqa: F405
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

"""What the web and worker processes check before they begin."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from celery.exceptions import CeleryError
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import KombuError

from hypeweb.celery_app import app

PROBE = "probe.txt"


def problems() -> list[str]:
    """Return a sentence for each part of the site that does not answer."""
    checks: tuple[Callable[[], str], ...] = (_database, _broker, _storage)
    return [sentence for check in checks if (sentence := check())]


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return (
            f"The database of DATABASE_URL cannot be used ({_first_line(error)}); "
            "start it or correct the address."
        )
    finally:
        connection.close()
    if pending:
        return f"The database lacks {len(pending)} migrations; run `manage.py migrate`."
    return ""


def _broker() -> str:
    try:
        with app.connection_for_write(connect_timeout=5) as broker:
            broker.ensure_connection(max_retries=1, timeout=5)
    except (OSError, KombuError, CeleryError) as error:
        return (
            f"The broker of CELERY_BROKER_URL cannot be reached "
            f"({_first_line(error)}); start it or correct the address."
        )
    return ""


def _storage() -> str:
    try:
        name = default_storage.save(PROBE, ContentFile(b"hypeweb"))
        default_storage.delete(name)
    except (OSError, BotoCoreError, ClientError) as error:
        where = "STORAGE_URL" if "s3" in str(_backend()) else "HYPE_DATA_DIR"
        return (
            f"The file storage of {where} cannot be written ({_first_line(error)}); "
            "create it or correct the address and its credentials."
        )
    return ""


def _backend() -> object:
    storages: dict[str, Any] = settings.STORAGES
    return storages["default"]["BACKEND"]


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__

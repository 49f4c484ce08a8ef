"""The site's real processes beside real servers, which deploy/services finds."""

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from django.conf import settings

from hypeweb import processes
from hypeweb.simulation import Browser

ROOT = Path(settings.BASE_DIR)
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def address_of(name: str) -> str:
    """Return where a server is, or skip; CI allows no skip."""
    value = os.environ.get(name, "")
    if not value:
        message = f"{name} is not set; run this through deploy/services."
        if os.environ.get("HYPE_REQUIRE_SERVICES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return value


@dataclass
class Installation:
    """A site of its own: database, queue and files used by nobody else."""

    env: dict[str, str]
    logs: Path

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def running(self):
        return processes.site(port=processes.free_port(), logs=self.logs, env=self.env)


def new_database(server: str) -> str:
    """Make an empty database on a server and return its address."""
    name = f"hypeweb_{secrets.token_hex(6)}"
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def drop_database(server: str, address: str) -> None:
    connection = psycopg2.connect(server)
    connection.autocommit = True
    name = urlsplit(address).path.strip("/")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    connection.close()


def new_prefix(storage: str) -> str:
    """Return a folder of a bucket that nobody else uses."""
    url = urlsplit(storage)
    return urlunsplit(url._replace(path=f"{url.path}/{secrets.token_hex(6)}"))


@pytest.fixture
def make_installation(tmp_path):
    """Return a maker of installations; what they used is removed at the end."""
    databases = []

    def make(*, database=None, broker=None, storage=None, **env: str) -> Installation:
        env = {
            "HYPE_DATA_DIR": str(tmp_path / "data"),
            "DJANGO_SETTINGS_MODULE": "hypeweb.settings",
            "EVALUATION_LEASE_SECONDS": "3",
            **KEYS,
            **env,
        }
        if database:
            server = address_of(database)
            env["DATABASE_URL"] = new_database(server)
            databases.append((server, env["DATABASE_URL"]))
        if broker:
            env["CELERY_BROKER_URL"] = address_of(broker)
        if storage:
            env["STORAGE_URL"] = new_prefix(address_of(storage))
        made = Installation(env=env, logs=tmp_path / "logs")
        made.manage("migrate", "--verbosity=0")
        made.manage("collectstatic", "--noinput", "--verbosity=0")
        return made

    yield make
    for server, address in databases:
        drop_database(server, address)


def log_in(url: str, name: str, password: str) -> Browser:
    browser = Browser(url)
    browser.get("/accounts/login/")
    browser.post_form("/accounts/login/", {"username": name, "password": password})
    return browser

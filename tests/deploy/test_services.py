"""deploy/services: real servers for a command, and nothing left of them after it."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from tests.deploy.reading import DEPLOY, ROOT

SERVICES = DEPLOY / "services"

# Writes to each server and reads it back, as the site does.
PROBE = """
import json, os, boto3, kombu, psycopg2, redis
from hypeweb import environment

database = os.environ["HYPE_TEST_DATABASE_URL"]
with psycopg2.connect(database).cursor() as cursor:
    cursor.execute("CREATE TABLE probe AS SELECT 'ü' AS letter")
    cursor.execute("SELECT letter FROM probe")
    letter = cursor.fetchone()[0]

client = redis.Redis.from_url(os.environ["HYPE_TEST_REDIS_URL"])
client.set("probe", 1)

with kombu.Connection(os.environ["HYPE_TEST_AMQP_URL"]) as connection:
    with connection.SimpleQueue("probe", queue_opts={"auto_delete": True}) as queue:
        queue.put("message")
        message = queue.get(timeout=60)
        message.ack()

url = environment.read_url("HYPE_TEST_S3_URL", "", schemes={"s3"})
bucket = environment.bucket(url)
s3 = boto3.client("s3", endpoint_url=bucket.endpoint_url)
s3.put_object(Bucket=bucket.name, Key="probe", Body=b"bytes")
body = s3.get_object(Bucket=bucket.name, Key="probe")["Body"].read().decode()

print(json.dumps([letter, int(client.get("probe")), message.payload, body]))
"""


@pytest.fixture
def module() -> ModuleType:
    loader = SourceFileLoader("deploy_services", str(SERVICES))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    loaded = importlib.util.module_from_spec(spec)
    loader.exec_module(loaded)
    return loaded


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a server under another user can reach, unlike tmp_path."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.parametrize("options", [(), ("--own",)], ids=["found", "own"])
def test_services_lends_every_server_and_clears_up(options, open_folder):
    result = subprocess.run(
        [sys.executable, SERVICES, *options, sys.executable, "-c", PROBE],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(open_folder)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert result.returncode == 0
    assert json.loads(result.stdout.splitlines()[-1]) == ["ü", 1, "message", "bytes"]
    assert list(open_folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.services
def test_services_ends_as_its_command_ends():
    words = [sys.executable, SERVICES, sys.executable, "-c", "raise SystemExit(7)"]
    assert subprocess.run(words, check=False, stdout=subprocess.PIPE).returncode == 7


def test_services_without_a_command_says_how_it_is_used():
    result = subprocess.run(
        [sys.executable, SERVICES], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "deploy/services [--own] COMMAND" in result.stdout


def test_missing_server_is_named_with_what_to_install(module, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(
        module.MissingError,
        match=r"no-such-server was not found: install it \(Debian: apt install thing\)",
    ):
        module.find_program("no-such-server", package="thing")


def test_server_that_ends_at_once_shows_its_log(module, tmp_path, capsys):
    command = [sys.executable, "-c", "print('port taken')"]

    def is_ready() -> None:
        raise ConnectionRefusedError

    with (
        pytest.raises(SystemExit, match="ended"),
        module.server(command, log=tmp_path / "log", is_ready=is_ready),
    ):
        pass
    assert "port taken" in capsys.readouterr().err

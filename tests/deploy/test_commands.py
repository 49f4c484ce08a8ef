"""Every command that production runs exists and takes the arguments it is given."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, get_commands, load_command_class

from tests.deploy.reading import DEPLOY, ROOT, Command, commands, unit

BIN = Path(sys.executable).parent


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    inherited = {
        name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ
    }
    return {
        **inherited,
        "PATH": f"{BIN}:/usr/bin:/bin",
        "HYPE_DATA_DIR": str(data_dir),
        **more,
    }


def run(*words: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=ROOT,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        check=False,
    )


def complaint(command: Command, *, data_dir: Path) -> str:
    """Return what is wrong with a command; empty where nothing is."""
    program, *arguments = command.words
    match Path(program).name, arguments:
        case "gunicorn", _:
            result = run("gunicorn", *arguments, "--check-config", data_dir=data_dir)
            return result.stderr if result.returncode else ""
        case "celery", _:
            result = run("celery", *arguments, "--help", data_dir=data_dir)
            return result.stderr if result.returncode else ""
        case "python", ["manage.py", subcommand, *options]:
            return complaint_of_manage(subcommand, options)
        case "python", [script]:
            return "" if os.access(ROOT / script, os.X_OK) else "no such script"
    return "" if shutil.which(program) else "no such program"


def complaint_of_manage(subcommand: str, options: list[str]) -> str:
    if subcommand not in get_commands():
        return f"manage.py has no {subcommand}"
    app = get_commands()[subcommand]
    parser = load_command_class(app, subcommand).create_parser("manage.py", subcommand)
    try:
        parser.parse_args(options)
    except CommandError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("command", commands(), ids=str)
def test_command_exists_and_takes_its_arguments(command, tmp_path):
    assert complaint(command, data_dir=tmp_path) == ""


@pytest.mark.parametrize(
    "line",
    [
        "gunicorn hypeweb.wsgi --no-such-option",
        "gunicorn hypeweb.no_such_module",
        "celery -A hypeweb.celery_app worker --no-such-option",
        "celery -A hypeweb.celery_app no_such_command",
        "celery -A hypeweb.no_such_app worker",
        "python manage.py no_such_command",
        "python manage.py migrate --no-such-option",
        "python deploy/no_such_script",
        "no_such_program",
    ],
)
def test_wrong_command_is_noticed(line, tmp_path):
    assert complaint(Command("here", tuple(line.split())), data_dir=tmp_path) != ""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextmanager
def running(*words: str, env: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        words, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=120)


def succeeds_in_time(*words: str, env: dict[str, str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = subprocess.run(
            words, cwd=ROOT, env=env, capture_output=True, check=False
        )
        if result.returncode == 0:
            return True
        time.sleep(0.2)
    return False


def process_tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [
        pid,
        *(one for child in children.split() for one in process_tree(int(child))),
    ]


def variables(values: dict[str, list[str]]) -> dict[str, str]:
    """Return the variables a unit sets, but for the places of a real machine."""
    pairs = dict(value.split("=", 1) for value in values["Environment"])
    return {name: value for name, value in pairs.items() if "/var/" not in value}


@pytest.mark.slow
def test_web_unit_serves_over_https_without_torch(tmp_path):
    """The unit's own commands, from an empty folder to a healthy site."""
    values = unit(DEPLOY / "hypeweb-web.service")
    env = environment(
        tmp_path,
        HTTPS="1",
        SECRET_KEY="x" * 60,
        ALLOWED_HOSTS="hype.example.org",
        **variables(values),
    )
    for line in values["ExecStartPre"]:
        words = line.replace("/opt/hypeweb/.venv/bin/", "").split()
        subprocess.run(words, cwd=ROOT, env=env, check=True, capture_output=True)
    port = free_port()
    command = values["ExecStart"][0].replace("/opt/hypeweb/.venv/bin/", "")
    command = command.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    healthy = (str(DEPLOY / "healthy"), f"http://127.0.0.1:{port}/health/")

    with running(*command.split(), env=env) as process:
        assert succeeds_in_time(*healthy, env=env, seconds=60)
        tree = process_tree(process.pid)
        maps = "".join(Path(f"/proc/{pid}/maps").read_text() for pid in tree)

    assert len(tree) > 1
    assert "_sqlite3" in maps
    assert "libtorch" not in maps
    assert not succeeds_in_time(*healthy, env=env, seconds=0.1)


@pytest.mark.slow
def test_worker_unit_answers_its_health_check(tmp_path):
    values = unit(DEPLOY / "hypeweb-worker.service")
    env = environment(tmp_path, **variables(values))
    subprocess.run(
        [BIN / "python", "manage.py", "migrate", "--noinput"],
        cwd=ROOT,
        env=env,
        check=True,
        capture_output=True,
    )
    command = values["ExecStart"][0].replace("/opt/hypeweb/.venv/bin/", "")
    ping = next(
        one.words for one in commands() if one.words[3:5] == ("inspect", "ping")
    )
    host = socket.gethostname()
    words = [word.replace("$HOSTNAME", host) for word in ping]

    with running(*command.split(), env=env):
        assert succeeds_in_time(*words, env=env, seconds=60)


def test_hooks_are_local_and_their_programs_exist():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    (repository,) = yaml.safe_load(text)["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        assert (ROOT / hook["entry"].split()[0]).exists()

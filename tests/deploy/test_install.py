"""deploy/install: what it does on a fresh machine, and that it does it once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.reading import DEPLOY

NEEDED = ("bash", "cat", "cmp", "cp", "dirname", "mkdir")


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A folder with the script, an empty lock file and no Python on its PATH."""
    root = tmp_path / "checkout"
    (root / "deploy").mkdir(parents=True)
    shutil.copy(DEPLOY / "install", root / "deploy")
    (root / "requirements.txt").write_text("# nothing\n")
    (tmp_path / "bin").mkdir()
    for name in NEEDED:
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    return root


def install(
    checkout: Path, *locks: str, python: str = ""
) -> subprocess.CompletedProcess[str]:
    path = str(checkout.parent / "bin")
    return subprocess.run(
        [checkout / "deploy" / "install", *locks],
        env={**os.environ, "PATH": path, "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def test_install_without_a_lock_says_how_it_is_used(checkout):
    result = install(checkout)

    assert result.returncode == 2
    assert result.stderr == "usage: deploy/install LOCKFILE...\n"


def test_install_without_python_says_what_is_needed(checkout):
    result = install(checkout, "requirements.txt")

    assert result.returncode == 1
    assert result.stderr.startswith("Python 3.11 is needed")
    assert len(result.stderr.splitlines()) == 1
    assert not (checkout / ".venv").exists()


def test_install_takes_no_other_python(checkout):
    other = checkout.parent / "bin" / "python3"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)

    result = install(checkout, "requirements.txt")

    assert result.returncode == 1
    assert result.stderr.startswith("Python 3.11 is needed")


@pytest.mark.slow
def test_install_works_once_and_again_when_something_changed(checkout):
    lock = "requirements.txt"
    python = os.path.realpath(sys.executable)

    first = install(checkout, lock, python=python)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("Installing requirements.txt into .venv")
    assert (checkout / ".venv/bin/pip").exists()

    again = install(checkout, lock)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")

    (checkout / lock).write_text("# still nothing\n")
    changed = install(checkout, lock)
    assert changed.stdout.startswith("Installing requirements.txt into .venv")

    (checkout / lock).write_text("no-such-package @ file:///no/such/file.whl\n")
    for _ in range(2):
        failed = install(checkout, lock)
        assert failed.returncode == 1
        assert failed.stdout.endswith("failed:\n")
        assert "file.whl" in failed.stderr


@pytest.mark.slow
def test_install_makes_the_environment_anew_where_the_checkout_was_moved(checkout):
    python = os.path.realpath(sys.executable)
    install(checkout, "requirements.txt", python=python)
    moved = checkout.rename(checkout.with_name("moved"))

    result = install(moved, "requirements.txt", python=python)

    assert result.stdout.startswith("Installing requirements.txt into .venv")
    assert str(moved) in (moved / ".venv/bin/pip").read_text()

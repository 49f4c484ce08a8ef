import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hypeweb.sandbox.spawning import ROOT, spawned

# The child inherits the standard error, which is at an end when both have ended.
KILLED_PARENT = """
import os, signal
from hypeweb.sandbox.spawning import spawned
with spawned("hypeweb.services.processing", "1", env={}, stderr=None):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_ends_with_a_parent_that_is_killed(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_PARENT],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=ROOT,
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (-signal.SIGKILL, b"")


def test_a_child_knows_no_secret(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "secret")
    env = {"MALLOC_ARENA_MAX": "2"}
    with spawned("hypeweb.services.processing", "1", env=env, stderr=None) as process:
        known = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert b"MALLOC_ARENA_MAX=2" in known
    assert b"SECRET_KEY" not in known


def test_a_child_does_not_outlive_its_use():
    with (
        pytest.raises(ZeroDivisionError),
        spawned("hypeweb.services.processing", "1", env={}, stderr=None) as process,
    ):
        raise ZeroDivisionError
    assert process.returncode == -signal.SIGKILL

"""Who imports what at run time, and how processes start and stop."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from hypeweb import processes

ROOT = Path(settings.BASE_DIR)


def site_env(folder: Path) -> dict[str, str]:
    """Return the environment of a process of the site itself, not of its tests."""
    return {
        **os.environ,
        "HYPE_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "hypeweb.settings",
    }


def run_python(code: str, tmp_path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=site_env(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_web_process_never_imports_torch_or_metrics(tmp_path):
    code = (
        "import sys, importlib, pkgutil, hypeweb.wsgi, hypeweb.urls, hypeweb.admin\n"
        "import hypeweb.services, hypeweb.views\n"
        "for package in (hypeweb.services, hypeweb.views):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "
        "'.'):\n"
        "        importlib.import_module(module.name)\n"
        "print([m for m in ('torch', 'torchvision', 'metrics') if m in sys.modules])"
    )
    assert run_python(code, tmp_path) == "[]"


def test_metrics_run_without_django(tmp_path):
    code = (
        "import sys, metrics.evaluation, metrics.__main__\n"
        "print([m for m in ('django', 'celery', 'hypeweb') if m in sys.modules])"
    )
    assert run_python(code, tmp_path) == "[]"


def test_a_taken_port_is_a_sentence():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            processes.ProcessError,
            match=f"Port {port} is taken .* PORT={port + 1} make demo",
        ):
            processes.require_free(port)


def test_running_stops_the_process_and_its_children(tmp_path):
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(99)']\n"
        "child = subprocess.Popen(sleep)\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\ntime.sleep(99)"
    )
    log = tmp_path / "log"
    with processes.running([sys.executable, "-c", code], log=log) as process:
        while not (pid_file.exists() and pid_file.read_text()):
            time.sleep(0.02)
    assert process.returncode is not None
    child = Path("/proc") / pid_file.read_text()
    for _ in range(100):
        if not child.exists() or "Z" in (child / "stat").read_text().split()[2]:
            return
        time.sleep(0.05)
    pytest.fail("the child of a stopped process lives on")


def test_a_web_process_that_ends_at_once_is_named_with_its_last_line(tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-c", "print('No database.')"]
    with processes.running(command, log=log) as process:
        process.wait()
        with pytest.raises(processes.ProcessError, match="did not start: No database"):
            processes.wait_until_up("http://127.0.0.1:1/", process, log=log)


@pytest.mark.slow
def test_the_demo_stops_everything_on_ctrl_c(tmp_path):
    port = processes.free_port()
    demo = subprocess.Popen(
        [sys.executable, "manage.py", "demo"],
        cwd=ROOT,
        env={**site_env(tmp_path), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in demo.stdout:
            if "simulated evaluator 1 of" in line:
                break
        demo.send_signal(signal.SIGINT)
        output = demo.communicate(timeout=300)[0]
    finally:
        demo.kill()
    assert "Stopped." in output
    assert "Traceback" not in output
    processes.require_free(port)
    marker = f"HYPE_DATA_DIR={tmp_path}".encode()
    assert not [pid for pid in running_pids() if marker in environ_of(pid)]


def running_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def environ_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""

"""The site's own processes, started and stopped together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

GRACE_S = 5.0


class ProcessError(Exception):
    """A process that did not come up; the message says which and what to do."""


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def require_free(port: int) -> None:
    """Raise where another program has the port."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ProcessError(
                f"Port {port} is taken by another program ({error.strerror}). Stop it, "
                f"or choose another port: PORT={port + 1} make demo"
            ) from error


@contextmanager
def running(
    command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process group of its own, stopped at the end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - the site's own commands
            command,
            env={**os.environ, **(env or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


@contextmanager
def site(
    *, port: int, logs: Path, env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run the web process and a worker; lend the address."""
    python = sys.executable
    web = [
        *(python, "-m", "gunicorn", "hypeweb.wsgi", f"--bind=127.0.0.1:{port}"),
        "--config=python:hypeweb.gunicorn_conf",
        *("--worker-class=gthread", "--workers=2", "--threads=4"),
        *("--no-control-socket", "--log-level=warning"),
    ]
    worker = [
        *(python, "-m", "celery", "-A", "hypeweb.celery_app", "worker"),
        *("--concurrency=1", "--loglevel=WARNING", "--without-gossip"),
        "--without-mingle",
    ]
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        web_log = logs / "web.log"
        process = stack.enter_context(running(web, log=web_log, env=env))
        stack.enter_context(running(worker, log=logs / "worker.log", env=env))
        wait_until_up(f"{url}/health/", process, log=web_log)
        yield url


def wait_until_up(
    url: str, process: subprocess.Popen[bytes], *, log: Path, timeout_s: float = 60
) -> None:
    """Return once an address answers; raise where its process ended before."""
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            last = log.read_text(errors="replace").strip().rpartition("\n")[2]
            raise ProcessError(f"The web process did not start: {last} (see {log})")
        try:
            with opener.open(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise ProcessError(f"{url} did not answer within {timeout_s:.0f} s.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end with its children, then insist on the whole group."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

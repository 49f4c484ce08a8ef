"""The site's own processes, started and stopped together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
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
    command: Sequence[str], *, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process group of its own, stopped at the end."""
    process = subprocess.Popen(  # noqa: S603 - the site's own commands
        command, env={**os.environ, **(env or {})}, start_new_session=True
    )
    try:
        yield process
    finally:
        _stop(process)


@contextmanager
def site(*, port: int, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run the web process and a worker; lend the address."""
    python = sys.executable
    web = [
        *(python, "-m", "gunicorn", "hypeweb.wsgi", f"--bind=127.0.0.1:{port}"),
        "--config=python:hypeweb.gunicorn_conf",
        *("--worker-class=gthread", "--workers=2", "--threads=4"),
        "--log-level=warning",
    ]
    worker = [
        *(python, "-m", "celery", "-A", "hypeweb.celery_app", "worker"),
        *("--concurrency=1", "--loglevel=WARNING", "--without-gossip"),
        "--without-mingle",
    ]
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        process = stack.enter_context(running(web, env=env))
        stack.enter_context(running(worker, env=env))
        wait_until_up(f"{url}/health/", process)
        yield url


def wait_until_up(
    url: str, process: subprocess.Popen[bytes], *, timeout_s: float = 60
) -> None:
    """Return once an address answers; raise where its process ended before."""
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ProcessError(
                "The web process ended as soon as it was started; its message is above."
            )
        try:
            with opener.open(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise ProcessError(f"{url} did not answer within {timeout_s:.0f} s.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the whole group to end, then insist."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            continue
        if number == signal.SIGTERM and not _group_lives(process.pid):
            break


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True

"""Processes of our own that open strangers' files, apart from the site's secrets.

A plain child with two pipes: a worker of Celery's pool may start no other kind.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
# What the child may know of the worker's environment: where libraries are, no secret.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "LANG")


@contextmanager
def spawned(
    module: str, *arguments: str, env: Mapping[str, str], stderr: int | None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a module that serves its standard input; killed at the end.

    Where this process is killed first, the child finds its input at an end.
    """
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-P", "-m", module, *arguments],
            env={
                **passed_on,
                "PYTHONPATH": str(ROOT),
                "HOME": folder,
                "TMPDIR": folder,
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
                **env,
            },
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()
            # A dead process leaves what was not flushed to it, and closing flushes.
            with suppress(BrokenPipeError):
                pipe(process.stdin).close()


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a child's standard stream, which is there where it was asked for."""
    if stream is None:
        raise EOFError
    return stream

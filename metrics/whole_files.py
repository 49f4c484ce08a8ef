"""Write files that are never seen half written."""

import contextlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place and move it there.

    Parameters
    ----------
    path : Path
        Where the file is to be; a pipe or device is written to, not replaced.
    write : callable
        Takes the open binary file.

    Raises
    ------
    OSError
        If it cannot be written; what stood there before then still stands.
    """
    if is_special(path):
        with path.open("wb") as file:
            write(file)
        return
    target = path.resolve()
    # Not mkstemp: others may read the file as far as the umask lets them.
    temporary = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with temporary.open("xb") as file:
            write(file)
        temporary.replace(target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def is_special(path: Path) -> bool:
    """Return whether a path is a pipe or device, which must not be replaced.

    Parameters
    ----------
    path : Path
        The path; there may be nothing yet.

    Returns
    -------
    bool
        True for what exists and is no file, a folder among it.
    """
    return path.exists() and not path.is_file()

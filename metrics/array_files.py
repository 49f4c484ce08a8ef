"""Load arrays from npy and npz files, never more than the file can honestly hold."""

import lzma
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.errors import MetricsError

ARRAY_SUFFIXES = frozenset({".npz", ".npy"})
MAX_ARRAY_BYTES = 64 * 1024**3

_BOMB_BYTES = 1024**3
_BOMB_RATIO = 500
_IMAGE_NAMES = ("arr_0", "images", "samples")
# What numpy and zipfile raise on damaged files.
DAMAGE = (
    *(ValueError, OSError, EOFError, KeyError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    # zipfile's words for an encrypted member and for an unknown packing
    *(RuntimeError, NotImplementedError),
)


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return every array of an npy or npz file.

    Parameters
    ----------
    path : Path
        ``.npy`` (memory-mapped, under the name ``arr_0``) or ``.npz``.

    Returns
    -------
    dict of str to NDArray
        Arrays by name.

    Raises
    ------
    MetricsError
        If the file is damaged, holds pickled objects, or unpacks to far more than it
        weighs.
    """
    try:
        if path.suffix.lower() == ".npy":
            return {"arr_0": np.load(path, mmap_mode="r", allow_pickle=False)}
        _refuse_bomb(path)
        with np.load(path, allow_pickle=False) as archive:
            return {name: np.asarray(archive[name]) for name in archive.files}
    except MetricsError:
        raise
    except MemoryError:
        raise MetricsError(
            f"{path} does not fit into memory; save it as .npy, which is read in parts"
        ) from None
    except DAMAGE:
        raise MetricsError(
            f"{path} is damaged or holds Python objects instead of plain numbers; "
            "save it again with numpy.savez"
        ) from None


def find_images(arrays: dict[str, NDArray[Any]], *, name: str) -> NDArray[Any]:
    """Return the array of a file that holds its images.

    Parameters
    ----------
    arrays : dict of str to NDArray
        What `load_arrays` returned.
    name : str
        How an error names the file.

    Returns
    -------
    NDArray
        The only array, or the one named ``arr_0``, ``images`` or ``samples``; dtype
        and shape are for the caller to judge.

    Raises
    ------
    MetricsError
        If no array can be the images.
    """
    for candidate in _IMAGE_NAMES:
        if candidate in arrays:
            return arrays[candidate]
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    found = ", ".join(sorted(arrays)) or "nothing"
    raise MetricsError(
        f"{name} must hold its images as arr_0, got {found}; save them by that name"
    )


def _refuse_bomb(path: Path) -> None:
    """Refuse an npz whose members would unpack to far more than they weigh."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            bomb = entry.file_size > _BOMB_BYTES and (
                entry.file_size > _BOMB_RATIO * max(entry.compress_size, 1)
            )
            if bomb or entry.file_size > MAX_ARRAY_BYTES:
                raise MetricsError(
                    f"{path} would unpack {entry.filename} from "
                    f"{entry.compress_size:,} to {entry.file_size:,} bytes; "
                    "save a smaller array"
                )

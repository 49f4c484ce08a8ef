"""The one boundary check of the metric kernels: what an array must look like."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

MATRIX_AXES = 2


def check_rows(rows: Array, *, name: str, least: int = 1) -> Array:
    """Return `rows` once it is known to be a finite floating matrix.

    Parameters
    ----------
    rows : array of shape (n, d), float32 or float64
        Features, logits or other values, one image a row.
    name : str
        What the message calls the array.
    least : int
        The smallest n accepted.

    Returns
    -------
    array of shape (n, d), float32 or float64
        The same array, not copied.

    Raises
    ------
    ValueError
        If the array is not a matrix of float32 or float64, has fewer than `least` rows
        or no columns, or holds a value that is not finite.
    """
    if rows.ndim != MATRIX_AXES:
        raise ValueError(f"{name} must have two axes (images, values), got {rows.ndim}")
    if rows.dtype not in (np.float32, np.float64):
        raise ValueError(f"{name} must be float32 or float64, got {rows.dtype}")
    if rows.shape[0] < least:
        raise ValueError(f"{name} must have at least {least} rows, got {rows.shape[0]}")
    if rows.shape[1] == 0:
        raise ValueError(f"{name} must have at least one column, got none")
    # Minimum and maximum carry NaN and infinity through, without a mask as large as
    # the array.
    if not np.isfinite(rows.min()) or not np.isfinite(rows.max()):
        bad_rows = int((~np.isfinite(rows)).any(axis=1).sum())
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in {bad_rows} of "
            f"{rows.shape[0]} rows"
        )
    return rows


def check_same_columns(
    rows1: Array, rows2: Array, *, name1: str = "features1", name2: str = "features2"
) -> None:
    """Raise unless both matrices have the same number of columns.

    Parameters
    ----------
    rows1, rows2 : array of shape (n1, d) and (n2, d)
        The matrices compared.
    name1, name2 : str
        What the message calls them.

    Raises
    ------
    ValueError
        If the second axes differ.
    """
    if rows1.shape[1] != rows2.shape[1]:
        raise ValueError(
            f"{name1} and {name2} must have equally many columns, got "
            f"{rows1.shape[1]} and {rows2.shape[1]}"
        )

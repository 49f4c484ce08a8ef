"""Statistics and features in files, in place of the images they came from.

A statistics file is an npz with ``mu`` and ``sigma``, as every other library writes
and reads it; ours also says what they belong to.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.array_files import ARRAY_SUFFIXES, load_arrays
from metrics.errors import MetricsError
from metrics.images import ImageSource, open_source
from metrics.moments import Moments
from metrics.whole_files import write_whole

_MATRIX_AXES = 2
_FEATURES = "features"
_LOGITS = "logits"
# Beside the largest entry, for covariances that were computed in half precision.
_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class StoredStatistics:
    """Mean and covariance of features that somebody computed before.

    Attributes
    ----------
    name : str
        The file.
    moments : Moments
        Mean (d,) and covariance (d, d), float64; a count of 0 where it is unknown.
    provenance : dict of str to object
        What the file says of its origin; empty for other libraries' files.
    """

    name: str
    moments: Moments
    provenance: dict[str, object]


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """Features, and perhaps logits, that somebody computed before.

    Attributes
    ----------
    name : str
        The file.
    features : NDArray of float32 or float64, shape (n, d)
        One image a row.
    logits : NDArray of float32 or float64, shape (n, c), or None
        Outputs of the classifier.
    rows : tuple of int or None
        For every row its number in the file; None where no row was left out.
    """

    name: str
    features: NDArray[Any]
    logits: NDArray[Any] | None
    rows: tuple[int, ...] | None = None


Input = ImageSource | StoredStatistics | StoredFeatures


def open_input(path: str | Path) -> Input:
    """Return images, or the statistics or features a file holds instead.

    Parameters
    ----------
    path : str or Path
        As for `metrics.images.open_source`; or an npz with ``mu`` and ``sigma``; or
        an npz with ``features`` of shape (n, d), or an npy of that shape.

    Returns
    -------
    ImageSource, StoredStatistics or StoredFeatures
        By what stands in the file.

    Raises
    ------
    MetricsError
        If the file is none of these or its arrays do not fit together.
    """
    path = Path(path)
    if path.suffix.lower() not in ARRAY_SUFFIXES or not path.is_file():
        return open_source(path)
    arrays = load_arrays(path)
    if {"mu", "sigma"} <= set(arrays):
        return _statistics(arrays, str(path))
    features = arrays.get(_FEATURES)
    if features is None and set(arrays) == {"arr_0"}:
        features = arrays["arr_0"]
    if features is not None and features.ndim == _MATRIX_AXES:
        return _features(features, arrays.get(_LOGITS), str(path))
    return open_source(path)


def save_statistics(
    path: Path, moments: Moments, provenance: dict[str, object]
) -> None:
    """Write mean and covariance where other libraries can read them.

    Parameters
    ----------
    path : Path
        An npz; moved into place when complete.
    moments : Moments
        What to write, as ``mu`` and ``sigma``.
    provenance : dict of str to object
        Extractor, layer, weights, resize; kept as JSON under ``provenance``.

    Raises
    ------
    MetricsError
        If the file cannot be written.
    """
    arrays: dict[str, Any] = {
        "mu": moments.mean,
        "sigma": moments.cov,
        "count": np.array(moments.count),
        "provenance": np.array(json.dumps(provenance)),
    }
    try:
        write_whole(path, lambda file: np.savez(file, **arrays))
    except OSError as error:
        raise MetricsError(
            f"{path} cannot be written ({error.strerror}); name another place"
        ) from None


def _statistics(arrays: dict[str, NDArray[Any]], name: str) -> StoredStatistics:
    for key in ("mu", "sigma"):
        if arrays[key].dtype.kind not in "fiu":
            raise MetricsError(
                f"{name} must hold {key} as real numbers, got {arrays[key].dtype}"
            )
    mean = np.atleast_1d(np.asarray(arrays["mu"], dtype=np.float64).squeeze())
    cov = np.atleast_2d(np.asarray(arrays["sigma"], dtype=np.float64))
    if mean.ndim != 1 or mean.size == 0 or cov.shape != (mean.size, mean.size):
        raise MetricsError(
            f"{name} must hold mu of shape (d,) and sigma of shape (d, d), got "
            f"{arrays['mu'].shape} and {arrays['sigma'].shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(cov).all()):
        raise MetricsError(f"{name} holds values that are not finite; compute it anew")
    _check_covariance(cov, name)
    count = _count(arrays["count"], name) if "count" in arrays else 0
    provenance = (
        _provenance(arrays["provenance"], name) if "provenance" in arrays else {}
    )
    return StoredStatistics(name, Moments(count, mean, cov), provenance)


def _check_covariance(cov: NDArray[np.float64], name: str) -> None:
    slack = _ROUNDING * np.abs(cov).max()
    if np.abs(cov - cov.T).max() > slack:
        raise MetricsError(
            f"{name} holds a sigma that is not symmetric, so it is no covariance; "
            "compute it anew"
        )
    # the diagonal first: it is cheap, and no eigenvalue is above its least entry
    if np.diag(cov).min() < -slack or np.linalg.eigvalsh(cov)[0] < -slack:
        raise MetricsError(
            f"{name} holds a sigma with negative variances, so it is no covariance; "
            "compute it anew"
        )


def _count(stored: NDArray[Any], name: str) -> int:
    whole = stored.size == 1 and stored.dtype.kind in "fiu"
    if not (whole and stored.item() >= 0 and float(stored.item()).is_integer()):
        raise MetricsError(
            f"{name} must hold count as one whole number of images, got "
            f"{stored.dtype} of shape {stored.shape}"
        )
    return int(stored.item())


def _provenance(stored: NDArray[Any], name: str) -> dict[str, object]:
    try:
        found = json.loads(str(stored))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise MetricsError(
            f"{name} must hold provenance as the text of one JSON object; make the "
            "file anew or leave provenance out"
        )
    return found


def _features(
    features: NDArray[Any], logits: NDArray[Any] | None, name: str
) -> StoredFeatures:
    for what, rows in ((_FEATURES, features), (_LOGITS, logits)):
        if rows is None:
            continue
        if rows.ndim != _MATRIX_AXES or not np.issubdtype(rows.dtype, np.floating):
            raise MetricsError(
                f"{name} must hold {what} as floating numbers of shape (n, d), got "
                f"{rows.dtype} of shape {rows.shape}; convert them, or give images of "
                "shape (n, height, width, 3)"
            )
        if len(rows) != len(features):
            raise MetricsError(
                f"{name} holds {len(features)} rows of features and {len(rows)} of "
                "logits; save both of the same images"
            )
        if not np.isfinite(rows).all():
            raise MetricsError(
                f"{name} holds {what} that are not finite; make them anew"
            )
    return StoredFeatures(name, features, logits)

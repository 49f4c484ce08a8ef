"""Take no more images of a side than asked for, in whatever form it came."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metrics.findings import Finding
from metrics.images import SubsetSource, image_hashes_of
from metrics.statistics_files import Input, StoredFeatures, StoredStatistics


def limit_input(
    given: Input, *, limit: int | None, rng: np.random.Generator
) -> tuple[Input, list[Finding]]:
    """Return a random choice of a side's images, or the side where it is small enough.

    Parameters
    ----------
    given : ImageSource, StoredStatistics or StoredFeatures
        One side.
    limit : int or None
        Images at most; None for all.
    rng : numpy.random.Generator
        The draw; either side needs its own, or the draws are paired.

    Returns
    -------
    given : ImageSource, StoredStatistics or StoredFeatures
        At most `limit` images or rows of features, in the order they had.
    findings : list of Finding
        ``limit-not-applied`` for statistics, of which no images can be left out.

    Notes
    -----
    Images are drawn by the rank of their hash: the same images in another order, or
    under other names, give the same choice.
    """
    if limit is None:
        return given, []
    if isinstance(given, StoredStatistics):
        return given, _cannot_limit(given, limit)
    n_images = len(given.features) if isinstance(given, StoredFeatures) else len(given)
    if n_images <= limit:
        return given, []
    drawn = rng.choice(n_images, limit, replace=False)
    if isinstance(given, StoredFeatures):
        return _rows_of(given, _in_place(drawn, _row_hashes(given))), []
    return SubsetSource(given, _in_place(drawn, image_hashes_of(given))), []


def _in_place(drawn: NDArray[np.intp], hashes: Sequence[str]) -> list[int]:
    """Return the places, ascending, of the images whose hashes have the ranks drawn."""
    by_hash = sorted(range(len(hashes)), key=hashes.__getitem__)
    return sorted(by_hash[rank] for rank in drawn)


def _row_hashes(given: StoredFeatures) -> Sequence[str]:
    rows = (np.asarray(row, dtype=np.float32) for row in given.features)
    return [hashlib.sha256(row.tobytes()).hexdigest() for row in rows]


def _rows_of(given: StoredFeatures, chosen: Sequence[int]) -> StoredFeatures:
    return replace(
        given,
        features=given.features[chosen],
        logits=None if given.logits is None else given.logits[chosen],
        rows=tuple(chosen),
    )


def _cannot_limit(given: StoredStatistics, limit: int) -> list[Finding]:
    if 0 < given.moments.count <= limit:
        return []
    return [
        Finding(
            "limit-not-applied",
            f"{given.name} holds mean and covariance of "
            f"{given.moments.count or 'an unknown number of'} images, of which none "
            f"can be left out: the limit of {limit} is on the other side only.",
        )
    ]

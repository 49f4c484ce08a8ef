"""Take no more images of a side than asked for, in whatever form it came."""

from dataclasses import replace

import numpy as np

from metrics.findings import Finding
from metrics.images import SubsetSource
from metrics.statistics_files import Input, StoredFeatures, StoredStatistics


def limit_input(
    given: Input, *, limit: int | None, seed: int
) -> tuple[Input, list[Finding]]:
    """Return a random choice of a side's images, or the side where it is small enough.

    Parameters
    ----------
    given : ImageSource, StoredStatistics or StoredFeatures
        One side.
    limit : int or None
        Images at most; None for all.
    seed : int
        Seed of the draw.

    Returns
    -------
    given : ImageSource, StoredStatistics or StoredFeatures
        At most `limit` images or rows of features, in the order they had.
    findings : list of Finding
        ``limit-not-applied`` for statistics, of which no images can be left out.
    """
    if limit is None:
        return given, []
    if isinstance(given, StoredStatistics):
        return given, _cannot_limit(given, limit)
    n_images = len(given.features) if isinstance(given, StoredFeatures) else len(given)
    if n_images <= limit:
        return given, []
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(n_images, limit, replace=False))
    if isinstance(given, StoredFeatures):
        logits = None if given.logits is None else given.logits[chosen]
        return replace(given, features=given.features[chosen], logits=logits), []
    return SubsetSource(given, chosen.tolist()), []


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

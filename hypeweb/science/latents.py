"""What a generator is fed: truncated normal latents and class labels, reproducibly.

References
----------
.. [1] Brock, Donahue and Simonyan, "Large scale GAN training for high fidelity natural
   image synthesis", ICLR 2019, arXiv:1809.11096 (the truncation trick, section 3.1).
.. [2] Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

# Below, almost every draw is thrown away, and all images are the mean image.
MIN_TRUNCATION = 0.01
# More than expected is drawn at once, so that a second round is rare.
RESERVE = 1.1
MIN_DRAWS = 16


def draw_latents(
    *, seed: int, start: int, n: int, shape: Sequence[int], truncation: float | None
) -> NDArray[np.float32]:
    """Return the latents of consecutive samples.

    Parameters
    ----------
    seed : int
        Names the whole endless row of samples, not negative.
    start : int
        Index of the first sample wanted.
    n : int
        How many.
    shape : sequence of int
        Shape of one sample's latent.
    truncation : float or None
        Largest distance of a component from 0; None keeps the normal distribution
        whole.

    Returns
    -------
    NDArray[np.float32] of shape (n, ...)
        Independent components, standard normal given that none is beyond the
        truncation.

    Raises
    ------
    ValueError
        If the truncation is below 0.01.

    Notes
    -----
    A component beyond the truncation is drawn again until it is within [1]_: exact
    rejection sampling, not clipping and not scaling. Sample i has a counter-based
    generator of its own [2]_, seeded with (seed, i): its latent depends on nothing
    else, neither on how many samples are drawn nor in which batches. Components within
    every truncation are the same under all of them, so that sets of one seed differ
    by the truncation alone.
    """
    if truncation is not None and not truncation >= MIN_TRUNCATION:
        raise ValueError(
            f"truncation must be at least {MIN_TRUNCATION}, got {truncation}"
        )
    size = math.prod(shape)
    rows = [_draw_one(seed, start + i, size, truncation) for i in range(n)]
    return np.array(rows, dtype=np.float32).reshape(n, *shape)


def kept_share(truncation: float) -> float:
    """Return the share of a normal distribution's draws within a truncation.

    Parameters
    ----------
    truncation : float
        Distance from 0, above 0.

    Returns
    -------
    float
        Probability of a value within [-truncation, truncation], in (0, 1].
    """
    return float(special.erf(truncation / math.sqrt(2)))


def truncated_deviation(truncation: float | None) -> float:
    """Return the standard deviation of a truncated component.

    Parameters
    ----------
    truncation : float or None
        Distance from 0, above 0; None for no truncation.

    Returns
    -------
    float
        In (0, 1]; 1 without truncation.
    """
    if truncation is None:
        return 1.0
    density = math.exp(-(truncation**2) / 2) / math.sqrt(2 * math.pi)
    return math.sqrt(1 - 2 * truncation * density / kept_share(truncation))


def class_labels(counts: Sequence[int], *, start: int, n: int) -> NDArray[np.int64]:
    """Return the classes of consecutive samples that come class by class.

    Parameters
    ----------
    counts : sequence of int
        Samples wanted of each class, not negative.
    start : int
        Index of the first sample.
    n : int
        How many.

    Returns
    -------
    NDArray[np.int64] of shape (n,)
        Numbers of classes; beyond the last sample they begin again.

    Raises
    ------
    ValueError
        If a count is negative or all are 0.
    """
    ends = np.cumsum(np.asarray(counts, dtype=np.int64))
    if not ends.size or min(counts) < 0 or ends[-1] == 0:
        raise ValueError(f"counts must not be negative nor all 0, got {list(counts)}")
    places = np.arange(start, start + n, dtype=np.int64) % ends[-1]
    labels: NDArray[np.int64] = np.searchsorted(ends, places, side="right")
    return labels


def uniform_counts(n: int, *, n_classes: int) -> list[int]:
    """Return how many samples each class gets when all get as many as can be.

    Parameters
    ----------
    n : int
        Samples in all.
    n_classes : int
        Number of classes, above 0.

    Returns
    -------
    list of int
        Counts that differ by at most one, the larger ones first.
    """
    each, rest = divmod(n, n_classes)
    return [each + (k < rest) for k in range(n_classes)]


def _draw_one(
    seed: int, index: int, size: int, truncation: float | None
) -> NDArray[np.float64]:
    sequence = np.random.SeedSequence(seed, spawn_key=(index,))
    rng = np.random.Generator(np.random.Philox(sequence))
    latent = rng.standard_normal(size)
    if truncation is None:
        return latent
    share = kept_share(truncation)
    beyond = np.flatnonzero(np.abs(latent) > truncation)
    while beyond.size:
        drawn = rng.standard_normal(MIN_DRAWS + int(RESERVE * beyond.size / share))
        kept = drawn[np.abs(drawn) <= truncation][: beyond.size]
        latent[beyond[: kept.size]] = kept
        beyond = beyond[kept.size :]
    return latent

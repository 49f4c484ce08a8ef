"""Which images an evaluator sees, and in which order."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Truth = Literal["real", "fake"]


def truth_order(
    *, n_real: int, n_fake: int, rng: np.random.Generator
) -> list[Literal["real", "fake"]]:
    """Return the truth of every trial of a block: exact counts in random order.

    Parameters
    ----------
    n_real, n_fake : int
        How many trials show a real and a generated image.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    list of {"real", "fake"}, length n_real + n_fake
        Every order of these counts is equally likely.

    Raises
    ------
    ValueError
        If a count is negative.

    Notes
    -----
    There is no limit on runs of one truth: with one, an evaluator who counts knows the
    answer after a full run. Exact counts leak a little too (the last trials can be
    inferred by who counted all before); the protocol states the counts openly, so every
    evaluator has the same knowledge.
    """
    _require_count(n_real, "n_real")
    _require_count(n_fake, "n_fake")
    is_real = np.arange(n_real + n_fake) < n_real
    rng.shuffle(is_real)
    return ["real" if real else "fake" for real in is_real]


def choose_least_shown(
    *, shown_counts: NDArray[np.integer], n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return which images to show: those shown least often, ties drawn at random.

    Parameters
    ----------
    shown_counts : ndarray of shape (n_images,), int
        How often each image of the pool was shown before.
    n : int
        How many images to choose, each at most once.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (n,), int64
        Indices into the pool in random order.

    Raises
    ------
    ValueError
        If `shown_counts` is not one-dimensional, or the pool holds fewer than n images.
    """
    _require_count(n, "n")
    if shown_counts.ndim != 1:
        raise ValueError(
            f"shown_counts must have one dimension, got {shown_counts.ndim}."
        )
    if n > shown_counts.size:
        raise ValueError(
            f"n must be at most the {shown_counts.size} images of the pool, got {n}."
        )
    shuffled = rng.permutation(shown_counts.size)
    by_count = np.argsort(shown_counts[shuffled], kind="stable")
    return rng.permutation(shuffled[by_count[:n]]).astype(np.int64)


def _require_count(value: int, name: str) -> None:
    if value < 0:
        raise ValueError(f"{name} must be at least 0, got {value}.")

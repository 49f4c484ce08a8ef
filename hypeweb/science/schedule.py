"""Which images an evaluator sees."""

import numpy as np
from numpy.typing import NDArray


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

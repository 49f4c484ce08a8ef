"""Which images an evaluator sees, and in which order the arms."""

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


def balanced_orders(n: int) -> list[tuple[int, ...]]:
    """Return orders of n conditions in which each precedes each other equally often.

    Parameters
    ----------
    n : int
        Number of conditions, at least 1.

    Returns
    -------
    list of tuple of int
        Orders of 0 to n - 1: n of them where n is even, 2 n where it is odd. Over all
        of them, each condition is in each place equally often, and each ordered pair
        of conditions comes one right after the other equally often.

    Raises
    ------
    ValueError
        If n is below 1.

    Notes
    -----
    The first order of the square is 0, 1, n - 1, 2, n - 2, ...; the others add a
    number modulo n. With an odd n half of the orders are those of the square backwards.

    References
    ----------
    .. [1] Williams, "Experimental designs balanced for the estimation of residual
       effects of treatments", Australian J. Scientific Research A 2 (1949).
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}.")
    first = [
        0,
        *(
            step // 2 + 1 if step % 2 == 0 else n - step // 2 - 1
            for step in range(n - 1)
        ),
    ]
    square = [tuple((entry + shift) % n for entry in first) for shift in range(n)]
    if n % 2 == 0 or n == 1:
        return square
    return square + [order[::-1] for order in square]


def _require_count(value: int, name: str) -> None:
    if value < 0:
        raise ValueError(f"{name} must be at least 0, got {value}.")

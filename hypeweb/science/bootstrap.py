"""Percentile bootstrap over evaluators, vectorised."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.estimates import Interval

CHUNK_ENTRIES = 4_000_000
OVER_EVALUATORS = "bootstrap over evaluators, percentile"


def resample_counts(
    *, n: int, n_bootstrap: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return how often each of n units is drawn in every resample of n.

    Parameters
    ----------
    n : int
        Number of units, at least 1.
    n_bootstrap : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (n_bootstrap, n), float64
        Counts; every row sums to n.
    """
    drawn = rng.integers(n, size=(n_bootstrap, n))
    drawn += n * np.arange(n_bootstrap)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=n_bootstrap * n)
    return counts.reshape(n_bootstrap, n).astype(np.float64)


def chunk_sizes(*, n_bootstrap: int, n_units: int) -> Iterator[int]:
    """Yield sizes of parts of the resamples that keep memory in bounds.

    Parameters
    ----------
    n_bootstrap : int
        Number of resamples in all.
    n_units : int
        Entries that one resample needs.

    Yields
    ------
    int
        Resamples of one part; the parts sum to `n_bootstrap`.
    """
    size = max(1, CHUNK_ENTRIES // max(1, n_units))
    for start in range(0, n_bootstrap, size):
        yield min(size, n_bootstrap - start)


def evaluator_sums(
    values: NDArray[np.float64], *, n_bootstrap: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the column sums of every resample of the rows.

    Parameters
    ----------
    values : ndarray of shape (n_evaluators, n_columns), float64
        One row per evaluator.
    n_bootstrap : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (n_bootstrap, n_columns), float64
        Sums over as many evaluators as there are, drawn with replacement.

    Raises
    ------
    ValueError
        If there is no evaluator or no resample.

    References
    ----------
    .. [1] Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13 (1993).
    """
    n_evaluators = values.shape[0]
    if n_evaluators < 1 or n_bootstrap < 1:
        raise ValueError(
            "A bootstrap needs at least 1 evaluator and 1 resample, got "
            f"{n_evaluators} and {n_bootstrap}."
        )
    return np.concatenate(
        [
            resample_counts(n=n_evaluators, n_bootstrap=size, rng=rng) @ values
            for size in chunk_sizes(n_bootstrap=n_bootstrap, n_units=n_evaluators)
        ]
    )


def percentile_interval(
    replicates: NDArray[np.float64], *, level: float, method: str
) -> Interval:
    """Return the percentile interval of bootstrap replicates.

    Parameters
    ----------
    replicates : ndarray of shape (n_bootstrap,), float64
        The number in every resample; NaN where a resample has none, left out.
    level : float
        Wanted coverage, between 0 and 1.
    method : str
        What to call it.

    Returns
    -------
    Interval
        Its standard error is the standard deviation of the replicates.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.
    """
    require_level(level)
    kept = replicates[np.isfinite(replicates)]
    if kept.size < 2:  # noqa: PLR2004 a spread needs two
        return Interval(
            low=None, high=None, std_error=None, method="no interval: too few resamples"
        )
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
    return Interval(
        low=float(low), high=float(high), std_error=float(kept.std()), method=method
    )


def require_level(level: float) -> None:
    """Raise unless a level of coverage is a proportion.

    Parameters
    ----------
    level : float
        Wanted coverage.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}.")

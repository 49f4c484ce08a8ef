"""Bootstrap over evaluators, and over evaluators and images, vectorised."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK_ENTRIES = 2_000_000
MANY_EVALUATORS = 2_000
# Scores are shares or milliseconds; what they differ in beyond is rounding.
TIED_DECIMALS = 9
OVER_EVALUATORS = "bootstrap over evaluators, percentile"


@dataclass(frozen=True)
class Interval:
    """An interval and how it was made.

    Attributes
    ----------
    low, high : float or None
        Bounds in the unit of the number; None where the data hold no interval.
    std_error : float or None
        Standard error in the same unit; None where there is none.
    method : str
        How the interval was made, or why there is none, in words for a report.
    """

    low: float | None
    high: float | None
    std_error: float | None
    method: str


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

    Notes
    -----
    From 2,000 evaluators on, the sums are drawn from the normal distribution that the
    resamples follow then, which takes no time whatever the number of evaluators.

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
    if n_evaluators >= MANY_EVALUATORS:
        covariance = n_evaluators * np.atleast_2d(np.cov(values.T, bias=True))
        return rng.multivariate_normal(values.sum(axis=0), covariance, n_bootstrap)
    return np.concatenate(
        [
            resample_counts(n=n_evaluators, n_bootstrap=size, rng=rng) @ values
            for size in chunk_sizes(n_bootstrap=n_bootstrap, n_units=n_evaluators)
        ]
    )


def two_way_sums(
    tables: Sequence[NDArray[np.float64]],
    *,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return weighted sums of every resample of evaluators and of images.

    Parameters
    ----------
    tables : sequence of ndarray of shape (n_columns, n_evaluators, n_images)
        One table per group of images (generated, real), float64; the groups are
        resampled apart, the evaluators together. Numbers of images may differ.
    n_bootstrap : int
        Number of resamples.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (n_bootstrap, n_tables * n_columns), float64
        Sums in which a cell counts as often as its evaluator times its image is drawn;
        the columns of the first table first.

    Notes
    -----
    This "pigeonhole" bootstrap overstates the variance: the noise of single judgments
    enters up to three times [1]_. Rescale its deviations, see `rescale_deviations`.

    References
    ----------
    .. [1] Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007).
    """
    n_evaluators = tables[0].shape[1]
    n_cells = max(n_evaluators, *(table.shape[2] for table in tables))
    parts = []
    for size in chunk_sizes(n_bootstrap=n_bootstrap, n_units=n_cells):
        people = resample_counts(n=n_evaluators, n_bootstrap=size, rng=rng)
        columns = []
        for table in tables:
            n_images = table.shape[2]
            images = resample_counts(n=n_images, n_bootstrap=size, rng=rng)
            columns += [
                np.einsum("bi,bi->b", people @ column, images) for column in table
            ]
        parts.append(np.stack(columns, axis=1))
    return np.concatenate(parts)


def rescale_deviations(
    replicates: NDArray[np.float64],
    *,
    values: NDArray[np.float64],
    variances: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return replicates whose deviations from the values have the given variances.

    Parameters
    ----------
    replicates : ndarray of shape (n_bootstrap, k), float64
        Bootstrap replicates; NaN where a resample has no value.
    values : ndarray of shape (k,), float64
        The numbers they deviate from.
    variances : ndarray of shape (k,), float64
        Wanted variance of every column.

    Returns
    -------
    ndarray of shape (n_bootstrap, k), float64
        The shape of the distribution, its skewness included, stays.
    """
    deviations = replicates - values
    present = np.isfinite(deviations)
    counts = np.maximum(present.sum(axis=0), 1)
    spread = np.where(present, deviations, 0.0) ** 2
    now = spread.sum(axis=0) / counts
    factors = np.sqrt(np.divide(variances, now, out=np.ones_like(now), where=now > 0))
    scaled: NDArray[np.float64] = values + deviations * factors
    return scaled


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

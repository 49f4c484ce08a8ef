"""Do people and a metric order the arms alike? Rank correlation over arms."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from math import factorial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hypeweb.science.bootstrap import (
    TIED_DECIMALS,
    percentile_interval,
    require_level,
)

Coefficient = Literal["spearman", "kendall"]

EXACT_UP_TO = 8
OVER_BOTH_SIDES = "people and images of both sides resampled, arms as they are"


@dataclass(frozen=True)
class RankCorrelation:
    """How alike two measures order the arms.

    Attributes
    ----------
    coefficient : {"spearman", "kendall"}
        Which one.
    value : float or None
        Between -1 and 1; None with fewer than two arms or without any order.
    p_value : float or None
        Two-sided, exact up to eight arms.
    smallest_p : float or None
        What perfect agreement of so many arms would give.
    low, high : float or None
        Interval from the uncertainty of both measures.
    n_arms : int
        Arms with both measures.
    statement : str
        What that says, as a sentence.
    """

    coefficient: Coefficient
    value: float | None
    p_value: float | None
    smallest_p: float | None
    low: float | None
    high: float | None
    n_arms: int
    statement: str


def rank_correlation(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    coefficient: Coefficient = "spearman",
    replicates: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    level: float = 0.95,
) -> RankCorrelation:
    """Return the rank correlation of two measures over arms.

    Parameters
    ----------
    first, second : ndarray of shape (n_arms,), float64
        The measures, say HYPE_inf and FID, without missing values.
    coefficient : {"spearman", "kendall"}
        Spearman's rho or Kendall's tau-b.
    replicates : tuple of two ndarray of shape (n_bootstrap, n_arms), float64, optional
        Resamples of both measures, drawn independently of each other; repeat the
        values where a side is known exactly. Without them there is no interval.
    level : float
        Coverage of the interval.

    Returns
    -------
    RankCorrelation
        With a sentence instead of a verdict where there are too few arms.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.

    Notes
    -----
    The p-value treats the arms as drawn from many; the interval treats the arms as they
    are and asks how the coefficient would vary with other evaluators and other images.
    Noise in either measure pulls the resampled coefficient towards 0, so the interval
    need not be centred on the value. What differs in the tenth decimal is a tie.

    References
    ----------
    .. [1] Kendall and Gibbons, "Rank Correlation Methods" (1990).
    """
    _require_pairs(first, second)
    first, second = np.round(first, TIED_DECIMALS), np.round(second, TIED_DECIMALS)
    n_arms = first.size
    value = _value(first, second, coefficient)
    if value is None:
        return RankCorrelation(
            coefficient, None, None, None, None, None, n_arms, _no_value(first, second)
        )
    p_value = _p_value(first, second, coefficient)
    smallest_p = 2 / factorial(n_arms)
    low = high = None
    if replicates is not None:
        drawn = _row_values(*replicates, coefficient)
        interval = percentile_interval(drawn, level=level, method=OVER_BOTH_SIDES)
        low, high = interval.low, interval.high
    return RankCorrelation(
        coefficient=coefficient,
        value=value,
        p_value=p_value,
        smallest_p=smallest_p,
        low=low,
        high=high,
        n_arms=n_arms,
        statement=_statement(n_arms, p_value, min(smallest_p, 1.0)),
    )


def normal_replicates(
    values: NDArray[np.float64],
    intervals: NDArray[np.float64],
    *,
    n_bootstrap: int,
    rng: np.random.Generator,
    level: float = 0.95,
) -> NDArray[np.float64]:
    """Return replicates of measures of which only intervals are known.

    Parameters
    ----------
    values : ndarray of shape (n_arms,), float64
        The measure of every arm.
    intervals : ndarray of shape (n_arms, 2), float64
        Bounds; NaN where there is none, and the value then counts as exact.
    n_bootstrap : int
        Number of replicates.
    rng : numpy.random.Generator
        Source of randomness.
    level : float
        Coverage of the intervals.

    Returns
    -------
    ndarray of shape (n_bootstrap, n_arms), float64
        Normal around the values, with the intervals' widths.
    """
    require_level(level)
    widths = np.nan_to_num(intervals[:, 1] - intervals[:, 0])
    spread = widths / (2 * stats.norm.ppf((1 + level) / 2))
    return rng.normal(values, spread, size=(n_bootstrap, values.size))


def _require_pairs(first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            "Both measures must have one value per arm, got shapes "
            f"{first.shape} and {second.shape}."
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("Both measures must be finite; leave arms without one out.")


def _value(
    first: NDArray[np.float64], second: NDArray[np.float64], coefficient: Coefficient
) -> float | None:
    if first.size < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:  # noqa: PLR2004
        return None
    return float(_row_values(first[None], second[None], coefficient)[0])


def _row_values(
    first: NDArray[np.float64], second: NDArray[np.float64], coefficient: Coefficient
) -> NDArray[np.float64]:
    """Return the coefficient of every row; NaN where a row has no order."""
    transform = _ranks if coefficient == "spearman" else _signs
    a, b = transform(first), transform(second)
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
        )


def _ranks(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    ranks = stats.rankdata(rows, axis=1)
    return np.asarray(ranks - ranks.mean(axis=1, keepdims=True))


def _signs(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    i, j = np.triu_indices(rows.shape[1], k=1)
    return np.sign(rows[:, i] - rows[:, j])


def _p_value(
    first: NDArray[np.float64], second: NDArray[np.float64], coefficient: Coefficient
) -> float:
    if first.size > EXACT_UP_TO:
        test: Callable[..., tuple[float, float]] = (
            stats.spearmanr if coefficient == "spearman" else stats.kendalltau
        )
        return float(test(first, second)[1])
    orders = np.array(list(permutations(range(second.size))))
    shuffled = _row_values(
        np.broadcast_to(first, orders.shape), second[orders], coefficient
    )
    observed = _row_values(first[None], second[None], coefficient)[0]
    # Sums of floats differ in the last digit between equal arrangements.
    return float(np.mean(np.abs(shuffled) >= abs(observed) - 1e-9))


def _no_value(first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
    if first.size < 2:  # noqa: PLR2004
        return f"{first.size} arm: there is no order to compare."
    which = "first" if np.ptp(first) == 0 else "second"
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        which = "first and the second"
    return f"The {which} measure is equal in all arms: there is no order to compare."


def _statement(n_arms: int, p_value: float, smallest_p: float) -> str:
    if smallest_p > 0.05:  # noqa: PLR2004
        return (
            f"{n_arms} arms are too few to say anything: even perfect agreement has "
            f"p = {smallest_p:.2g}."
        )
    if p_value > 0.05:  # noqa: PLR2004
        return (
            f"With {n_arms} arms this could well be chance (p = {p_value:.2g}): "
            "neither agreement nor its absence is shown."
        )
    return f"With {n_arms} arms this is unlikely to be chance (p = {p_value:.2g})."

"""The values every score is made of: a number, its interval, and what to mind."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.bootstrap import (
    OVER_EVALUATORS,
    Interval,
    evaluator_sums,
    percentile_interval,
)


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and what it rests on.

    Attributes
    ----------
    value : float or None
        The number; None where no judgment bears on it. Never NaN.
    low, high : float or None
        Bounds of the interval; None where there is none, `method` says why.
    n_evaluators, n_judgments : int
        How many people and answers the number rests on.
    method : str
        How the interval was made, in words for a report.
    std_error : float or None
        Standard error in the unit of the number.
    """

    value: float | None
    low: float | None
    high: float | None
    n_evaluators: int
    n_judgments: int
    method: str
    std_error: float | None = None


@dataclass(frozen=True)
class Caution:
    """What a reader must know beside a number.

    Attributes
    ----------
    code : str
        Short name for programs, words joined by hyphens.
    message : str
        One sentence for people.
    """

    code: str
    message: str


def estimate(
    value: float | None, interval: Interval, *, n_evaluators: int, n_judgments: int
) -> Estimate:
    """Return an estimate whose missing interval says why it is missing.

    Parameters
    ----------
    value : float or None
        The number.
    interval : Interval
        Its interval, used where there are two evaluators or more.
    n_evaluators, n_judgments : int
        What it rests on.

    Returns
    -------
    Estimate
        Without bounds where nobody or one evaluator judged.
    """
    if value is None or n_judgments == 0:
        interval = Interval(low=None, high=None, std_error=None, method="no judgments")
    elif n_evaluators < 2:  # noqa: PLR2004 a spread needs two
        method = "no interval: one evaluator"
        interval = Interval(low=None, high=None, std_error=None, method=method)
    return Estimate(
        value=value,
        low=interval.low,
        high=interval.high,
        n_evaluators=n_evaluators,
        n_judgments=n_judgments,
        method=interval.method,
        std_error=interval.std_error,
    )


def mean_over_evaluators(
    values: NDArray[np.float64],
    *,
    n_judgments: int,
    rng: np.random.Generator,
    n_bootstrap: int = 10_000,
    level: float = 0.95,
) -> Estimate:
    """Return the mean of one number per evaluator, with a bootstrap interval.

    Parameters
    ----------
    values : ndarray of shape (n,), float64
        One finite number per evaluator.
    n_judgments : int
        Judgments behind them.
    rng : numpy.random.Generator
        Source of randomness.
    n_bootstrap : int
        Number of resamples.
    level : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        Without a value where there is no evaluator.
    """
    n = values.size
    replicates = (
        evaluator_sums(values[:, None], n_bootstrap=n_bootstrap, rng=rng)[:, 0] / n
        if n > 1
        else np.empty(0)
    )
    return estimate(
        float(values.mean()) if n else None,
        percentile_interval(replicates, level=level, method=OVER_EVALUATORS),
        n_evaluators=n,
        n_judgments=n_judgments if n else 0,
    )

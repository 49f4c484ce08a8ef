"""Psychometric functions: how the share of correct answers grows with exposure."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import beta, binomtest, lognorm

from hypeweb.science.bootstrap import require_level

Family = Literal["weibull", "logistic"]
Status = Literal["measured", "at-floor", "at-ceiling", "at-chance", "too-few-trials"]

GUESS = 0.5
TARGET = 0.75
FEW_TRIALS = 20
# Equal-probability points of the priors. Of slopes, half lie below 1.75 and nine in ten
# between 0.9 and 3.4; of lapses, the mean is 0.036 and 19 in 20 lie below 0.09.
SLOPES = lognorm(s=0.4, scale=1.75).ppf((np.arange(8) + 0.5) / 8)
LAPSES = beta(1.5, 40).ppf((np.arange(6) + 0.5) / 6)


def chance_correct(
    exposure_ms: NDArray[np.float64] | float,
    *,
    threshold_ms: NDArray[np.float64] | float,
    slope: NDArray[np.float64] | float,
    lapse: NDArray[np.float64] | float,
    family: Family = "weibull",
) -> NDArray[np.float64]:
    """Return the chance of a correct answer at each exposure.

    Parameters
    ----------
    exposure_ms : float or ndarray of float64
        How long the image was seen, in milliseconds.
    threshold_ms : float or ndarray of float64
        Exposure at which the chance is 0.75, lapses included.
    slope : float or ndarray of float64
        Exponent of the exposure.
    lapse : float or ndarray of float64
        Share of answers wrong whatever the exposure, below 0.25.
    family : {"weibull", "logistic"}
        Weibull, or logistic on the logarithm of the exposure.

    Returns
    -------
    ndarray of float64
        0.5 + (0.5 - lapse) F(exposure), of the shape the arguments broadcast to, with F
        scaled so that the chance at the threshold is 0.75.

    References
    ----------
    .. [1] Wichmann and Hill, "The psychometric function: I", Perception &
       Psychophysics 63 (2001).
    """
    span = 1 - GUESS - np.asarray(lapse)
    at_threshold = (TARGET - GUESS) / span
    power = (np.asarray(exposure_ms) / threshold_ms) ** slope
    if family == "weibull":
        seen = -np.expm1(np.log1p(-at_threshold) * power)
    else:
        odds = at_threshold / (1 - at_threshold) * power
        seen = odds / (1 + odds)
    return np.asarray(GUESS + span * seen, dtype=np.float64)


@dataclass(frozen=True)
class ThresholdFit:
    """What one evaluator's answers say of the exposure with 75 % correct.

    Attributes
    ----------
    status : {"measured", "at-floor", "at-ceiling", "at-chance", "too-few-trials"}
        Only "measured" has a threshold; floor and ceiling bound it on one side.
    statement : str
        The result as a sentence.
    threshold_ms : float or None
        Posterior median.
    low_ms, high_ms : float or None
        Bounds of the posterior interval; None where the limits leave a side open.
    slope, lapse : float
        Posterior means.
    n_trials, n_correct : int
        What it rests on.
    log_thresholds : ndarray of shape (n_grid,), float64
        Natural logarithms of the thresholds looked at.
    log_likelihood : ndarray of shape (n_grid,), float64
        Of each of them, slope and lapse integrated out, up to a constant.
    """

    status: Status
    statement: str
    threshold_ms: float | None
    low_ms: float | None
    high_ms: float | None
    slope: float
    lapse: float
    n_trials: int
    n_correct: int
    log_thresholds: NDArray[np.float64] = field(repr=False, compare=False)
    log_likelihood: NDArray[np.float64] = field(repr=False, compare=False)


def fit_threshold(
    shown_ms: NDArray[np.float64],
    correct: NDArray[np.bool_],
    *,
    limits_ms: tuple[float, float],
    family: Family = "weibull",
    level: float = 0.95,
) -> ThresholdFit:
    """Return the threshold of one evaluator with its interval, or why there is none.

    Parameters
    ----------
    shown_ms : ndarray of shape (n,), float64
        Exposure actually shown on each trial, in ms, rounded to whole ms here.
    correct : ndarray of shape (n,), bool
        Whether each answer was correct.
    limits_ms : tuple of two float
        Shortest and longest exposure the study could show.
    family : {"weibull", "logistic"}
        Shape of the psychometric function.
    level : float
        Posterior probability of the interval.

    Returns
    -------
    ThresholdFit
        In milliseconds.

    Raises
    ------
    ValueError
        If shapes differ, an exposure is not positive and finite, or the limits are not
        in order.

    Notes
    -----
    Bayesian on a grid: guessing is fixed at 0.5, slope and lapse have weak priors and
    are integrated out, the logarithm of the threshold is uniform within the limits and
    falls off as a normal with standard deviation log 2 outside. The verdicts: at
    chance, when a one-sided binomial test of all answers against 0.5 has p > 0.05; at a
    limit, when the threshold more likely than not lies beyond it.

    References
    ----------
    .. [1] Schütt, Harmeling, Macke and Wichmann, "Painfree and accurate Bayesian
       estimation of psychometric functions", Vision Research 122 (2016).
    .. [2] Wichmann and Hill, "The psychometric function: I", Perception &
       Psychophysics 63 (2001).
    """
    require_level(level)
    _require_trials(shown_ms, correct, limits_ms=limits_ms)
    grid = threshold_grid(limits_ms)
    log_joint = _log_joint(grid, shown_ms, correct, family=family)
    log_likelihood = np.asarray(logsumexp(log_joint, axis=(1, 2)))
    log_prior = _log_prior(grid, limits_ms)
    posterior = np.exp(log_joint - log_joint.max() + log_prior[:, None, None])
    posterior /= posterior.sum()
    over_threshold = posterior.sum(axis=(1, 2))
    low, middle, high = np.exp(
        grid_quantiles(
            grid, over_threshold, np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
        )
    )
    status = _status(correct, middle_ms=float(middle), limits_ms=limits_ms)
    has_low = status in {"measured", "at-ceiling"} and low > limits_ms[0]
    has_high = status in {"measured", "at-floor"} and high < limits_ms[1]
    return ThresholdFit(
        status=status,
        statement=_statement(status, middle_ms=float(middle), limits_ms=limits_ms),
        threshold_ms=float(middle) if status == "measured" else None,
        low_ms=float(low) if has_low else None,
        high_ms=float(high) if has_high else None,
        slope=float(posterior.sum(axis=(0, 2)) @ SLOPES),
        lapse=float(posterior.sum(axis=(0, 1)) @ LAPSES),
        n_trials=int(correct.size),
        n_correct=int(np.count_nonzero(correct)),
        log_thresholds=grid,
        log_likelihood=log_likelihood - log_likelihood.max(),
    )


def threshold_grid(limits_ms: tuple[float, float]) -> NDArray[np.float64]:
    """Return the logarithms of the thresholds that a fit looks at.

    Parameters
    ----------
    limits_ms : tuple of two float
        Shortest and longest exposure of the study.

    Returns
    -------
    ndarray of shape (n,), float64
        From a quarter of the shortest to four times the longest, 2.5 % apart.
    """
    low, high = np.log(limits_ms[0] / 4), np.log(limits_ms[1] * 4)
    return np.linspace(low, high, int((high - low) / 0.025) + 1)


def grid_quantiles(
    grid: NDArray[np.float64],
    weights: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return quantiles of a distribution given by weights on an even grid.

    Parameters
    ----------
    grid : ndarray of shape (n,), float64
        Evenly spaced points, each the middle of its cell.
    weights : ndarray of shape (n,), float64
        Probability of each cell; sums to 1.
    shares : ndarray of shape (k,), float64
        Which quantiles, between 0 and 1.

    Returns
    -------
    ndarray of shape (k,), float64
        Linear within a cell.
    """
    step = grid[1] - grid[0]
    edges = np.append(grid - step / 2, grid[-1] + step / 2)
    cumulated = np.append(0.0, np.cumsum(weights))
    return np.asarray(np.interp(shares, cumulated, edges), dtype=np.float64)


def _require_trials(
    shown_ms: NDArray[np.float64],
    correct: NDArray[np.bool_],
    *,
    limits_ms: tuple[float, float],
) -> None:
    if shown_ms.ndim != 1 or shown_ms.shape != correct.shape:
        raise ValueError(
            "shown_ms and correct must be one-dimensional and of one length, got "
            f"shapes {shown_ms.shape} and {correct.shape}."
        )
    if not (np.isfinite(shown_ms) & (shown_ms > 0)).all():
        raise ValueError("shown_ms must be positive and finite on every trial.")
    if not 0 < limits_ms[0] < limits_ms[1]:
        raise ValueError(
            f"limits_ms must be positive and in order, got {limits_ms[0]} and "
            f"{limits_ms[1]}."
        )


def _log_joint(
    grid: NDArray[np.float64],
    shown_ms: NDArray[np.float64],
    correct: NDArray[np.bool_],
    *,
    family: Family,
) -> NDArray[np.float64]:
    """Return the log-likelihood of every threshold, slope and lapse."""
    levels, level_of = np.unique(np.maximum(np.rint(shown_ms), 1), return_inverse=True)
    n_correct = np.bincount(level_of, correct, levels.size)
    n_wrong = np.bincount(level_of, ~correct, levels.size)
    chance = chance_correct(
        levels,
        threshold_ms=np.exp(grid)[:, None, None, None],
        slope=SLOPES[:, None, None],
        lapse=LAPSES[:, None],
        family=family,
    )
    return np.asarray(np.log(chance) @ n_correct + np.log1p(-chance) @ n_wrong)


def _log_prior(
    grid: NDArray[np.float64], limits_ms: tuple[float, float]
) -> NDArray[np.float64]:
    low, high = np.log(limits_ms)
    outside = np.maximum(low - grid, 0) + np.maximum(grid - high, 0)
    return np.asarray(-0.5 * (outside / np.log(2)) ** 2)


def _status(
    correct: NDArray[np.bool_], *, middle_ms: float, limits_ms: tuple[float, float]
) -> Status:
    if correct.size < FEW_TRIALS:
        return "too-few-trials"
    n_correct = int(np.count_nonzero(correct))
    if binomtest(n_correct, correct.size, alternative="greater").pvalue > 0.05:  # noqa: PLR2004
        return "at-chance"
    if middle_ms < limits_ms[0]:
        return "at-floor"
    return "at-ceiling" if middle_ms > limits_ms[1] else "measured"


def _statement(
    status: Status, *, middle_ms: float, limits_ms: tuple[float, float]
) -> str:
    return {
        "measured": f"75 % correct at {middle_ms:.0f} ms.",
        "at-floor": f"75 % correct already below {limits_ms[0]:.0f} ms.",
        "at-ceiling": f"75 % correct only above {limits_ms[1]:.0f} ms.",
        "at-chance": "The answers cannot be told from guessing: no threshold.",
        "too-few-trials": f"Fewer than {FEW_TRIALS} trials: no threshold.",
    }[status]

"""The threshold of an arm: a random-effects mean over its evaluators."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hypeweb.science.bootstrap import require_level
from hypeweb.science.cautions import number_cautions
from hypeweb.science.estimates import Caution, Estimate
from hypeweb.science.psychometric import (
    FEW_TRIALS,
    Status,
    ThresholdFit,
    grid_quantiles,
)

METHOD = "posterior of the random-effects mean, limits censored"
SPREADS = np.linspace(0.02, 1.5, 50)


@dataclass(frozen=True)
class ArmThreshold:
    """The exposure at which a typical evaluator of an arm is 75 % correct.

    Attributes
    ----------
    threshold : Estimate
        In ms; without a value where it lies beyond a limit or nobody was measured. A
        bound is None where the limits leave that side open.
    bound : {"below", "above"} or None
        On which side of the limits the threshold lies, where it does.
    statement : str
        The result as a sentence.
    spread : float or None
        Standard deviation of the evaluators' log thresholds; 0.2 is about 20 %.
    counts : tuple of tuple of (str, int)
        How many evaluators have which status.
    cautions : tuple of Caution
        What to mind when reading it.
    """

    threshold: Estimate
    bound: Literal["below", "above"] | None
    statement: str
    spread: float | None
    counts: tuple[tuple[Status, int], ...]
    cautions: tuple[Caution, ...]


def combine_thresholds(
    fits: Sequence[ThresholdFit], *, limits_ms: tuple[float, float], level: float = 0.95
) -> ArmThreshold:
    """Return the threshold of an arm from the fits of its evaluators.

    Parameters
    ----------
    fits : sequence of ThresholdFit
        One per evaluator, fitted with the same limits.
    limits_ms : tuple of two float
        Shortest and longest exposure of the study.
    level : float
        Posterior probability of the interval.

    Returns
    -------
    ArmThreshold
        In milliseconds.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1, or the fits have different grids.

    Notes
    -----
    Log thresholds are normal around a mean, with a spread; both have flat priors, the
    spread up to 1.5. Every evaluator enters with the whole likelihood of the threshold.
    An evaluator at a limit or at chance therefore counts as "there or beyond" and one
    with few trials counts little; nobody is averaged in with the limit's own value. The
    mean of logarithms is, in ms, the median evaluator.

    References
    ----------
    .. [1] Gelman, "Prior distributions for variance parameters in hierarchical models",
       Bayesian Analysis 1 (2006).
    """
    require_level(level)
    n_trials = sum(fit.n_trials for fit in fits)
    cautions = number_cautions(len(fits)) + _status_cautions(fits)
    counts = _counts(fits)
    if not n_trials:
        nothing = Estimate(None, None, None, 0, 0, "no judgments")
        return ArmThreshold(nothing, None, "No trials.", None, counts, cautions)
    unusable = _unusable(fits)
    if unusable:
        method = "no threshold: no evaluator has one"
        nothing = Estimate(None, None, None, len(fits), n_trials, method)
        return ArmThreshold(nothing, None, unusable, None, counts, cautions)
    if len({fit.log_thresholds.shape for fit in fits}) > 1:
        raise ValueError("The fits must share their limits; their grids differ.")
    grid = fits[0].log_thresholds
    weights = _posterior(grid, np.stack([fit.log_likelihood for fit in fits]))
    shares = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
    low, middle, high = np.exp(grid_quantiles(grid, weights.sum(axis=0), shares))
    bound = _bound(float(middle), limits_ms)
    alone = len(fits) == 1
    open_low = alone or bound == "below" or low < limits_ms[0]
    open_high = alone or bound == "above" or high > limits_ms[1]
    return ArmThreshold(
        threshold=Estimate(
            value=None if bound else float(middle),
            low=None if open_low else float(low),
            high=None if open_high else float(high),
            n_evaluators=len(fits),
            n_judgments=n_trials,
            method="no interval: one evaluator" if alone else METHOD,
        ),
        bound=bound,
        statement=_statement(bound, float(middle), limits_ms),
        spread=None if alone else float(weights.sum(axis=1) @ SPREADS),
        counts=counts,
        cautions=cautions,
    )


def _unusable(fits: Sequence[ThresholdFit]) -> str:
    """Return why no threshold can be said of an arm, or an empty string."""
    statuses = {fit.status for fit in fits}
    if statuses == {"too-few-trials"}:
        return f"Nobody made the {FEW_TRIALS} trials that a threshold needs."
    if not statuses & {"measured", "at-floor", "at-ceiling"}:
        return "The answers cannot be told from guessing: there is no threshold."
    return ""


def _posterior(
    grid: NDArray[np.float64], log_likelihoods: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the posterior of (spread, mean), shape (n_spreads, n_grid)."""
    likelihoods = np.exp(log_likelihoods)
    edges = (grid[1:] + grid[:-1]) / 2
    log_posterior = np.empty((SPREADS.size, grid.size))
    for row, spread in enumerate(SPREADS):
        # Whatever lies beyond the grid belongs to its end points: there the likelihood
        # is flat.
        below = ndtr((edges[:, None] - grid) / spread)
        people = np.diff(below, axis=0, prepend=0, append=1)
        chance = np.maximum(likelihoods @ people, np.finfo(np.float64).tiny)
        log_posterior[row] = np.log(chance).sum(axis=0)
    posterior = np.exp(log_posterior - log_posterior.max())
    return np.asarray(posterior / posterior.sum())


def _counts(
    fits: Sequence[ThresholdFit],
) -> tuple[tuple[Status, int], ...]:
    statuses: tuple[Status, ...] = (
        "measured",
        "at-floor",
        "at-ceiling",
        "at-chance",
        "too-few-trials",
    )
    return tuple(
        (status, sum(fit.status == status for fit in fits)) for status in statuses
    )


def _bound(
    middle_ms: float, limits_ms: tuple[float, float]
) -> Literal["below", "above"] | None:
    if middle_ms < limits_ms[0]:
        return "below"
    return "above" if middle_ms > limits_ms[1] else None


def _statement(
    bound: Literal["below", "above"] | None,
    middle_ms: float,
    limits_ms: tuple[float, float],
) -> str:
    if bound == "below":
        return (
            f"A typical evaluator is 75 % correct already below {limits_ms[0]:.0f} ms."
        )
    if bound == "above":
        return f"A typical evaluator is not 75 % correct within {limits_ms[1]:.0f} ms."
    return f"A typical evaluator is 75 % correct at {middle_ms:.0f} ms."


def _status_cautions(
    fits: Sequence[ThresholdFit],
) -> tuple[Caution, ...]:
    words: dict[Status, str] = {
        "at-floor": "have a threshold below the shortest exposure and count as such",
        "at-ceiling": "have a threshold above the longest exposure and count as such",
        "at-chance": "answered as if guessing; they have no threshold of their own and "
        "pull the arm's upward",
        "too-few-trials": "made too few trials for a threshold of their own",
    }
    return tuple(
        Caution(
            f"threshold-{status}", f"{n} of {len(fits)} evaluators {words[status]}."
        )
        for status, n in _counts(fits)
        if n and status in words
    )

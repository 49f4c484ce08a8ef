"""Whether evaluators get better on the way: errors over trials, modes over blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.bootstrap import (
    OVER_EVALUATORS,
    Interval,
    evaluator_sums,
    percentile_interval,
    require_level,
)
from hypeweb.science.cautions import FEW_JUDGMENTS
from hypeweb.science.estimates import Estimate, estimate, mean_over_evaluators
from hypeweb.science.scoring import block_mode


@dataclass(frozen=True)
class LearningCurve:
    """Error rate along the session.

    Attributes
    ----------
    first_trial : tuple of int
        Number of the first trial of every stretch, from 0.
    error : tuple of float
        Share of wrong judgments in every stretch, all evaluators together.
    low, high : tuple of (float or None)
        Interval of every share, evaluators resampled; None where one of them is alone.
    n_judgments : tuple of int
        Judgments of every stretch.
    slope : Estimate
        Change of the error rate over 100 trials within evaluators; below 0 they learn.
    """

    first_trial: tuple[int, ...]
    error: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    n_judgments: tuple[int, ...]
    slope: Estimate


def learning_curve(
    evaluators: Sequence[EvaluatorAnswers],
    *,
    rng: np.random.Generator,
    n_stretches: int = 10,
    n_bootstrap: int = 10_000,
    level: float = 0.95,
) -> LearningCurve:
    """Return the error rate along the session and its slope.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        The arm's evaluators, judgments in the order given.
    rng : numpy.random.Generator
        Source of randomness.
    n_stretches : int
        Parts of the longest session; empty ones are left out.
    n_bootstrap : int
        Number of resamples of evaluators.
    level : float
        Coverage of the intervals.

    Returns
    -------
    LearningCurve
        The slope has no value where no evaluator made two judgments.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1 or `n_stretches` is below 1.

    Notes
    -----
    The slope is the least-squares slope with an intercept for every evaluator, so that
    bad evaluators who leave early do not look like learning. In a staircase errors stay
    level by design: see `block_change` there.
    """
    require_level(level)
    if n_stretches < 1:
        raise ValueError(f"n_stretches must be at least 1, got {n_stretches}.")
    longest = max((answers.truth.size for answers in evaluators), default=0)
    size = max(-(-longest // n_stretches), 1)
    counts = np.zeros((len(evaluators), 2 * n_stretches))
    for row, answers in zip(counts, evaluators, strict=True):
        stretch = np.arange(answers.truth.size) // size
        row[:n_stretches] = np.bincount(stretch[answers.wrong], minlength=n_stretches)
        row[n_stretches:] = np.bincount(stretch, minlength=n_stretches)
    wrong, judged = np.split(counts.sum(axis=0).astype(np.int64), 2)
    filled = np.flatnonzero(judged)
    # A stream of their own: whoever draws next gets the same numbers without them.
    intervals = _stretch_intervals(
        counts, rng=rng.spawn(1)[0], n_bootstrap=n_bootstrap, level=level
    )
    return LearningCurve(
        first_trial=tuple(int(size * k) for k in filled),
        error=tuple(float(wrong[k] / judged[k]) for k in filled),
        low=tuple(intervals[k].low for k in filled),
        high=tuple(intervals[k].high for k in filled),
        n_judgments=tuple(int(judged[k]) for k in filled),
        slope=_slope(evaluators, rng=rng, n_bootstrap=n_bootstrap, level=level),
    )


def block_change(
    block_exposures: Sequence[Sequence[Sequence[int]]],
    *,
    rng: np.random.Generator,
    n_bootstrap: int = 10_000,
    level: float = 0.95,
) -> Estimate:
    """Return how much the modal exposure fell or rose from first to last block.

    Parameters
    ----------
    block_exposures : sequence over evaluators of sequences over blocks of ints
        Planned exposure of every answered trial, in ms. Evaluators with fewer than two
        blocks are left out.
    rng : numpy.random.Generator
        Source of randomness.
    n_bootstrap : int
        Number of resamples of evaluators.
    level : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        Mean over evaluators in ms; below 0 they learn.
    """
    changes, n_judgments = [], 0
    for blocks in block_exposures:
        filled = [block for block in blocks if len(block)]
        if len(filled) > 1:
            changes.append(block_mode(filled[-1]) - block_mode(filled[0]))
            n_judgments += len(filled[0]) + len(filled[-1])
    return mean_over_evaluators(
        np.array(changes, dtype=np.float64),
        n_judgments=n_judgments,
        rng=rng,
        n_bootstrap=n_bootstrap,
        level=level,
    )


def _slope(
    evaluators: Sequence[EvaluatorAnswers],
    *,
    rng: np.random.Generator,
    n_bootstrap: int,
    level: float,
) -> Estimate:
    # A slope over a handful of trials extrapolates to beyond what an error can be.
    long = [answers for answers in evaluators if answers.truth.size >= FEW_JUDGMENTS]
    moments = np.array([_moments(answers.wrong) for answers in long]).reshape(-1, 2)
    n = len(moments)
    replicates = np.empty(0)
    if n > 1:
        sums = evaluator_sums(moments, n_bootstrap=n_bootstrap, rng=rng)
        replicates = 100 * sums[:, 0] / sums[:, 1]
    return estimate(
        float(100 * moments[:, 0].sum() / moments[:, 1].sum()) if n else None,
        percentile_interval(replicates, level=level, method=OVER_EVALUATORS),
        n_evaluators=n,
        n_judgments=sum(answers.truth.size for answers in long),
    )


def _stretch_intervals(
    counts: NDArray[np.float64],
    *,
    rng: np.random.Generator,
    n_bootstrap: int,
    level: float,
) -> list[Interval]:
    """Return the interval of the error rate of every stretch."""
    n_stretches = counts.shape[1] // 2
    sums = np.empty((0, 2 * n_stretches))
    if len(counts) > 1:
        sums = evaluator_sums(counts, n_bootstrap=n_bootstrap, rng=rng)
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = sums[:, :n_stretches] / sums[:, n_stretches:]
    return [
        percentile_interval(column, level=level, method=OVER_EVALUATORS)
        for column in replicates.T
    ]


def _moments(
    wrong: NDArray[np.bool_],
) -> tuple[float, float]:
    """Return the covariance with and the variance of the trial number, as sums."""
    trial = np.arange(wrong.size) - (wrong.size - 1) / 2
    return float(trial @ wrong), float(trial @ trial)

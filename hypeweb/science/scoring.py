"""HYPE_inf and HYPE_time of one arm, from the judgments of its evaluators."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from hypeweb.science.answers import EvaluatorAnswers, class_counts
from hypeweb.science.bootstrap import (
    Interval,
    percentile_interval,
    require_level,
)
from hypeweb.science.cautions import (
    answer_cautions,
    length_cautions,
    limit_cautions,
    number_cautions,
)
from hypeweb.science.errors import ErrorReplicates, Resample, error_replicates
from hypeweb.science.estimates import (
    Caution,
    Estimate,
    estimate,
    mean_over_evaluators,
)

__all__ = [
    "Caution",
    "Estimate",
    "EvaluatorAnswers",
    "HypeInf",
    "HypeTime",
    "block_mode",
    "hype_inf",
    "hype_time",
]

EXACT = "no spread between evaluators: exact binomial over judgments"


@dataclass(frozen=True)
class HypeInf:
    """HYPE_inf of one arm: how often people are wrong without a time limit.

    Attributes
    ----------
    total : Estimate
        Mean of `fakes_error` and `reals_error`; 0.5 is chance. The error of the one
        class that was judged where the other was not.
    fakes_error : Estimate
        Share of generated images taken for real.
    reals_error : Estimate
        Share of real images taken for generated.
    cautions : tuple of Caution
        What to mind when reading them.
    replicates : ndarray of shape (n_bootstrap,), float64
        The total in every resample, for rankings and correlations; empty with fewer
        than two evaluators.
    """

    total: Estimate
    fakes_error: Estimate
    reals_error: Estimate
    cautions: tuple[Caution, ...]
    replicates: NDArray[np.float64] = field(repr=False, compare=False)


@dataclass(frozen=True)
class HypeTime:
    """HYPE_time of one arm as published: the exposure at which people tell.

    Attributes
    ----------
    score : Estimate
        Mean over evaluators of the mean over blocks of the modal exposure, in ms.
    evaluator_scores : tuple of float
        Score of every evaluator with at least one trial, in ms.
    n_at_floor, n_at_ceiling : int
        Evaluators with a block whose mode lies on the shortest and on the longest
        exposure: their scores are bounds, not values.
    cautions : tuple of Caution
        What to mind when reading them.
    """

    score: Estimate
    evaluator_scores: tuple[float, ...]
    n_at_floor: int
    n_at_ceiling: int
    cautions: tuple[Caution, ...]


def hype_inf(
    evaluators: Sequence[EvaluatorAnswers],
    *,
    rng: np.random.Generator,
    n_bootstrap: int = 10_000,
    level: float = 0.95,
    resample: Resample = "auto",
) -> HypeInf:
    """Return HYPE_inf: total, fakes and reals error with intervals.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        One per evaluator of the arm; those without a judgment are left out.
    rng : numpy.random.Generator
        Source of randomness.
    n_bootstrap : int
        Number of resamples.
    level : float
        Coverage of the intervals.
    resample : {"auto", "evaluators", "evaluators-and-images"}
        What is drawn anew in every resample. "evaluators" is the published way; it
        covers too little where evaluators share images, so "auto" then draws images
        too.

    Returns
    -------
    HypeInf
        Proportions between 0 and 1; higher is more realistic, above 0.5 the generated
        images look more real than the real ones.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1, or images are to be resampled and an
        evaluator has no `sample`.

    Notes
    -----
    Fakes and reals error pool the judgments of all evaluators. The total is their mean,
    so that guessing scores 0.5 whatever the share of real images; with equal counts of
    both it is the share of wrong judgments, as published.

    References
    ----------
    .. [1] Zhou et al., "HYPE: A Benchmark for Human eYe Perceptual Evaluation of
       Generative Models", NeurIPS (2019).
    """
    require_level(level)
    present = [answers for answers in evaluators if answers.truth.size]
    drawn = error_replicates(
        present, rng=rng, n_bootstrap=n_bootstrap, resample=resample
    )
    fakes, reals, total = _error_estimates(class_counts(present), drawn, level=level)
    return HypeInf(
        total=total,
        fakes_error=fakes,
        reals_error=reals,
        cautions=number_cautions(len(present)) + answer_cautions(present),
        replicates=drawn.replicates[:, 2],
    )


def block_mode(exposures_ms: Sequence[int]) -> float:
    """Return the modal exposure of a block, the mean of the modes where several tie.

    Parameters
    ----------
    exposures_ms : sequence of int, length n >= 1
        Planned exposures of the block's trials.

    Returns
    -------
    float
        Milliseconds.

    Raises
    ------
    ValueError
        If the block is empty.

    Notes
    -----
    The publication does not say what it did with ties. The mean of the tied exposures
    favours neither end.
    """
    if len(exposures_ms) == 0:
        raise ValueError("A block needs at least 1 trial for a mode, got 0.")
    levels, counts = np.unique(np.asarray(exposures_ms), return_counts=True)
    return float(levels[counts == counts.max()].mean())


def hype_time(
    block_exposures: Sequence[Sequence[Sequence[int]]],
    *,
    limits_ms: tuple[int, int],
    rng: np.random.Generator,
    n_bootstrap: int = 10_000,
    level: float = 0.95,
) -> HypeTime:
    """Return HYPE_time as published, with its interval and what the limits censored.

    Parameters
    ----------
    block_exposures : sequence over evaluators of sequences over blocks of ints
        Planned exposure of every answered trial, in ms. Empty blocks and evaluators
        without a trial are left out.
    limits_ms : tuple of two int
        The staircase's shortest and longest exposure.
    rng : numpy.random.Generator
        Source of randomness.
    n_bootstrap : int
        Number of resamples.
    level : float
        Coverage of the interval.

    Returns
    -------
    HypeTime
        Milliseconds; higher is more realistic.

    Notes
    -----
    The mode is a noisy estimator, and a mode on a limit only says "there or beyond":
    read it beside the fitted threshold.

    References
    ----------
    .. [1] Zhou et al., "HYPE: A Benchmark for Human eYe Perceptual Evaluation of
       Generative Models", NeurIPS (2019).
    """
    require_level(level)
    modes = [
        [block_mode(block) for block in blocks if len(block)]
        for blocks in block_exposures
    ]
    modes = [blocks for blocks in modes if blocks]
    scores = np.array([np.mean(blocks) for blocks in modes], dtype=np.float64)
    n_trials = np.array([sum(map(len, blocks)) for blocks in block_exposures])
    score = mean_over_evaluators(
        scores,
        n_judgments=int(n_trials.sum()),
        rng=rng,
        n_bootstrap=n_bootstrap,
        level=level,
    )
    n_at_floor = sum(min(blocks) <= limits_ms[0] for blocks in modes)
    n_at_ceiling = sum(max(blocks) >= limits_ms[1] for blocks in modes)
    return HypeTime(
        score=score,
        evaluator_scores=tuple(float(value) for value in scores),
        n_at_floor=n_at_floor,
        n_at_ceiling=n_at_ceiling,
        cautions=number_cautions(scores.size)
        + length_cautions(n_trials[n_trials > 0])
        + limit_cautions(
            n_evaluators=scores.size, n_at_floor=n_at_floor, n_at_ceiling=n_at_ceiling
        ),
    )


def _error_estimates(
    counts: NDArray[np.float64], drawn: ErrorReplicates, *, level: float
) -> list[Estimate]:
    """Return the estimates of fakes, reals and total error."""
    judged = counts[:, [1, 3]]
    judged = np.column_stack([judged, judged.sum(axis=1)])
    exact = [
        _exact_interval(int(n_wrong), int(n_judged), level=level)
        for n_wrong, n_judged in zip(
            counts[:, [0, 2]].sum(axis=0), judged.sum(axis=0)[:2], strict=True
        )
    ]
    exact.append(_mean_interval(exact))
    intervals = [
        percentile_interval(column, level=level, method=drawn.method)
        for column in drawn.replicates.T
    ]
    intervals = [
        interval if interval.std_error else fallback
        for interval, fallback in zip(intervals, exact, strict=True)
    ]
    return [
        estimate(
            None if np.isnan(value) else float(value),
            interval,
            n_evaluators=int(np.count_nonzero(n)),
            n_judgments=int(n.sum()),
        )
        for value, interval, n in zip(drawn.values, intervals, judged.T, strict=True)
    ]


def _exact_interval(n_wrong: int, n_judged: int, *, level: float) -> Interval:
    if n_judged == 0:
        return Interval(low=None, high=None, std_error=None, method="no judgments")
    bounds = binomtest(n_wrong, n_judged).proportion_ci(confidence_level=level)
    low, high = float(bounds.low), float(bounds.high)
    return Interval(low=low, high=high, std_error=None, method=EXACT)


def _mean_interval(intervals: Sequence[Interval]) -> Interval:
    lows = [interval.low for interval in intervals if interval.low is not None]
    highs = [interval.high for interval in intervals if interval.high is not None]
    if not lows:
        return Interval(low=None, high=None, std_error=None, method="no judgments")
    low, high = sum(lows) / len(lows), sum(highs) / len(highs)
    return Interval(low=low, high=high, std_error=None, method=EXACT)

"""Everything the judgments of one arm say, timed or not, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.answers import EvaluatorAnswers, class_counts
from hypeweb.science.bootstrap import evaluator_sums
from hypeweb.science.detection import Detection, detection
from hypeweb.science.errors import Resample, error_rates
from hypeweb.science.estimates import Caution, Estimate
from hypeweb.science.learning import LearningCurve, block_change, learning_curve
from hypeweb.science.psychometric import fit_threshold
from hypeweb.science.response_times import ResponseTimes, response_times
from hypeweb.science.scoring import HypeInf, HypeTime, hype_inf, hype_time
from hypeweb.science.thresholds import ArmThreshold, combine_thresholds


@dataclass(frozen=True)
class Settings:
    """How scores are computed.

    Attributes
    ----------
    n_bootstrap : int
        Number of resamples.
    level : float
        Coverage of every interval.
    resample : {"auto", "evaluators", "evaluators-and-images"}
        What a resample of an untimed arm draws anew.
    limits_ms : tuple of two int
        The staircase's shortest and longest exposure.
    masks_ms : float
        How long the masks after an image lasted: before their end nobody can answer.
    """

    n_bootstrap: int = 10_000
    level: float = 0.95
    resample: Resample = "auto"
    limits_ms: tuple[int, int] = (100, 1000)
    masks_ms: float = 0.0


@dataclass(frozen=True, eq=False)
class UntimedScores:
    """Scores of an arm judged without a time limit.

    Attributes
    ----------
    hype_inf : HypeInf
        Total, fakes and reals error.
    detection : Detection
        Sensitivity and bias.
    response_times : ResponseTimes
        Pace.
    learning : LearningCurve
        Error along the session.
    evaluator_scores : ndarray of shape (n_evaluators,), float64
        Total error of every evaluator, for comparisons between arms.
    """

    hype_inf: HypeInf
    detection: Detection
    response_times: ResponseTimes
    learning: LearningCurve
    evaluator_scores: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True, eq=False)
class TimedScores:
    """Scores of an arm judged at staircase exposures.

    Attributes
    ----------
    hype_time : HypeTime
        The published score.
    threshold : ArmThreshold
        The fitted exposure with 75 % correct.
    said_real : Estimate
        Share of "real" answers.
    response_times : ResponseTimes
        Pace.
    block_change : Estimate
        Modal exposure of the last block minus the first, in ms.
    evaluator_scores : ndarray of shape (n_evaluators,), float64
        Published score of every evaluator, for comparisons between arms.
    replicates : ndarray of shape (n_bootstrap,), float64
        Bootstrap replicates of the published score.
    cautions : tuple of Caution
        What to mind about the exposures themselves.
    """

    hype_time: HypeTime
    threshold: ArmThreshold
    said_real: Estimate
    response_times: ResponseTimes
    block_change: Estimate
    evaluator_scores: NDArray[np.float64] = field(repr=False)
    replicates: NDArray[np.float64] = field(repr=False)
    cautions: tuple[Caution, ...] = ()


def untimed_scores(
    evaluators: Sequence[EvaluatorAnswers],
    *,
    rng: np.random.Generator,
    settings: Settings,
) -> UntimedScores:
    """Return all scores of an arm judged without a time limit.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        The arm's evaluators; those without a judgment are left out.
    rng : numpy.random.Generator
        Source of randomness. Arms that are to be ranked must not share a seed.
    settings : Settings
        How scores are computed.

    Returns
    -------
    UntimedScores
        Error rates are proportions.
    """
    present = [answers for answers in evaluators if answers.truth.size]
    n, level = settings.n_bootstrap, settings.level
    return UntimedScores(
        hype_inf=hype_inf(
            present, rng=rng, n_bootstrap=n, level=level, resample=settings.resample
        ),
        detection=detection(present, rng=rng, n_bootstrap=n, level=level),
        response_times=response_times(present, rng=rng, n_bootstrap=n, level=level),
        learning=learning_curve(present, rng=rng, n_bootstrap=n, level=level),
        evaluator_scores=error_rates(class_counts(present))[:, 2],
    )


def timed_scores(
    evaluators: Sequence[EvaluatorAnswers],
    *,
    rng: np.random.Generator,
    settings: Settings,
) -> TimedScores:
    """Return all scores of an arm judged at staircase exposures.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        The arm's evaluators, all with `planned_ms`; those without a judgment are left
        out.
    rng : numpy.random.Generator
        Source of randomness. Arms that are to be ranked must not share a seed.
    settings : Settings
        How scores are computed.

    Returns
    -------
    TimedScores
        In milliseconds.

    Raises
    ------
    ValueError
        If an evaluator has no `planned_ms`.
    """
    present = [answers for answers in evaluators if answers.truth.size]
    if any(answers.planned_ms is None for answers in present):
        raise ValueError("Every evaluator of a timed arm needs planned_ms.")
    n, level, limits_ms = settings.n_bootstrap, settings.level, settings.limits_ms
    blocks = [answers.block_exposures() for answers in present]
    published = hype_time(
        blocks, limits_ms=limits_ms, rng=rng, n_bootstrap=n, level=level
    )
    scores = np.array(published.evaluator_scores)
    fits = [
        fit_threshold(
            answers.exposures_shown(),
            ~answers.wrong,
            limits_ms=limits_ms,
            level=level,
        )
        for answers in present
    ]
    return TimedScores(
        hype_time=published,
        threshold=combine_thresholds(fits, limits_ms=limits_ms, level=level),
        said_real=detection(present, rng=rng, n_bootstrap=n, level=level).said_real,
        response_times=response_times(
            present, rng=rng, n_bootstrap=n, level=level, masks_ms=settings.masks_ms
        ),
        block_change=block_change(blocks, rng=rng, n_bootstrap=n, level=level),
        evaluator_scores=scores,
        replicates=evaluator_sums(scores[:, None], n_bootstrap=n, rng=rng)[:, 0]
        / scores.size
        if scores.size > 1
        else np.empty(0),
        cautions=_exposure_cautions(present),
    )


def _exposure_cautions(
    evaluators: Sequence[EvaluatorAnswers],
) -> tuple[Caution, ...]:
    n_all = sum(answers.truth.size for answers in evaluators)
    n_measured = sum(
        int(np.isfinite(answers.shown_ms).sum())
        for answers in evaluators
        if answers.shown_ms is not None
    )
    if n_measured == n_all:
        return ()
    return (
        Caution(
            "exposure-not-measured",
            f"The exposure shown is unknown for {n_all - n_measured} of {n_all} "
            "judgments: the threshold takes the planned one there.",
        ),
    )

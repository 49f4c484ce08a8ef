"""How long evaluators took to answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.estimates import Estimate, mean_over_evaluators

FAST_MS = 150.0


@dataclass(frozen=True)
class ResponseTimes:
    """Response times of an arm.

    Attributes
    ----------
    median_ms : Estimate
        Mean over evaluators of their median response time, in ms.
    correct_ms, wrong_ms : Estimate
        The same for correct and for wrong answers alone.
    n_fast_evaluators : int
        Evaluators with more than one answer in ten faster than 150 ms, quicker than
        anybody sees and decides; in a timed arm from the end of the masks, before
        which no answer is taken.
    """

    median_ms: Estimate
    correct_ms: Estimate
    wrong_ms: Estimate
    n_fast_evaluators: int


def response_times(
    evaluators: Sequence[EvaluatorAnswers],
    *,
    rng: np.random.Generator,
    n_bootstrap: int = 10_000,
    level: float = 0.95,
    masks_ms: float = 0.0,
) -> ResponseTimes:
    """Return the response times of an arm.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        The arm's evaluators; those without known times are left out.
    rng : numpy.random.Generator
        Source of randomness.
    n_bootstrap : int
        Number of resamples of evaluators.
    level : float
        Coverage of the intervals.
    masks_ms : float
        How long the masks after the image of a timed trial lasted, in ms.

    Returns
    -------
    ResponseTimes
        In milliseconds; estimates without a value where no time is known.

    Notes
    -----
    Medians, because a person who answers the door mid-trial should not count as slow.
    Clocks in browsers add tens of milliseconds: compare people and arms, not
    laboratories.
    """
    n_fast = 0
    groups = []
    for answers in evaluators:
        if answers.rt_ms is None:
            continue
        known = np.isfinite(answers.rt_ms)
        times, wrong = answers.rt_ms[known], answers.wrong[known]
        decided = times
        if answers.planned_ms is not None:
            decided = times - answers.planned_ms[known] - masks_ms
        n_fast += bool(known.any() and np.mean(decided < FAST_MS) > 0.1)  # noqa: PLR2004
        groups.append((times, times[~wrong], times[wrong]))
    estimates = []
    for column in range(3):
        kept = [group[column] for group in groups if group[column].size]
        estimates.append(
            mean_over_evaluators(
                np.array([np.median(times) for times in kept]),
                n_judgments=sum(times.size for times in kept),
                rng=rng,
                n_bootstrap=n_bootstrap,
                level=level,
            )
        )
    median, correct, wrong_only = estimates
    return ResponseTimes(median, correct, wrong_only, n_fast)

"""Whose judgments are doubtful: rules that are fixed before anybody answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from hypeweb.science.answers import EvaluatorAnswers, class_counts
from hypeweb.science.detection import dprime_and_criterion

Flag = Literal["gold", "fast", "same_answer", "criterion", "chance", "floor", "ceiling"]


@dataclass(frozen=True)
class Rules:
    """When a session is flagged.

    Attributes
    ----------
    gold_share : float
        Below this share of gold trials recognised: "gold".
    fast_ms, fast_share : float
        More than this share of answers quicker than `fast_ms`: "fast".
    longest_run : int
        As many equal answers in a row, or more: "same_answer".
    criterion : float
        A criterion farther from 0: "criterion".
    chance_level : float
        Accuracy not above chance at this one-sided level: "chance".
    limit_share : float
        More than this share of a timed session's trials at the shortest exposure:
        "floor"; at the longest: "ceiling".
    limits_ms : tuple of two int
        The staircase's shortest and longest exposure.
    masks_ms : float
        How long the masks after an image of a timed trial lasted: response times count
        from the image's onset, and no answer is taken before their end.

    Raises
    ------
    ValueError
        If a share is not between 0 and 1 or another value not above 0.
    """

    gold_share: float = 0.75
    fast_ms: float = 150.0
    fast_share: float = 0.1
    longest_run: int = 25
    criterion: float = 1.0
    chance_level: float = 0.05
    limit_share: float = 0.5
    limits_ms: tuple[int, int] = (100, 1000)
    masks_ms: float = 0.0

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("gold_share", "fast_share", "chance_level", "limit_share"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {value}.")
        for name in ("fast_ms", "longest_run", "criterion"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}.")


@dataclass(frozen=True)
class Measures:
    """What the rules look at in one session; NaN where there is nothing to look at.

    Attributes
    ----------
    gold_share : float
        Share of gold trials recognised.
    fast_share : float
        Share of answers quicker than the rules allow.
    longest_run : int
        Most equal answers in a row.
    criterion : float
        Lean of the answers in standard deviations.
    p_chance : float
        Chance that somebody who guesses is right at least as often.
    floor_share, ceiling_share : float
        Shares of trials planned at the shortest and at the longest exposure.
    """

    gold_share: float
    fast_share: float
    longest_run: int
    criterion: float
    p_chance: float
    floor_share: float
    ceiling_share: float


def measure(
    answers: EvaluatorAnswers, *, is_gold: NDArray[np.bool_], rules: Rules
) -> Measures:
    """Return what the rules look at in one session.

    Parameters
    ----------
    answers : EvaluatorAnswers
        All judgments of the session's task, in the order given.
    is_gold : ndarray of shape (n,), bool
        True for gold trials; nowhere where the study has none.
    rules : Rules
        The study's rules.

    Returns
    -------
    Measures
        `fast_share` and `longest_run` of all judgments: the person did not know which
        were gold. The others of the scored ones alone, for gold trials are easier.

    Raises
    ------
    ValueError
        If `is_gold` has not one value for each judgment.

    Notes
    -----
    A session with too few trials to say anything gets no flag rather than one by
    accident: NaN compares as neither above nor below.

    References
    ----------
    .. [1] Macmillan and Creelman, "Detection Theory: A User's Guide" (2005), on the
       criterion.
    .. [2] Curran, "Methods for the detection of carelessly invalid responses in survey
       data", J. Experimental Social Psychology 66 (2016), on long runs and response
       times.
    """
    if is_gold.shape != answers.truth.shape:
        raise ValueError(
            f"is_gold must have one value for each of the {answers.truth.size} "
            f"judgments, got shape {is_gold.shape}."
        )
    scored = EvaluatorAnswers(answers.truth[~is_gold], answers.said_real[~is_gold])
    counts = class_counts([scored])
    judged = bool(counts[0, 1] and counts[0, 3])
    _, criterion = dprime_and_criterion(counts)
    n = scored.truth.size
    n_correct = n - np.count_nonzero(scored.wrong)
    planned_ms = None if answers.planned_ms is None else answers.planned_ms[~is_gold]
    shortest_ms, longest_ms = rules.limits_ms
    return Measures(
        gold_share=_share(~answers.wrong[is_gold]),
        fast_share=_fast_share(answers, rules),
        longest_run=longest_run(answers.said_real),
        criterion=float(criterion[0]) if judged else math.nan,
        p_chance=float(binom.sf(n_correct - 1, n, 0.5)) if n else math.nan,
        floor_share=_planned_share(planned_ms, shortest_ms),
        ceiling_share=_planned_share(planned_ms, longest_ms),
    )


def flags(measures: Measures, *, rules: Rules) -> tuple[Flag, ...]:
    """Return the rules that one session breaks.

    Parameters
    ----------
    measures : Measures
        Of the session.
    rules : Rules
        The study's rules.

    Returns
    -------
    tuple of str
        In the order of `Flag`; empty where nothing is doubtful.

    Notes
    -----
    "chance", "floor" and "ceiling" need not be anybody's fault: before a perfect
    generator every careful person is at chance and at the ceiling. Excluding them
    removes the very people who were deceived and makes the generator look worse.
    """
    found: Mapping[Flag, bool] = {
        "gold": measures.gold_share < rules.gold_share,
        "fast": measures.fast_share > rules.fast_share,
        "same_answer": measures.longest_run >= rules.longest_run,
        "criterion": abs(measures.criterion) > rules.criterion,
        "chance": measures.p_chance > rules.chance_level,
        "floor": measures.floor_share > rules.limit_share,
        "ceiling": measures.ceiling_share > rules.limit_share,
    }
    return tuple(flag for flag, is_broken in found.items() if is_broken)


def longest_run(said_real: NDArray[np.bool_]) -> int:
    """Return how many equal answers came in a row, at most.

    Parameters
    ----------
    said_real : ndarray of shape (n,), bool
        Answers in the order given.

    Returns
    -------
    int
        0 without an answer.
    """
    if not said_real.size:
        return 0
    ends = np.flatnonzero(np.diff(said_real)) + 1
    edges = np.concatenate([[0], ends, [said_real.size]])
    return int(np.diff(edges).max())


def _share(is_so: NDArray[np.bool_]) -> float:
    return float(np.mean(is_so)) if is_so.size else math.nan


def _fast_share(answers: EvaluatorAnswers, rules: Rules) -> float:
    if answers.rt_ms is None:
        return math.nan
    decided = answers.rt_ms
    if answers.planned_ms is not None:
        decided = decided - answers.planned_ms - rules.masks_ms
    return _share(decided[np.isfinite(decided)] < rules.fast_ms)


def _planned_share(planned_ms: NDArray[np.int64] | None, limit_ms: int) -> float:
    return math.nan if planned_ms is None else _share(planned_ms == limit_ms)

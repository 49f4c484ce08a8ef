"""Adaptive staircases on exposure time: what the next image's exposure is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

from scipy.optimize import brentq


@dataclass(frozen=True)
class Rule:
    """One staircase: where it starts, how far and after what it steps, its limits.

    Attributes
    ----------
    start_ms : int
        Exposure of the first trial of every block.
    min_ms, max_ms : int
        Limits; a step past one ends on it.
    step_down_ms, step_up_ms : int
        Sizes of a step to shorter and to longer exposures.
    n_correct_to_descend : int
        Correct answers in a row that shorten the exposure.
    n_wrong_to_ascend : int
        Wrong answers in a row that lengthen the exposure.

    Raises
    ------
    ValueError
        If a value is not a whole number of at least 1 or the start is out of limits.

    Notes
    -----
    Steps may differ in size, so a rule's name ("3 down, 1 up") does not say where it
    settles; `convergence_point` does.
    """

    start_ms: int
    min_ms: int
    max_ms: int
    step_down_ms: int
    step_up_ms: int
    n_correct_to_descend: int
    n_wrong_to_ascend: int

    def __post_init__(self) -> None:
        """Check the values."""
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or value < 1:
                raise ValueError(
                    f"{field.name} must be a whole number of at least 1, got {value!r}."
                )
        if not self.min_ms <= self.start_ms <= self.max_ms:
            raise ValueError(
                f"start_ms must lie between min_ms and max_ms, got {self.start_ms} "
                f"outside {self.min_ms} to {self.max_ms}."
            )

    def convergence_point(self) -> float:
        """Return the proportion correct at which steps down and up balance.

        Returns
        -------
        float
            Between 0 and 1. Below 0.5 the rule drives everybody to `min_ms`, because
            guessing alone is right half of the time.

        Notes
        -----
        The exposure drifts nowhere when step_down * D = step_up * (1 - D), with D the
        chance that a run of n correct answers comes before a run of m wrong ones:
        D = p^(n-1) (1 - q^m) / (p^(n-1) + q^(m-1) - p^(n-1) q^(m-1)), q = 1 - p. The
        limits are left out. For m = 1 this is D = p^n.

        References
        ----------
        .. [1] Kaernbach, "Simple adaptive testing with the weighted up-down method",
           Perception & Psychophysics 49 (1991).
        .. [2] Feller, "An Introduction to Probability Theory", vol. 1, XIII.8 (1968).
        """
        balance = self.step_up_ms / (self.step_up_ms + self.step_down_ms)
        return float(brentq(lambda p: self._descends_first(p) - balance, 0.0, 1.0))

    def _descends_first(self, p: float) -> float:
        correct = p ** (self.n_correct_to_descend - 1)
        wrong = (1 - p) ** (self.n_wrong_to_ascend - 1)
        return correct * (1 - wrong * (1 - p)) / (correct + wrong - correct * wrong)


PRESETS: Mapping[str, Rule] = MappingProxyType(
    {
        "hype-2019": Rule(
            start_ms=500,
            min_ms=100,
            max_ms=1000,
            step_down_ms=30,
            step_up_ms=10,
            n_correct_to_descend=3,
            n_wrong_to_ascend=1,
        ),
        "weighted-75": Rule(
            start_ms=500,
            min_ms=100,
            max_ms=1000,
            step_down_ms=10,
            step_up_ms=30,
            n_correct_to_descend=1,
            n_wrong_to_ascend=1,
        ),
        "levitt-79": Rule(
            start_ms=500,
            min_ms=100,
            max_ms=1000,
            step_down_ms=10,
            step_up_ms=10,
            n_correct_to_descend=3,
            n_wrong_to_ascend=1,
        ),
    }
)


def exposures(rule: Rule, correct: Sequence[bool]) -> list[int]:
    """Return the planned exposure of every trial of one block, the next one included.

    Parameters
    ----------
    rule : Rule
        The staircase.
    correct : sequence of bool, length n
        Whether each answer of the block was correct, in order.

    Returns
    -------
    list of int, length n + 1
        Milliseconds; the last is the exposure of the trial not yet answered.

    Notes
    -----
    Both runs start again at zero after any step, one that a limit swallowed included,
    and at the start of a block. An answer of one kind ends the run of the other.

    References
    ----------
    .. [1] Levitt, "Transformed up-down methods in psychoacoustics", J. Acoust. Soc.
       Am. 49 (1971).
    """
    planned = [rule.start_ms]
    n_correct = n_wrong = 0
    for answer_is_correct in correct:
        exposure_ms = planned[-1]
        n_correct = n_correct + 1 if answer_is_correct else 0
        n_wrong = 0 if answer_is_correct else n_wrong + 1
        if n_correct == rule.n_correct_to_descend:
            exposure_ms = max(exposure_ms - rule.step_down_ms, rule.min_ms)
            n_correct = 0
        elif n_wrong == rule.n_wrong_to_ascend:
            exposure_ms = min(exposure_ms + rule.step_up_ms, rule.max_ms)
            n_wrong = 0
        planned.append(exposure_ms)
    return planned


def next_exposure(rule: Rule, correct: Sequence[bool]) -> int:
    """Return the planned exposure of the next trial of one block.

    Parameters
    ----------
    rule : Rule
        The staircase.
    correct : sequence of bool, length n
        Whether each answer of the block so far was correct, in order.

    Returns
    -------
    int
        Milliseconds, between the rule's limits.
    """
    return exposures(rule, correct)[-1]

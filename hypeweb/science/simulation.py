"""Many simulated staircases at once, for planning and for checks of the estimators."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.psychometric import chance_correct
from hypeweb.science.staircase import Rule

LAPSE = 0.02


@dataclass(frozen=True, eq=False)
class Walks:
    """Simulated staircases.

    Attributes
    ----------
    exposures_ms : ndarray of shape (n_people, n_trials), float64
        Planned exposure of every trial.
    correct : ndarray of shape (n_people, n_trials), bool
        Whether the answer was correct.
    """

    exposures_ms: NDArray[np.float64]
    correct: NDArray[np.bool_]


def simulate_block(
    rule: Rule,
    *,
    thresholds_ms: NDArray[np.float64],
    n_trials: int,
    rng: np.random.Generator,
    slope: float = 1.5,
) -> Walks:
    """Return one staircase block of many Weibull observers.

    Parameters
    ----------
    rule : Rule
        The staircase.
    thresholds_ms : ndarray of shape (n_people,), float64
        Exposure with 75 % correct of every observer, in ms.
    n_trials : int
        Trials of the block.
    rng : numpy.random.Generator
        Source of randomness.
    slope : float
        Slope of their psychometric functions; their lapse rate is 0.02.

    Returns
    -------
    Walks
        The same steps as `hypeweb.science.staircase.exposures`, all people at once.
    """
    n_people = thresholds_ms.size
    exposures = np.empty((n_people, n_trials))
    correct = np.empty((n_people, n_trials), dtype=np.bool_)
    now = np.full(n_people, float(rule.start_ms))
    n_correct = np.zeros(n_people, dtype=np.int64)
    n_wrong = np.zeros(n_people, dtype=np.int64)
    for trial in range(n_trials):
        chance = chance_correct(
            now, threshold_ms=thresholds_ms, slope=slope, lapse=LAPSE
        )
        right = rng.random(n_people) < chance
        exposures[:, trial], correct[:, trial] = now, right
        n_correct = np.where(right, n_correct + 1, 0)
        n_wrong = np.where(right, 0, n_wrong + 1)
        down = n_correct == rule.n_correct_to_descend
        up = n_wrong == rule.n_wrong_to_ascend
        now = now - rule.step_down_ms * down + rule.step_up_ms * up
        now = np.clip(now, rule.min_ms, rule.max_ms)
        n_correct[down], n_wrong[up] = 0, 0
    return Walks(exposures, correct)


def simulate_session(
    rule: Rule,
    *,
    thresholds_ms: NDArray[np.float64],
    n_blocks: int,
    n_trials: int,
    rng: np.random.Generator,
) -> Walks:
    """Return several staircase blocks of many Weibull observers, one after the other.

    Parameters
    ----------
    rule : Rule
        The staircase; it starts anew in every block.
    thresholds_ms : ndarray of shape (n_people,), float64
        Exposure with 75 % correct of every observer, in ms.
    n_blocks, n_trials : int
        Blocks, and trials of each.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Walks
        Of n_blocks * n_trials columns, block after block.
    """
    blocks = [
        simulate_block(rule, thresholds_ms=thresholds_ms, n_trials=n_trials, rng=rng)
        for _ in range(n_blocks)
    ]
    return Walks(
        exposures_ms=np.concatenate([block.exposures_ms for block in blocks], axis=1),
        correct=np.concatenate([block.correct for block in blocks], axis=1),
    )

"""Simulated evaluators of an arm, as many as a planner needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.scoring import block_mode
from hypeweb.science.simulation import simulate_session
from hypeweb.science.staircase import Rule

# Between-person standard deviation of error rates in public studies: 4 to 14 points.
DEFAULT_PERSON_SD = 0.08
DEFAULT_LOG_SPREAD = 0.3
N_PEOPLE = 2000
N_WALKERS = 500


@dataclass(frozen=True, eq=False)
class People:
    """Simulated evaluators of one arm.

    Attributes
    ----------
    scores : ndarray of shape (n_people,), float64
        Score of each: an error rate, or milliseconds.
    correct_share : float
        Mean share of correct answers.
    n_trials : int
        Trials of each.
    """

    scores: NDArray[np.float64]
    correct_share: float
    n_trials: int


def untimed_people(
    *,
    error: float,
    n_trials: int,
    rng: np.random.Generator,
    person_sd: float = DEFAULT_PERSON_SD,
    n_people: int = N_PEOPLE,
) -> People:
    """Return simulated evaluators of a HYPE_inf arm.

    Parameters
    ----------
    error : float
        Expected error rate, between 0 and 1.
    n_trials : int
        Images per evaluator.
    rng : numpy.random.Generator
        Source of randomness.
    person_sd : float
        Standard deviation of the evaluators' true error rates; above the largest that
        the mean allows it is lowered to nine tenths of that.
    n_people : int
        How many to simulate.

    Returns
    -------
    People
        True rates follow a beta distribution.

    Raises
    ------
    ValueError
        If `error` is not strictly between 0 and 1 or `person_sd` is negative.
    """
    if not 0 < error < 1:
        raise ValueError(f"error must lie between 0 and 1, got {error}.")
    if person_sd < 0:
        raise ValueError(f"person_sd must be at least 0, got {person_sd}.")
    variance = min(person_sd**2, 0.81 * error * (1 - error))
    rates: NDArray[np.float64] = np.full(n_people, error)
    if variance > 0:
        concentration = error * (1 - error) / variance - 1
        rates = rng.beta(error * concentration, (1 - error) * concentration, n_people)
    scores = rng.binomial(n_trials, rates) / n_trials
    return People(scores, float(1 - scores.mean()), n_trials)


def timed_people(
    rule: Rule,
    *,
    threshold_ms: float,
    trials: tuple[int, int],
    rng: np.random.Generator,
    log_spread: float = DEFAULT_LOG_SPREAD,
) -> People:
    """Return simulated evaluators of a HYPE_time arm, walking the study's own rule.

    Parameters
    ----------
    rule : Rule
        The staircase.
    threshold_ms : float
        Exposure with 75 % correct of the median evaluator, in ms.
    trials : tuple of two int
        Blocks, and trials per block.
    rng : numpy.random.Generator
        Source of randomness.
    log_spread : float
        Standard deviation of the evaluators' log thresholds.

    Returns
    -------
    People
        Scored as published: mean over blocks of the modal exposure.

    Raises
    ------
    ValueError
        If `threshold_ms` is not positive.
    """
    if not threshold_ms > 0:
        raise ValueError(f"threshold_ms must be above 0, got {threshold_ms}.")
    n_blocks, n_trials = trials
    walks = simulate_session(
        rule,
        thresholds_ms=threshold_ms * np.exp(rng.normal(0, log_spread, N_WALKERS)),
        n_blocks=n_blocks,
        n_trials=n_trials,
        rng=rng,
    )
    blocks = walks.exposures_ms.astype(int).reshape(N_WALKERS, n_blocks, n_trials)
    scores = [np.mean([block_mode(b) for b in person]) for person in blocks.tolist()]
    return People(np.array(scores), float(walks.correct.mean()), n_blocks * n_trials)


def between_person_sd(errors: Sequence[float], *, n_judgments: Sequence[int]) -> float:
    """Return how much evaluators truly differ, from a past study.

    Parameters
    ----------
    errors : sequence of float, length n
        Error rate of every evaluator.
    n_judgments : sequence of int, length n
        Judgments of each.

    Returns
    -------
    float
        Standard deviation of the true error rates: the observed variance less what
        chance adds; 0 where chance explains everything.

    Raises
    ------
    ValueError
        If there are fewer than two evaluators.
    """
    rates, n = np.asarray(errors), np.asarray(n_judgments)
    if rates.size < 2:  # noqa: PLR2004 a spread needs two
        raise ValueError(f"A spread needs at least 2 evaluators, got {rates.size}.")
    chance = np.mean(rates * (1 - rates) / np.maximum(n - 1, 1))
    return float(np.sqrt(max(rates.var(ddof=1) - chance, 0.0)))

"""What a study will cost: evaluators, minutes and money for a wanted precision."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hypeweb.science.populations import People

MAX_EVALUATORS = 2000
N_STUDIES = 1000
ASSURANCE = 0.8


@dataclass(frozen=True)
class Terms:
    """What a session takes and pays.

    Attributes
    ----------
    seconds_per_trial : float
        Pace, everything included.
    base_dollars : float
        For taking part.
    correct_dollars : float
        For every correct answer.
    hourly_minimum_dollars : float
        What an hour pays at least, whatever the answers.
    fee_share : float
        What the platform adds, as a share of the terms.
    currency : str
        What the amounts are in, for the sentence; all are taken as dollars' numbers.
    n_arms_each : int
        Arms that one evaluator judges; within subjects all of them.
    """

    seconds_per_trial: float
    base_dollars: float = 0.0
    correct_dollars: float = 0.02
    hourly_minimum_dollars: float = 12.0
    fee_share: float = 0.0
    currency: str = "USD"
    n_arms_each: int = 1


@dataclass(frozen=True)
class Plan:
    """What a wanted precision takes.

    Attributes
    ----------
    n_evaluators : int or None
        Evaluators per arm; None where even the most considered are too few.
    n_judgments : int or None
        Judgments per arm.
    minutes_per_evaluator : float
        Time of one session.
    dollars_per_evaluator : float
        Pay and fees of one session.
    dollars : float or None
        For all arms.
    half_width : float or None
        Expected half-width of the first arm's interval with so many evaluators.
    power : float or None
        Chance to separate the two arms, where that was asked.
    statement : str
        The plan as a sentence.
    """

    n_evaluators: int | None
    n_judgments: int | None
    minutes_per_evaluator: float
    dollars_per_evaluator: float
    dollars: float | None
    half_width: float | None
    power: float | None
    statement: str


def plan_width(
    people: People,
    *,
    half_width: float,
    terms: Terms,
    rng: np.random.Generator,
) -> Plan:
    """Return how many evaluators give an interval of the wanted width.

    Parameters
    ----------
    people : People
        Simulated evaluators of the arm.
    half_width : float
        Wanted half-width of the 95 % interval, in the unit of the scores.
    terms : Terms
        Pace and terms.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Plan
        The fewest evaluators with which four studies in five are at least so precise.

    Raises
    ------
    ValueError
        If `half_width` is not positive.
    """
    if not half_width > 0:
        raise ValueError(f"half_width must be above 0, got {half_width}.")

    def precise(n: int) -> bool:
        share = np.mean(_half_widths(people, n=n, rng=rng) <= half_width)
        return bool(share >= ASSURANCE)

    n = _fewest(precise)
    return _plan(people, n, n_arms=1, power=None, terms=terms)


def plan_separation(
    first: People,
    second: People,
    *,
    terms: Terms,
    rng: np.random.Generator,
    power: float = ASSURANCE,
) -> Plan:
    """Return how many evaluators per arm tell two arms apart.

    Parameters
    ----------
    first, second : People
        Simulated evaluators of both arms.
    terms : Terms
        Pace and terms.
    rng : numpy.random.Generator
        Source of randomness.
    power : float
        Wanted chance to find the difference.

    Returns
    -------
    Plan
        The fewest evaluators with which Welch's test at 5 % finds the difference in the
        wanted share of studies.

    Raises
    ------
    ValueError
        If `power` is not between 0 and 1.
    """
    if not 0 < power < 1:
        raise ValueError(f"power must lie between 0 and 1, got {power}.")

    def found(n: int) -> bool:
        return _power(first, second, n=n, rng=rng) >= power

    n = _fewest(found)
    reached = _power(first, second, n=n or MAX_EVALUATORS, rng=rng)
    return _plan(_both(first, second), n, n_arms=2, power=reached, terms=terms)


def plan_number(
    people: tuple[People, People],
    *,
    n_evaluators: int,
    n_arms: int,
    terms: Terms,
    rng: np.random.Generator,
) -> Plan:
    """Return what a given number of evaluators takes and shows.

    Parameters
    ----------
    people : tuple of two People
        Simulated evaluators of two arms that might be told apart.
    n_evaluators : int
        Evaluators per arm.
    n_arms : int
        Arms of the study.
    terms : Terms
        Pace and terms.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Plan
        With the half-width of the first arm's interval and the power to separate the
        two.

    Raises
    ------
    ValueError
        If there are fewer than 2 or more than 2,000 evaluators, or no arm.
    """
    if not 2 <= n_evaluators <= MAX_EVALUATORS:  # noqa: PLR2004 a spread needs two
        raise ValueError(
            f"n_evaluators must lie between 2 and {MAX_EVALUATORS}, got {n_evaluators}."
        )
    if n_arms < 1:
        raise ValueError(f"n_arms must be at least 1, got {n_arms}.")
    power = _power(*people, n=n_evaluators, rng=rng)
    both = _both(*people)
    return _plan(both, n_evaluators, n_arms=n_arms, power=power, terms=terms)


def session_dollars(*, n_correct: float, minutes: float, terms: Terms) -> float:
    """Return what one session costs.

    Parameters
    ----------
    n_correct : float
        Expected correct answers.
    minutes : float
        Expected time.
    terms : Terms
        Pace and terms.

    Returns
    -------
    float
        Dollars, fees included; never below the hourly minimum.
    """
    earned = terms.base_dollars + terms.correct_dollars * n_correct
    return max(earned, terms.hourly_minimum_dollars * minutes / 60) * (
        1 + terms.fee_share
    )


def _both(first: People, second: People) -> People:
    return People(
        scores=first.scores,
        correct_share=(first.correct_share + second.correct_share) / 2,
        n_trials=first.n_trials,
    )


def _draw(people: People, *, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return people.scores[rng.integers(people.scores.size, size=(N_STUDIES, n))]


def _half_widths(
    people: People, *, n: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    spread = _draw(people, n=n, rng=rng).std(axis=1, ddof=1)
    return np.asarray(stats.t.ppf(0.975, n - 1) * spread / np.sqrt(n))


def _power(first: People, second: People, *, n: int, rng: np.random.Generator) -> float:
    a, b = _draw(first, n=n, rng=rng), _draw(second, n=n, rng=rng)
    va, vb = a.var(axis=1, ddof=1) / n, b.var(axis=1, ddof=1) / n
    variance = np.maximum(va + vb, np.finfo(np.float64).tiny)
    t = np.abs(a.mean(axis=1) - b.mean(axis=1)) / np.sqrt(variance)
    squares = np.maximum(va**2 + vb**2, np.finfo(np.float64).tiny)
    df = np.clip((n - 1) * variance**2 / squares, 1, None)
    return float(np.mean(2 * stats.t.sf(t, df) < 0.05))  # noqa: PLR2004


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """Return the smallest number that is enough, by doubling and halving."""
    high = 2
    while not enough(high):
        if high >= MAX_EVALUATORS:
            return None
        high = min(2 * high, MAX_EVALUATORS)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _money(amount: float, form: str, terms: Terms) -> str:
    number = format(amount, form)
    return f"${number}" if terms.currency == "USD" else f"{terms.currency} {number}"


def _plan(
    people: People, n: int | None, *, n_arms: int, power: float | None, terms: Terms
) -> Plan:
    n_trials = people.n_trials * terms.n_arms_each
    minutes = n_trials * terms.seconds_per_trial / 60
    each = session_dollars(
        n_correct=people.correct_share * n_trials, minutes=minutes, terms=terms
    )
    n_groups = max(1, n_arms // terms.n_arms_each)
    if n is None:
        statement = (
            f"Even {MAX_EVALUATORS} evaluators per arm are too few: the difference or "
            "the width is too small for this method."
        )
        return Plan(None, None, minutes, each, None, None, power, statement)
    dollars = n * n_groups * each
    cost = "each, unpaid"
    if each:
        cost = f"and {_money(each, '.2f', terms)} each, "
        cost += f"{_money(dollars, ',.0f', terms)} in all"
    of_arms = " per arm" * (n_groups > 1)
    if terms.n_arms_each > 1:
        of_arms = f" of {terms.n_arms_each} arms each"
    statement = f"{n} evaluators{of_arms}, {minutes:.0f} minutes {cost}."
    spread = people.scores.std(ddof=1) / np.sqrt(n)
    half_width = float(stats.t.ppf(0.975, n - 1) * spread)
    return Plan(
        n, n * people.n_trials, minutes, each, dollars, half_width, power, statement
    )

"""What an evaluator's work is worth, in whole cents."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

# From a pause of this length on, somebody was away; shorter ones are thinking.
AWAY_SECONDS = 60.0
SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class PayTerms:
    """What a study promises.

    Attributes
    ----------
    base_cents : int
        For coming: paid for the qualification too, whether it was passed or not.
    correct_millicents : int
        For each correct answer, in thousandths of a cent: 2 cents are 2000.
    hourly_cents : int
        What an hour of work pays at least, whatever the answers; 0 is no floor.

    Raises
    ------
    ValueError
        If one of them is negative.

    References
    ----------
    .. [1] Zhou et al., "HYPE: A Benchmark for Human eYe Perceptual Evaluation of
       Generative Models", NeurIPS 2019: 1 dollar, 2 cents for each correct answer,
       about 12 dollars an hour.
    """

    base_cents: int = 100
    correct_millicents: int = 2000
    hourly_cents: int = 1200

    def __post_init__(self) -> None:
        """Refuse negative amounts."""
        for name in ("base_cents", "correct_millicents", "hourly_cents"):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f"{name} must be at least 0, got {value}")


@dataclass(frozen=True)
class Earned:
    """What one session earned.

    Attributes
    ----------
    base_cents : int
        The study's base.
    bonus_cents : int
        What comes on top: correct answers, or more where the floor asks for it.
    active_seconds : float
        The time the floor was measured on.
    is_topped_up : bool
        Whether the floor raised the bonus.
    """

    base_cents: int
    bonus_cents: int
    active_seconds: float
    is_topped_up: bool

    @property
    def total_cents(self) -> int:
        """Return base and bonus together."""
        return self.base_cents + self.bonus_cents

    @property
    def hourly_cents(self) -> float:
        """Return what the session paid by the hour; infinite for no time at all."""
        if not self.active_seconds:
            return math.inf
        return self.total_cents * SECONDS_PER_HOUR / self.active_seconds


def active_seconds(moments: ArrayLike, *, away_seconds: float = AWAY_SECONDS) -> float:
    """Return how long somebody worked: the gaps between acts, long ones cut short.

    Parameters
    ----------
    moments : array_like of shape (n,), float64
        When something was done, in seconds, in any order.
    away_seconds : float
        What a longer gap counts, in seconds.

    Returns
    -------
    float
        Seconds; 0 for fewer than two moments.

    Raises
    ------
    ValueError
        If a moment is not finite or `away_seconds` is not above 0.
    """
    times = np.sort(np.asarray(moments, dtype=np.float64).ravel())
    if not np.isfinite(times).all():
        raise ValueError("moments must be finite")
    if not away_seconds > 0:
        raise ValueError(f"away_seconds must be above 0, got {away_seconds}")
    return float(np.minimum(np.diff(times), away_seconds).sum())


def earned(
    terms: PayTerms, *, n_correct: int, seconds: float, pays_base: bool = True
) -> Earned:
    """Return what a session earned, to the evaluator's favour where cents break.

    Parameters
    ----------
    terms : PayTerms
        The study's promise.
    n_correct : int
        Correct answers that count.
    seconds : float
        Active time, in seconds.
    pays_base : bool
        Whether the base is due; it is not to somebody who left before any work.

    Returns
    -------
    Earned
        Base, and a bonus that is the larger of the correct answers' and what the
        hourly floor leaves over the base.

    Raises
    ------
    ValueError
        If `n_correct` or `seconds` is negative or not finite.
    """
    if n_correct < 0:
        raise ValueError(f"n_correct must be at least 0, got {n_correct}")
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"seconds must be finite and at least 0, got {seconds}")
    base = terms.base_cents if pays_base else 0
    by_answers = math.ceil(Fraction(terms.correct_millicents * n_correct, 1000))
    floor = math.ceil(Fraction(terms.hourly_cents) * Fraction(seconds) / 3600)
    by_floor = max(0, floor - base)
    return Earned(
        base_cents=base,
        bonus_cents=max(by_answers, by_floor),
        active_seconds=float(seconds),
        is_topped_up=by_floor > by_answers,
    )

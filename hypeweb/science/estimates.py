"""The values every score is made of: a number, its interval, and what to mind."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An interval and how it was made.

    Attributes
    ----------
    low, high : float or None
        Bounds in the unit of the number; None where the data hold no interval.
    std_error : float or None
        Standard error in the same unit; None where there is none.
    method : str
        How the interval was made, or why there is none, in words for a report.
    """

    low: float | None
    high: float | None
    std_error: float | None
    method: str


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and what it rests on.

    Attributes
    ----------
    value : float or None
        The number; None where no judgment bears on it. Never NaN.
    low, high : float or None
        Bounds of the interval; None where there is none, `method` says why.
    n_evaluators, n_judgments : int
        How many people and answers the number rests on.
    method : str
        How the interval was made, in words for a report.
    std_error : float or None
        Standard error in the unit of the number.
    """

    value: float | None
    low: float | None
    high: float | None
    n_evaluators: int
    n_judgments: int
    method: str
    std_error: float | None = None


@dataclass(frozen=True)
class Caution:
    """What a reader must know beside a number.

    Attributes
    ----------
    code : str
        Short name for programs, words joined by hyphens.
    message : str
        One sentence for people.
    """

    code: str
    message: str

"""What an evaluation wants its reader to know, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One warning.

    Attributes
    ----------
    code : str
        A stable name for programs, such as ``too-few-images``.
    message : str
        One sentence for people, with the numbers it rests on.
    """

    code: str
    message: str

"""Watching a study without fooling oneself: always-valid confidence sequences."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.bootstrap import require_level

Decision = Literal["separated", "equivalent", "undecided"]

SOURCE = (
    "Hedged-capital confidence sequence (Waudby-Smith and Ramdas 2024) on the "
    "differences of evaluators paired in order of arrival"
)
N_GRID = 1001
# Share of the capital that one bet may lose. Any value below 1 is valid; a high one
# pays where scores spread little, as error rates of many answers do.
LARGEST_STAKE = 0.9


@dataclass(frozen=True, eq=False)
class ConfidenceSequence:
    """Intervals of the difference of two arms after every pair of evaluators.

    Attributes
    ----------
    low, high : ndarray of shape (n_pairs,), float64
        Bounds of mean(first) - mean(second); they only ever narrow. All of them
        together hold the truth with the wanted probability.
    level : float
        That probability.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    level: float

    def decision(self, *, margin: float | None = None) -> Decision:
        """Return what the sequence allows to say now.

        Parameters
        ----------
        margin : float, optional
            Differences below it do not matter. Without it no arms are equivalent.

        Returns
        -------
        {"separated", "equivalent", "undecided"}
            Separated, when 0 is excluded; equivalent, when all differences left are
            smaller than the margin.
        """
        if not self.low.size:
            return "undecided"
        low, high = self.low[-1], self.high[-1]
        if low > 0 or high < 0:
            return "separated"
        if margin is not None and max(-low, high) < margin:
            return "equivalent"
        return "undecided"


def difference_sequence(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    bounds: tuple[float, float],
    level: float = 0.95,
) -> ConfidenceSequence:
    """Return the confidence sequence of the difference of two arms.

    Parameters
    ----------
    first, second : ndarray of shape (n,), float64
        One score per evaluator in order of arrival. The k-th of both arms make a pair;
        those without a partner wait.
    bounds : tuple of two float
        Lowest and highest possible score: (0, 1) for error rates, the staircase's
        limits for exposures.
    level : float
        Probability that no interval of the sequence ever misses the truth.

    Returns
    -------
    ConfidenceSequence
        One interval per pair.

    Raises
    ------
    ValueError
        If a score is not finite or lies outside the bounds, or `level` is not between 0
        and 1.

    Notes
    -----
    Valid at every sample size, however often one looks and whatever made one stop, for
    independent evaluators of the same population: no normality, no plan of looks. The
    price is width; at a fixed size use the report's interval instead. It speaks of the
    images of the study's pool. Two bets with predictable plug-in stakes and half the
    capital each are made against every candidate difference; candidates whose bets
    have earned more than 1 / (1 - level) are out.

    References
    ----------
    .. [1] Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
       betting", J. Royal Statistical Society B 86 (2024), section 4.
    .. [2] Ville, "Étude critique de la notion de collectif" (1939).
    """
    require_level(level)
    lowest, highest = bounds
    for scores in (first, second):
        if not ((scores >= lowest) & (scores <= highest)).all():
            raise ValueError(
                f"Scores must lie between {lowest} and {highest}, got "
                f"{scores[~((scores >= lowest) & (scores <= highest))][0]}."
            )
    n = min(first.size, second.size)
    width = highest - lowest
    # Differences lie in [-width, width]; the bets are on [0, 1].
    unit = (first[:n] - second[:n]) / (2 * width) + 0.5
    low, high = _unit_sequence(unit, alpha=1 - level)
    return ConfidenceSequence(
        low=(low - 0.5) * 2 * width, high=(high - 0.5) * 2 * width, level=level
    )


def watch_arms(
    scores: Mapping[str, NDArray[np.float64]],
    *,
    bounds: tuple[float, float],
    n_arms: int,
    level: float = 0.95,
) -> dict[tuple[str, str], ConfidenceSequence]:
    """Return the confidence sequences of all pairs of arms, valid together.

    Parameters
    ----------
    scores : mapping of str to ndarray of shape (n,), float64
        One score per evaluator of every arm, in order of arrival.
    bounds : tuple of two float
        Lowest and highest possible score.
    n_arms : int
        Arms of the whole study, also those nobody has finished yet: alpha is shared
        over all their pairs from the start, so that no interval widens later.
    level : float
        Probability that no interval of any pair ever misses.

    Returns
    -------
    dict of tuple of (str, str) to ConfidenceSequence
        First minus second arm, for every pair; alpha is shared evenly (Bonferroni).

    Raises
    ------
    ValueError
        If more arms have scores than the study has.
    """
    if n_arms < len(scores):
        raise ValueError(f"n_arms must be at least {len(scores)}, got {n_arms}.")
    pairs = list(combinations(scores, 2))
    shared = 1 - (1 - level) / max(comb(n_arms, 2), 1)
    return {
        (a, b): difference_sequence(scores[a], scores[b], bounds=bounds, level=shared)
        for a, b in pairs
    }


def _unit_sequence(
    values: NDArray[np.float64], *, alpha: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return bounds of the mean of values in [0, 1] after each of them."""
    n = values.size
    means = np.linspace(0, 1, N_GRID)
    stakes = _stakes(values, alpha=alpha)[:, None]
    with np.errstate(divide="ignore"):
        up = np.minimum(stakes, LARGEST_STAKE / means)
        down = np.minimum(stakes, LARGEST_STAKE / (1 - means))
    gap = values[:, None] - means
    capital = np.maximum(
        np.cumsum(np.log1p(up * gap), axis=0), np.cumsum(np.log1p(-down * gap), axis=0)
    )
    kept = capital < np.log(2 / alpha)
    # The set is an interval; one step of the grid covers what lies between its points.
    step = means[1]
    low = np.where(kept.any(axis=1), means[kept.argmax(axis=1)], 1.0) - step
    last = N_GRID - 1 - kept[:, ::-1].argmax(axis=1)
    high = np.where(kept.any(axis=1), means[last], 0.0) + step
    low = np.maximum.accumulate(np.maximum(low, 0.0)) if n else low
    high = np.minimum.accumulate(np.minimum(high, 1.0)) if n else high
    return low, high


def _stakes(values: NDArray[np.float64], *, alpha: float) -> NDArray[np.float64]:
    """Return the stake on every value, from the values before it."""
    n = np.arange(1, values.size + 1)
    mean = (0.5 + np.cumsum(values)) / (n + 1)
    variance = (0.25 + np.cumsum((values - mean) ** 2)) / (n + 1)
    before = np.append(0.25, variance)[:-1]
    return np.asarray(np.sqrt(2 * np.log(2 / alpha) / (before * n * np.log1p(n))))

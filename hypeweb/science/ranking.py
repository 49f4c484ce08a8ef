"""Which arm is best, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypeweb.science.bootstrap import TIED_DECIMALS


@dataclass(frozen=True)
class Place:
    """One arm's place among the others.

    Attributes
    ----------
    arm : str
        The arm.
    value : float
        Its score.
    rank : int
        1 for the best; arms with equal scores share the better rank.
    rank_low, rank_high : int
        Ranks that hold the wanted share of the resamples.
    chance_best : float
        Share of resamples in which no arm is better; ties are split.
    """

    arm: str
    value: float
    rank: int
    rank_low: int
    rank_high: int
    chance_best: float


def rank_arms(
    values: Mapping[str, float],
    replicates: Mapping[str, NDArray[np.float64]],
    *,
    level: float = 0.95,
) -> tuple[Place, ...]:
    """Return the arms from best to worst, with how sure each place is.

    Parameters
    ----------
    values : mapping of str to float
        Score of every arm; higher is better.
    replicates : mapping of str to ndarray of shape (n_bootstrap,), float64
        Bootstrap replicates of the same arms, as many of each, drawn independently.
    level : float
        Share of the resamples in the interval of ranks.

    Returns
    -------
    tuple of Place
        Best first.

    Raises
    ------
    ValueError
        If the arms of both mappings differ.

    Notes
    -----
    The chance of being best is the bootstrap's, close to a posterior with a flat prior:
    with two equal arms it is anything between 0 and 1, not 0.5.

    References
    ----------
    .. [1] Goldstein and Spiegelhalter, "League tables and their limitations", J. Royal
       Statistical Society A 159 (1996).
    """
    names = list(values)
    if set(names) != set(replicates):
        raise ValueError(
            f"Scores are of {sorted(values)}, replicates of {sorted(replicates)}."
        )
    if not names:
        return ()
    drawn = np.stack([replicates[name] for name in names], axis=1)
    # Sums of floats differ in the last digit between equal resamples.
    drawn = np.round(drawn[np.isfinite(drawn).all(axis=1)], TIED_DECIMALS)
    rounded = {name: round(value, TIED_DECIMALS) for name, value in values.items()}
    if not len(drawn):
        drawn = np.array([[rounded[name] for name in names]])
    best = drawn == drawn.max(axis=1, keepdims=True)
    chance_best = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    ranks = 1 + (drawn[:, None, :] > drawn[:, :, None]).sum(axis=2)
    # Nearest whole ranks that hold at least the wanted share.
    low = np.quantile(ranks, (1 - level) / 2, axis=0, method="lower")
    high = np.quantile(ranks, (1 + level) / 2, axis=0, method="higher")
    places = [
        Place(
            arm=name,
            value=values[name],
            rank=1 + sum(other > rounded[name] for other in rounded.values()),
            rank_low=int(low[column]),
            rank_high=int(high[column]),
            chance_best=float(chance_best[column]),
        )
        for column, name in enumerate(names)
    ]
    return tuple(sorted(places, key=lambda place: place.rank))

"""Who qualifies: the pass mark, and the same share of every source of images."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Counts:
    """How one attempt went, by truth.

    Attributes
    ----------
    n_reals, n_fakes : int
        How many real and generated images were judged.
    n_reals_correct, n_fakes_correct : int
        How many of either were recognised.
    """

    n_reals: int
    n_reals_correct: int
    n_fakes: int
    n_fakes_correct: int


def has_passed(counts: Counts, *, reals_percent: int, fakes_percent: int) -> bool:
    """Return whether an attempt reaches the pass mark on both kinds of images.

    Parameters
    ----------
    counts : Counts
        The attempt's judgments.
    reals_percent, fakes_percent : int
        Pass marks, in percent recognised; reaching one is enough.

    Returns
    -------
    bool
        True if both are reached. Whoever always gives one answer fails, unless the mark
        on the other kind is 0.

    Notes
    -----
    The comparison is in whole numbers: 65 % of 50 images is 33 of them, and no rounding
    of 32.5 decides. With 50 of each and 65 % somebody who guesses passes once in 3700
    attempts.

    References
    ----------
    .. [1] Zhou et al., "HYPE: A Benchmark for Human eYe Perceptual Evaluation of
       Generative Models", NeurIPS 2019, section 3.3.
    """
    return (
        100 * counts.n_reals_correct >= reals_percent * counts.n_reals
        and 100 * counts.n_fakes_correct >= fakes_percent * counts.n_fakes
    )


def equal_shares(*, n: int, n_sources: int, rng: np.random.Generator) -> list[int]:
    """Return how many images come from each source: as equally many as possible.

    Parameters
    ----------
    n : int
        Images in all.
    n_sources : int
        Sources, at least 1.
    rng : numpy.random.Generator
        Draws the sources that give one more when n does not divide.

    Returns
    -------
    list of int, length n_sources
        Counts that sum to n and differ by at most 1.

    Raises
    ------
    ValueError
        If there is no source or n is negative.
    """
    if n_sources < 1:
        raise ValueError(f"n_sources must be at least 1, got {n_sources}.")
    if n < 0:
        raise ValueError(f"n must be at least 0, got {n}.")
    share, n_more = divmod(n, n_sources)
    counts = np.full(n_sources, share)
    counts[rng.permutation(n_sources)[:n_more]] += 1
    return [int(count) for count in counts]

"""Comparisons of arms within the evaluators who judged several of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hypeweb.science.bootstrap import TIED_DECIMALS, chunk_sizes, evaluator_sums
from hypeweb.science.hypotheses import N_PERMUTATIONS, HypothesisTest, hedges_g
from hypeweb.science.ranking import Place, rank_arms

# For every arm the score of every evaluator who judged it.
ByPerson = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class WithinPair:
    """Two arms against each other within the evaluators who judged both.

    Attributes
    ----------
    first, second : str
        The arms.
    n_evaluators : int
        Evaluators who judged both.
    difference : float
        Mean of first minus second, in the unit of the scores.
    low, high : float or None
        Paired t interval, not adjusted for the number of pairs.
    p_paired : float or None
        Paired t-test.
    p_permutation : float or None
        Sign-flip permutation test of the paired t.
    p_adjusted : float or None
        `p_paired` adjusted by Holm over all pairs.
    hedges_g : float or None
        Difference in pooled standard deviations, comparable with that between
        different people.
    """

    first: str
    second: str
    n_evaluators: int
    difference: float
    low: float | None
    high: float | None
    p_paired: float | None
    p_permutation: float | None
    p_adjusted: float | None
    hedges_g: float | None


@dataclass(frozen=True)
class WithinComparison:
    """All arms against each other within evaluators.

    Attributes
    ----------
    n_complete : int
        Evaluators who judged every arm; the tests rest on them.
    tests : tuple of HypothesisTest
        Repeated-measures ANOVA and Friedman's test.
    pairs : tuple of WithinPair
        Every pair of arms that two evaluators or more judged both of.
    multiplicity : str
        How the pairs' p-values are adjusted, in words.
    """

    n_complete: int
    tests: tuple[HypothesisTest, ...]
    pairs: tuple[WithinPair, ...]
    multiplicity: str


def judged_all(scores: ByPerson) -> NDArray[np.float64]:
    """Return the scores of the evaluators who judged every arm.

    Parameters
    ----------
    scores : mapping of str to mapping of str to float
        For every arm the score of every evaluator who judged it.

    Returns
    -------
    ndarray of shape (n_evaluators, n_arms), float64
        A row for each of them, in the order of the first arm; none with fewer than two
        arms.
    """
    arms = list(scores.values())
    if len(arms) < 2:  # noqa: PLR2004 a comparison needs two
        return np.empty((0, len(arms)))
    names = [name for name in arms[0] if all(name in people for people in arms)]
    rows = [[people[name] for people in arms] for name in names]
    return np.array(rows, dtype=np.float64).reshape(-1, len(arms))


def compare_within(
    scores: ByPerson,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
) -> WithinComparison:
    """Return tests and pairwise comparisons within evaluators.

    Parameters
    ----------
    scores : mapping of str to mapping of str to float
        For every arm the score of every evaluator who judged it.
    rng : numpy.random.Generator
        Source of randomness of the permutation tests.
    level : float
        Coverage of the differences' intervals.

    Returns
    -------
    WithinComparison
        Without tests where fewer than two evaluators judged every arm.

    Notes
    -----
    Differences between people cancel within a person, so far fewer evaluators show the
    same difference; but what a person learned on one arm they know on the next. Give
    the arms in a different random order to everyone. Evaluators count in the order
    given, so that other names for the same people draw the same random numbers.
    """
    table = judged_all(scores)
    pairs = [
        pair
        for first, second in combinations(scores, 2)
        if (pair := _pair(scores, first, second, rng=rng, level=level))
    ]
    return WithinComparison(
        n_complete=len(table),
        tests=(repeated_anova(table), friedman(table)) if len(table) > 1 else (),
        pairs=_holm(pairs),
        multiplicity="One pair: no adjustment."
        if len(pairs) == 1
        else f"Holm over {len(pairs)} pairs.",
    )


def rank_within(
    scores: ByPerson,
    values: Mapping[str, float],
    *,
    rng: np.random.Generator,
    n_bootstrap: int = 10_000,
    level: float = 0.95,
) -> tuple[Place, ...]:
    """Return the arms from best to worst, each evaluator's arms resampled together.

    Parameters
    ----------
    scores : mapping of str to mapping of str to float
        For every arm the score of every evaluator who judged it; higher is better.
    values : mapping of str to float
        Score of the same arms.
    rng : numpy.random.Generator
        Source of randomness.
    n_bootstrap : int
        Number of resamples of the evaluators who judged every arm.
    level : float
        Share of the resamples in the interval of ranks.

    Returns
    -------
    tuple of Place
        Best first; empty where fewer than two evaluators judged every arm.

    Notes
    -----
    A resample is one draw of people for all arms, so that what a person makes of every
    image cancels, as it does in the paired tests; the images stay as they are.

    References
    ----------
    .. [1] Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 8 (1993).
    """
    table = judged_all(scores)
    n = len(table)
    if n < 2:  # noqa: PLR2004 a spread needs two
        return ()
    drawn = evaluator_sums(table, n_bootstrap=n_bootstrap, rng=rng) / n
    deviations = (drawn - table.mean(axis=0)).T
    replicates = {
        arm: values[arm] + column
        for arm, column in zip(scores, deviations, strict=True)
    }
    return rank_arms(values, replicates, level=level)


def repeated_anova(table: NDArray[np.float64]) -> HypothesisTest:
    """Return the repeated-measures analysis of variance.

    Parameters
    ----------
    table : ndarray of shape (n_evaluators, n_arms), float64
        Every evaluator's score of every arm, at least two of each.

    Returns
    -------
    HypothesisTest
        F with Greenhouse and Geisser's degrees of freedom.

    References
    ----------
    .. [1] Greenhouse and Geisser, "On methods in the analysis of profile data",
       Psychometrika 24 (1959).
    """
    name = "repeated-measures ANOVA"
    n, k = table.shape
    residual = (
        table
        - table.mean(axis=1, keepdims=True)
        - table.mean(axis=0, keepdims=True)
        + table.mean()
    )
    within = float((residual**2).sum()) / ((n - 1) * (k - 1))
    # Rounding leaves dust where there is no spread.
    if within <= 1e-20 * max(float((table**2).mean()), 1e-300):
        return HypothesisTest(name, None, (), None, "No spread within evaluators.")
    between = n * float(((table.mean(axis=0) - table.mean()) ** 2).sum()) / (k - 1)
    covariance = residual.T @ residual
    epsilon = np.trace(covariance) ** 2 / ((k - 1) * (covariance**2).sum())
    df = (float(epsilon * (k - 1)), float(epsilon * (k - 1) * (n - 1)))
    f = between / within
    return HypothesisTest(name, f, df, float(stats.f.sf(f, *df)))


def friedman(table: NDArray[np.float64]) -> HypothesisTest:
    """Return Friedman's test on the ranks within evaluators.

    Parameters
    ----------
    table : ndarray of shape (n_evaluators, n_arms), float64
        Every evaluator's score of every arm, at least two of each.

    Returns
    -------
    HypothesisTest
        Without a value where every evaluator scores all arms alike.

    References
    ----------
    .. [1] Friedman, "The use of ranks to avoid the assumption of normality", J.
       American Statistical Association 32 (1937).
    """
    n, k = table.shape
    ranks = stats.rankdata(np.round(table, TIED_DECIMALS), axis=1)
    spread = float(((ranks - (k + 1) / 2) ** 2).sum()) / (n * (k - 1))
    if spread == 0:
        return HypothesisTest("Friedman", None, (), None, "No order within evaluators.")
    chi2 = n * float(((ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum()) / spread
    return HypothesisTest(
        "Friedman", chi2, (float(k - 1),), float(stats.chi2.sf(chi2, k - 1))
    )


def _pair(
    scores: ByPerson,
    first: str,
    second: str,
    *,
    rng: np.random.Generator,
    level: float,
) -> WithinPair | None:
    people = [name for name in scores[first] if name in scores[second]]
    n = len(people)
    if n < 2:  # noqa: PLR2004 a spread needs two
        return None
    a = np.array([scores[first][name] for name in people])
    b = np.array([scores[second][name] for name in people])
    # Equal rates counted in other orders differ in the last digit: no spread.
    difference = np.round(a - b, TIED_DECIMALS)
    mean, spread = float(difference.mean()), float(difference.std(ddof=1))
    low = high = p_paired = p_permutation = None
    if spread > 0:
        margin = float(stats.t.ppf((1 + level) / 2, n - 1)) * spread / np.sqrt(n)
        low, high = mean - margin, mean + margin
        p_paired = float(2 * stats.t.sf(abs(mean) * np.sqrt(n) / spread, n - 1))
        p_permutation = _sign_flip_p(difference, rng=rng)
    return WithinPair(
        first=first,
        second=second,
        n_evaluators=n,
        difference=mean,
        low=low,
        high=high,
        p_paired=p_paired,
        p_permutation=p_permutation,
        p_adjusted=None,
        hedges_g=hedges_g(a, b),
    )


def _sign_flip_p(difference: NDArray[np.float64], *, rng: np.random.Generator) -> float:
    """Return the two-sided p-value; with fixed squares the mean orders like t."""
    observed = abs(difference.sum())
    n_extreme = 0
    for size in chunk_sizes(n_bootstrap=N_PERMUTATIONS, n_units=difference.size):
        signs = rng.choice([-1.0, 1.0], size=(size, difference.size))
        extreme = np.abs(signs @ difference) >= observed * (1 - 1e-12)
        n_extreme += int(np.count_nonzero(extreme))
    return (1 + n_extreme) / (N_PERMUTATIONS + 1)


def _holm(
    pairs: list[WithinPair],
) -> tuple[WithinPair, ...]:
    """Return the pairs with p-values adjusted for their number."""
    tested = [pair for pair in pairs if pair.p_paired is not None]
    tested.sort(key=lambda pair: pair.p_paired or 0.0)
    adjusted: dict[int, float] = {}
    largest = 0.0
    for position, pair in enumerate(tested):
        p = min((len(tested) - position) * (pair.p_paired or 0.0), 1.0)
        largest = max(largest, p)
        adjusted[id(pair)] = largest
    return tuple(replace(pair, p_adjusted=adjusted.get(id(pair))) for pair in pairs)

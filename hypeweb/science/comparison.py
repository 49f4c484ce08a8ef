"""Do arms differ? Tests and effect sizes on one score per evaluator."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hypeweb.science.bootstrap import MANY_EVALUATORS
from hypeweb.science.hypotheses import (
    HypothesisTest,
    hedges_g,
    kruskal_wallis,
    one_way_anova,
    permutation_p,
    unbiased_variance,
    welch_anova,
    welch_t_test,
)

Scores = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class PairComparison:
    """Two arms against each other.

    Attributes
    ----------
    first, second : str
        The arms.
    difference : float
        Mean of the first minus mean of the second, in the unit of the scores.
    low, high : float or None
        Welch interval of the difference, not adjusted for the number of pairs.
    p_welch : float or None
        Welch's t-test.
    p_permutation : float or None
        Permutation test of the Welch statistic; None from 2,000 evaluators on, where
        it says what Welch's says.
    p_adjusted : float or None
        Tukey's honest significant difference over all pairs of arms; with two arms
        Welch's p itself.
    hedges_g : float or None
        Difference in pooled standard deviations, corrected for small samples.
    """

    first: str
    second: str
    difference: float
    low: float | None
    high: float | None
    p_welch: float | None
    p_permutation: float | None
    p_adjusted: float | None
    hedges_g: float | None


@dataclass(frozen=True)
class Comparison:
    """All arms against each other.

    Attributes
    ----------
    tests : tuple of HypothesisTest
        One-way ANOVA, Welch's ANOVA and Kruskal-Wallis over all arms.
    eta_squared, omega_squared : float or None
        Share of the evaluators' variance that lies between arms; the second without
        its upward bias.
    pairs : tuple of PairComparison
        Every pair of arms.
    multiplicity : str
        How the pairs' p-values are adjusted, in words.
    """

    tests: tuple[HypothesisTest, ...]
    eta_squared: float | None
    omega_squared: float | None
    pairs: tuple[PairComparison, ...]
    multiplicity: str


def compare_arms(
    scores: Scores, *, rng: np.random.Generator, level: float = 0.95
) -> Comparison:
    """Return tests, effect sizes and pairwise comparisons of independent arms.

    Parameters
    ----------
    scores : mapping of str to ndarray of shape (n_evaluators,), float64
        One score per evaluator of every arm; evaluators of different arms are
        different people. Arms with fewer than two evaluators are left out.
    rng : numpy.random.Generator
        Source of randomness of the permutation tests.
    level : float
        Coverage of the differences' intervals.

    Returns
    -------
    Comparison
        Without pairs where fewer than two arms have two evaluators.

    References
    ----------
    .. [1] Zhou et al., "HYPE", NeurIPS (2019): ANOVA, then Tukey; t-test for two arms.
    """
    arms = {name: values for name, values in scores.items() if values.size > 1}
    if len(arms) < 2:  # noqa: PLR2004 a comparison needs two
        return Comparison(
            (), None, None, (), "Fewer than two arms with two evaluators."
        )
    groups = list(arms.values())
    anova = one_way_anova(
        means=[float(values.mean()) for values in groups],
        variances=[unbiased_variance(values) for values in groups],
        counts=[values.size for values in groups],
    )
    eta, omega = _variance_shares(anova)
    return Comparison(
        tests=(anova, welch_anova(groups), kruskal_wallis(groups)),
        eta_squared=eta,
        omega_squared=omega,
        pairs=_pairs(arms, rng=rng, level=level),
        multiplicity=(
            "One pair: no adjustment."
            if len(arms) == 2  # noqa: PLR2004
            else f"Tukey's honest significant difference over {len(arms)} arms."
        ),
    )


def _variance_shares(
    anova: HypothesisTest,
) -> tuple[float | None, float | None]:
    if anova.statistic is None:
        return None, None
    (df1, df2), f = anova.df, anova.statistic
    eta = df1 * f / (df1 * f + df2)
    omega = df1 * (f - 1) / (df1 * f + df2 + 1)
    return eta, max(omega, 0.0)


def _pairs(
    arms: Scores, *, rng: np.random.Generator, level: float
) -> tuple[PairComparison, ...]:
    names = list(arms)
    has_spread = any(unbiased_variance(values) > 0 for values in arms.values())
    tukey = (
        stats.tukey_hsd(*arms.values()).pvalue
        if len(names) > 2 and has_spread  # noqa: PLR2004
        else None
    )
    pairs = []
    for i, j in combinations(range(len(names)), 2):
        first, second = arms[names[i]], arms[names[j]]
        low = high = p_welch = p_permutation = None
        if unbiased_variance(first) + unbiased_variance(second) > 0:
            low, high, p_welch = welch_t_test(first, second, level=level)
            if first.size + second.size < MANY_EVALUATORS:
                p_permutation = permutation_p(first, second, rng=rng)
        pairs.append(
            PairComparison(
                first=names[i],
                second=names[j],
                difference=float(first.mean() - second.mean()),
                low=low,
                high=high,
                p_welch=p_welch,
                p_permutation=p_permutation,
                p_adjusted=p_welch if tukey is None else float(tukey[i, j]),
                hedges_g=hedges_g(first, second),
            )
        )
    return tuple(pairs)

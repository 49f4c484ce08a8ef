"""Tests of the hypothesis that nothing differs, and an effect size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hypeweb.science.bootstrap import TIED_DECIMALS, chunk_sizes

N_PERMUTATIONS = 10_000
# Relative difference below which floats are equal.
ROUNDING = 1e-12


@dataclass(frozen=True)
class HypothesisTest:
    """One test of the hypothesis that nothing differs.

    Attributes
    ----------
    name : str
        Which test.
    statistic : float or None
        Its value; None where the data allow none.
    df : tuple of float
        Degrees of freedom; empty where it has none.
    p_value : float or None
        Chance of such a statistic or a larger one when nothing differs.
    note : str
        Why there is no value, or what to mind; empty otherwise.
    """

    name: str
    statistic: float | None
    df: tuple[float, ...]
    p_value: float | None
    note: str = ""


def unbiased_variance(values: NDArray[np.float64]) -> float:
    """Return the unbiased variance, exactly 0 where all values are equal.

    Parameters
    ----------
    values : ndarray of shape (n,), float64
        At least two numbers.

    Returns
    -------
    float
        In squared units of the values.

    Notes
    -----
    Equal shares counted in other orders differ in the last digit, and a variance of
    1e-34 is no spread to divide by.
    """
    if np.ptp(values) <= ROUNDING * np.abs(values).max():
        return 0.0
    return float(values.var(ddof=1))


def one_way_anova(
    *, means: Sequence[float], variances: Sequence[float], counts: Sequence[int]
) -> HypothesisTest:
    """Return the one-way analysis of variance from summaries of the arms.

    Parameters
    ----------
    means, variances : sequence of float, length k
        Mean and unbiased variance of every arm's scores.
    counts : sequence of int, length k
        Evaluators of every arm.

    Returns
    -------
    HypothesisTest
        F with k - 1 and N - k degrees of freedom. The publication prints 29 for the
        second, whatever the arms: a slip.

    Raises
    ------
    ValueError
        If there are fewer than two arms or an arm has fewer than two evaluators.

    References
    ----------
    .. [1] Fisher, "Statistical Methods for Research Workers" (1925).
    """
    n, mean = np.asarray(counts, dtype=np.float64), np.asarray(means)
    if n.size < 2 or n.min() < 2:  # noqa: PLR2004
        raise ValueError(
            "An analysis of variance needs at least 2 arms of 2 evaluators, got "
            f"evaluators {list(counts)}."
        )
    df_between, df_within = float(n.size - 1), float(n.sum() - n.size)
    grand = (n @ mean) / n.sum()
    between = n @ (mean - grand) ** 2 / df_between
    within = (n - 1) @ np.asarray(variances) / df_within
    df = (df_between, df_within)
    if within == 0:
        return HypothesisTest(
            "one-way ANOVA", None, df, None, "No spread within the arms."
        )
    f = float(between / within)
    return HypothesisTest("one-way ANOVA", f, df, float(stats.f.sf(f, *df)))


def welch_anova(groups: Sequence[NDArray[np.float64]]) -> HypothesisTest:
    """Return Welch's analysis of variance, for arms of unequal spread.

    Parameters
    ----------
    groups : sequence of ndarray of shape (n_evaluators,), float64
        One score per evaluator, at least two arms of at least two.

    Returns
    -------
    HypothesisTest
        Without a value where an arm has no spread.

    References
    ----------
    .. [1] Welch, "On the comparison of several mean values", Biometrika 38 (1951).
    """
    name, k = "Welch's ANOVA", len(groups)
    n = np.array([values.size for values in groups], dtype=np.float64)
    mean = np.array([values.mean() for values in groups])
    variance = np.array([unbiased_variance(values) for values in groups])
    if (variance == 0).any():
        return HypothesisTest(name, None, (), None, "An arm has no spread.")
    weight = n / variance
    grand = weight @ mean / weight.sum()
    imbalance = float((((1 - weight / weight.sum()) ** 2) / (n - 1)).sum())
    f = float(weight @ (mean - grand) ** 2 / (k - 1))
    f /= 1 + 2 * (k - 2) / (k**2 - 1) * imbalance
    df = (float(k - 1), (k**2 - 1) / (3 * imbalance))
    return HypothesisTest(name, f, df, float(stats.f.sf(f, *df)))


def kruskal_wallis(groups: Sequence[NDArray[np.float64]]) -> HypothesisTest:
    """Return the Kruskal-Wallis test on ranks.

    Parameters
    ----------
    groups : sequence of ndarray of shape (n_evaluators,), float64
        One score per evaluator.

    Returns
    -------
    HypothesisTest
        Without a value where all scores are equal.

    References
    ----------
    .. [1] Kruskal and Wallis, "Use of ranks in one-criterion variance analysis", J.
       American Statistical Association 47 (1952).
    """
    rounded = [np.round(values, TIED_DECIMALS) for values in groups]
    if np.ptp(np.concatenate(rounded)) == 0:
        return HypothesisTest("Kruskal-Wallis", None, (), None, "All scores are equal.")
    found = stats.kruskal(*rounded)
    return HypothesisTest(
        "Kruskal-Wallis",
        float(found.statistic),
        (float(len(groups) - 1),),
        float(found.pvalue),
    )


def welch_t_test(
    first: NDArray[np.float64], second: NDArray[np.float64], *, level: float = 0.95
) -> tuple[float, float, float]:
    """Return Welch's interval of the difference of two means, and its p-value.

    Parameters
    ----------
    first, second : ndarray of shape (n,), float64
        One score per evaluator, at least two of each and not all equal.
    level : float
        Coverage of the interval.

    Returns
    -------
    low, high : float
        Bounds of mean(first) - mean(second).
    p_value : float
        Two-sided.

    References
    ----------
    .. [1] Welch, "The generalization of Student's problem when several different
       population variances are involved", Biometrika 34 (1947).
    """
    parts = [unbiased_variance(values) / values.size for values in (first, second)]
    spread = float(np.sqrt(sum(parts)))
    difference = float(first.mean() - second.mean())
    df = sum(parts) ** 2 / sum(
        part**2 / (values.size - 1)
        for part, values in zip(parts, (first, second), strict=True)
    )
    margin = float(stats.t.ppf((1 + level) / 2, df)) * spread
    p_value = float(2 * stats.t.sf(abs(difference) / spread, df))
    return difference - margin, difference + margin, p_value


def permutation_p(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    rng: np.random.Generator,
    n_permutations: int = N_PERMUTATIONS,
) -> float:
    """Return the permutation p-value of the difference of two arms' means.

    Parameters
    ----------
    first, second : ndarray of shape (n,), float64
        One score per evaluator, at least two of each.
    rng : numpy.random.Generator
        Source of randomness.
    n_permutations : int
        Random relabellings.

    Returns
    -------
    float
        Two-sided; at least 1 / (n_permutations + 1).

    Notes
    -----
    The statistic is Welch's t, which keeps the test honest for means when the spreads
    differ.

    References
    ----------
    .. [1] Janssen, "Studentized permutation tests for non-i.i.d. hypotheses",
       Statistics & Probability Letters 36 (1997).
    """
    pooled = np.concatenate([first, second])
    observed = abs(_welch_t(pooled[None], first.size)[0])
    n_extreme = 0
    for size in chunk_sizes(n_bootstrap=n_permutations, n_units=pooled.size):
        shuffled = rng.permuted(np.tile(pooled, (size, 1)), axis=1)
        t = np.abs(_welch_t(shuffled, first.size))
        n_extreme += int(np.count_nonzero(t >= observed * (1 - 1e-12)))
    return (1 + n_extreme) / (n_permutations + 1)


def hedges_g(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Return the difference of means in pooled standard deviations.

    Parameters
    ----------
    first, second : ndarray of shape (n,), float64
        One score per evaluator, at least two of each.

    Returns
    -------
    float or None
        With the small-sample correction; None without spread.

    References
    ----------
    .. [1] Hedges, "Distribution theory for Glass's estimator of effect size", J.
       Educational Statistics 6 (1981).
    """
    df = first.size + second.size - 2
    pooled = (
        (first.size - 1) * unbiased_variance(first)
        + (second.size - 1) * unbiased_variance(second)
    ) / df
    if pooled == 0:
        return None
    correction = 1 - 3 / (4 * df - 1)
    return float((first.mean() - second.mean()) / np.sqrt(pooled) * correction)


def _welch_t(rows: NDArray[np.float64], n_first: int) -> NDArray[np.float64]:
    first, second = rows[:, :n_first], rows[:, n_first:]
    spread = np.sqrt(
        first.var(axis=1, ddof=1) / first.shape[1]
        + second.var(axis=1, ddof=1) / second.shape[1]
    )
    difference = first.mean(axis=1) - second.mean(axis=1)
    # Without spread a difference is as extreme as can be.
    with np.errstate(divide="ignore", invalid="ignore"):
        t = difference / spread
    return np.asarray(np.where(np.isnan(t), 0.0, t))

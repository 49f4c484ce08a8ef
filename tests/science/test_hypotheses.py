import numpy as np
import pytest
from scipy import stats

from hypeweb.science.hypotheses import (
    hedges_g,
    kruskal_wallis,
    one_way_anova,
    permutation_p,
    welch_anova,
)


def groups(*, seed=1, sizes=(8, 12, 30), shift=0.5):
    rng = np.random.default_rng(seed)
    return [rng.normal(shift * k, 1 + k, n) for k, n in enumerate(sizes)]


def test_anova_from_summaries_is_the_anova_of_the_data():
    arms = groups()

    found = one_way_anova(
        means=[a.mean() for a in arms],
        variances=[a.var(ddof=1) for a in arms],
        counts=[a.size for a in arms],
    )

    expected = stats.f_oneway(*arms)
    assert (found.statistic, found.p_value) == pytest.approx(tuple(expected))
    assert found.df == (2.0, 47.0)


@pytest.mark.parametrize(
    ("name", "f", "p"),
    [("Lemon", 4.2, 0.017), ("Samoyed", 15.3, 0.0), ("Library", 5.1, 0.009)],
)
def test_anova_of_the_published_summaries(published_tables, name, f, p):
    rows = [row for row in published_tables if row["class"] == name]

    # The printed Std is a bootstrap standard error over 30 evaluators, which lacks the
    # factor n / (n - 1) in the variance.
    found = one_way_anova(
        means=[float(row["hype_inf_pct"]) for row in rows],
        variances=[30 * 30 / 29 * float(row["boot_std"]) ** 2 for row in rows],
        counts=[30] * len(rows),
    )

    assert found.df == (2.0, 87.0)
    assert found.statistic == pytest.approx(f, abs=0.05)
    assert found.p_value == pytest.approx(p, abs=0.0015)


def test_anova_without_spread_has_no_value():
    found = one_way_anova(means=[1, 2], variances=[0, 0], counts=[5, 5])

    assert (found.statistic, found.p_value) == (None, None)
    assert found.note == "No spread within the arms."


@pytest.mark.parametrize("counts", [[5], [5, 1]])
def test_anova_needs_two_arms_of_two(counts):
    with pytest.raises(ValueError, match="at least 2 arms of 2 evaluators, got"):
        one_way_anova(
            means=[1] * len(counts), variances=[1] * len(counts), counts=counts
        )


def test_welch_anova_of_two_arms_is_welchs_t_squared():
    first, second = groups(sizes=(9, 25))

    found = welch_anova([first, second])

    t = stats.ttest_ind(first, second, equal_var=False)
    assert found.statistic == pytest.approx(t.statistic**2)
    assert found.df == pytest.approx((1.0, t.df))
    assert found.p_value == pytest.approx(t.pvalue)


def test_welch_anova_keeps_its_level_when_spreads_differ():
    rng = np.random.default_rng(4)
    p_values = [
        welch_anova(
            [rng.normal(0, 1, 30), rng.normal(0, 4, 10), rng.normal(0, 2, 20)]
        ).p_value
        for _ in range(1000)
    ]

    # Standard error 0.7 points.
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.022)


def test_welch_anova_needs_spread():
    assert welch_anova([np.ones(3), np.arange(3.0)]).note == "An arm has no spread."


def test_kruskal_wallis_is_scipys():
    arms = groups()

    found = kruskal_wallis(arms)

    assert (found.statistic, found.p_value) == pytest.approx(
        tuple(stats.kruskal(*arms))
    )
    assert found.df == (2.0,)


def test_kruskal_wallis_of_equal_scores_has_no_value():
    assert kruskal_wallis([np.ones(3), np.ones(4)]).note == "All scores are equal."


def test_permutation_p_agrees_with_welch_on_ordinary_data():
    first, second = groups(sizes=(25, 25), shift=0.9)

    p = permutation_p(first, second, rng=np.random.default_rng(1))

    expected = stats.ttest_ind(first, second, equal_var=False).pvalue
    assert p == pytest.approx(expected, rel=0.25)


def test_permutation_p_is_never_zero():
    p = permutation_p(
        np.arange(20.0),
        np.arange(20.0) + 100,
        rng=np.random.default_rng(1),
        n_permutations=99,
    )

    assert p == 0.01


def test_hedges_g_of_the_worked_example():
    # Means 2 and 4, pooled SD 1, 4 degrees of freedom: -2 (1 - 3 / 15).
    assert hedges_g(np.array([1.0, 2, 3]), np.array([3.0, 4, 5])) == pytest.approx(-1.6)


def test_hedges_g_needs_spread():
    assert hedges_g(np.ones(3), np.ones(3)) is None

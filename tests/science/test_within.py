import numpy as np
import pytest
from scipy import stats

from hypeweb.science.within import compare_within, friedman, repeated_anova


def rng():
    return np.random.default_rng(95)


def crossed(*, n_people=20, shifts=(0.0, 0.05, 0.2)):
    generator = rng()
    person = generator.normal(0.3, 0.1, n_people)
    return {
        name: {
            f"p{k}": float(person[k] + shift + generator.normal(0, 0.03))
            for k in range(n_people)
        }
        for name, shift in zip("abc", shifts, strict=False)
    }


def table_of(scores):
    return np.array([list(people.values()) for people in scores.values()]).T


def test_repeated_anova_of_two_arms_is_the_paired_t_squared():
    table = table_of(crossed())[:, :2]

    found = repeated_anova(table)

    t = stats.ttest_rel(table[:, 0], table[:, 1])
    assert found.statistic == pytest.approx(t.statistic**2)
    assert found.df == pytest.approx((1.0, 19.0))
    assert found.p_value == pytest.approx(t.pvalue)


def test_repeated_anova_keeps_its_level_without_sphericity():
    generator = rng()
    spreads = np.array([0.2, 1.0, 5.0])
    p_values = [
        repeated_anova(
            generator.normal(0, 1, (15, 1)) + generator.normal(0, 1, (15, 3)) * spreads
        ).p_value
        for _ in range(1000)
    ]

    # Standard error 0.7 points; uncorrected the share is above 8 %.
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.022)


def test_friedman_is_scipys():
    table = table_of(crossed())

    found = friedman(table)

    expected = stats.friedmanchisquare(*table.T)
    assert (found.statistic, found.p_value) == pytest.approx(tuple(expected))


def test_compare_within_finds_what_people_hide():
    found = compare_within(crossed(), rng=rng())

    first = found.pairs[0]
    assert (first.first, first.second, first.n_evaluators) == ("a", "b", 20)
    assert first.high < 0
    assert first.p_paired < 0.001
    assert first.p_permutation < 0.001
    assert found.n_complete == 20
    assert [test.name for test in found.tests] == [
        "repeated-measures ANOVA",
        "Friedman",
    ]


def test_compare_within_adjusts_by_holm():
    found = compare_within(crossed(shifts=(0.0, 0.01, 0.02)), rng=rng())

    p = [pair.p_paired for pair in found.pairs]
    order = np.argsort(p)
    expected = np.minimum(np.maximum.accumulate(np.sort(p) * [3, 2, 1]), 1)
    assert [found.pairs[k].p_adjusted for k in order] == pytest.approx(
        expected.tolist()
    )
    assert found.multiplicity == "Holm over 3 pairs."


def test_compare_within_uses_who_judged_both():
    scores = crossed()
    del scores["c"]["p0"]
    scores["c"]["stranger"] = 0.5

    found = compare_within(scores, rng=rng())

    assert [pair.n_evaluators for pair in found.pairs] == [20, 19, 19]
    assert found.n_complete == 19


@pytest.mark.parametrize(
    "scores", [{}, {"a": {"p": 0.1}}, {"a": {"p": 0.1}, "b": {"q": 0.1}}]
)
def test_compare_within_needs_people_in_common(scores):
    found = compare_within(scores, rng=rng())

    assert (found.n_complete, found.tests, found.pairs) == (0, (), ())


def test_compare_within_without_spread_holds_no_nan():
    same = {"p": 0.2, "q": 0.3}

    found = compare_within({"a": same, "b": same}, rng=rng())

    assert [test.note for test in found.tests] == [
        "No spread within evaluators.",
        "No order within evaluators.",
    ]
    (pair,) = found.pairs
    assert (pair.difference, pair.p_paired, pair.p_adjusted) == (0.0, None, None)

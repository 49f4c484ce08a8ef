import numpy as np
import pytest
from scipy import stats

from hypeweb.science.ranking import rank_arms
from hypeweb.science.within import (
    compare_within,
    friedman,
    rank_within,
    repeated_anova,
)


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


def test_other_names_for_the_same_people_change_no_number():
    scores = crossed(shifts=(0.0, 0.01, 0.02))
    renamed = {
        arm: {f"{19 - k:02d}": value for k, value in enumerate(people.values())}
        for arm, people in scores.items()
    }

    assert compare_within(scores, rng=rng()) == compare_within(renamed, rng=rng())


def test_differences_of_rounding_are_ties():
    # A third of fakes and no real wrong, or the reverse by other sums: 1e-17 apart.
    first = {f"p{k}": (0.1 + 0.2) / 2 for k in range(9)} | {"p9": 0.15}
    second = {f"p{k}": 0.3 / 2 for k in range(10)}
    assert first != second

    found = compare_within({"a": first, "b": second}, rng=rng())

    (pair,) = found.pairs
    assert (pair.difference, pair.p_paired) == (0.0, None)
    assert found.tests[1].note == "No order within evaluators."
    assert found.multiplicity == "One pair: no adjustment."


def test_places_within_people_are_surer_than_between_them():
    scores = crossed(shifts=(0.0, 0.05))
    values = {arm: float(np.mean(list(p.values()))) for arm, p in scores.items()}
    table = table_of(scores)
    generator = rng()
    weights = generator.multinomial(20, [1 / 20] * 20, size=10_000)
    apart = {
        arm: generator.permutation(weights) @ column / 20
        for arm, column in zip(scores, table.T, strict=True)
    }

    within = rank_within(scores, values, rng=rng())
    between = rank_arms(values, apart)

    assert [place.arm for place in within] == ["b", "a"]
    naive = np.mean(weights @ (table[:, 1] - table[:, 0]) > 0)
    # Two bootstraps of 10,000: standard errors below half a point each.
    assert within[0].chance_best == pytest.approx(naive, abs=0.02)
    assert within[0].chance_best > 0.99 > between[0].chance_best
    assert (within[0].value, within[0].rank_high) == (values["b"], 1)


def test_places_within_people_need_two_of_them():
    assert rank_within({}, {}, rng=rng()) == ()
    assert rank_within({"a": {"p": 0.1}, "b": {"p": 0.2}}, {}, rng=rng()) == ()

import numpy as np
import pytest
from scipy import stats

from hypeweb.science.comparison import compare_arms


def rng():
    return np.random.default_rng(1)


def test_compare_arms_adjusts_pairs_by_tukey():
    generator = rng()
    arms = {
        name: generator.normal(mean, 1, 30)
        for name, mean in zip("abc", (0, 0.2, 2), strict=True)
    }

    found = compare_arms(arms, rng=generator)

    tukey = stats.tukey_hsd(*arms.values()).pvalue
    assert [(p.first, p.second) for p in found.pairs] == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    assert [p.p_adjusted for p in found.pairs] == pytest.approx(
        [tukey[0, 1], tukey[0, 2], tukey[1, 2]]
    )
    assert found.pairs[1].difference == arms["a"].mean() - arms["c"].mean()
    assert found.pairs[1].low < found.pairs[1].difference < found.pairs[1].high < 0
    assert found.multiplicity == "Tukey's honest significant difference over 3 arms."
    assert [test.name for test in found.tests] == [
        "one-way ANOVA",
        "Welch's ANOVA",
        "Kruskal-Wallis",
    ]


def test_compare_arms_of_two_uses_welch_without_adjustment():
    generator = rng()

    found = compare_arms(
        {"a": generator.normal(0, 1, 20), "b": generator.normal(1, 1, 20)},
        rng=generator,
    )

    (pair,) = found.pairs
    assert pair.p_adjusted == pair.p_welch
    assert pair.p_permutation == pytest.approx(pair.p_welch, abs=0.01)
    assert found.multiplicity == "One pair: no adjustment."


def test_compare_arms_effect_sizes_are_shares_of_variance():
    generator = rng()
    arms = {name: generator.normal(mean, 1, 50) for name, mean in (("a", 0), ("b", 2))}
    pooled = np.concatenate(list(arms.values()))
    within = sum(((v - v.mean()) ** 2).sum() for v in arms.values())

    found = compare_arms(arms, rng=generator)

    assert found.eta_squared == pytest.approx(
        1 - within / ((pooled - pooled.mean()) ** 2).sum()
    )
    assert 0 < found.omega_squared < found.eta_squared


def test_compare_arms_reproduces_which_generators_people_separate(real_judgments):
    arms = {
        model: np.array(
            [float(row["err_rt"]) for row in real_judgments if row["model"] == model]
        )
        for model in ("ACGAN", "PFGMPP", "StyleGAN2-ada", "LSGM-ODE")
        if any(row["model"] == model for row in real_judgments)
    }

    found = compare_arms(arms, rng=rng())

    assert found.tests[0].p_value < 1e-10
    assert found.tests[0].df == (
        len(arms) - 1,
        sum(map(len, arms.values())) - len(arms),
    )


@pytest.mark.parametrize(
    "arms", [{}, {"a": np.arange(5.0)}, {"a": np.arange(5.0), "b": np.ones(1)}]
)
def test_compare_arms_needs_two_arms_with_two_evaluators(arms):
    found = compare_arms(arms, rng=rng())

    assert (found.tests, found.pairs) == ((), ())
    assert found.multiplicity == "Fewer than two arms with two evaluators."


def test_compare_arms_without_spread_says_so_and_holds_no_nan():
    found = compare_arms(
        {"a": np.zeros(4), "b": np.ones(4), "c": np.ones(4)}, rng=rng()
    )

    assert [test.note for test in found.tests] == [
        "No spread within the arms.",
        "An arm has no spread.",
        "",
    ]
    assert [pair.difference for pair in found.pairs] == [-1.0, -1.0, 0.0]
    assert all(pair.p_adjusted is None and pair.low is None for pair in found.pairs)


def test_compare_arms_of_thousands_leaves_the_permutations_out():
    generator = rng()
    arms = {name: generator.normal(0, 1, 1000) for name in "ab"}

    (pair,) = compare_arms(arms, rng=generator).pairs

    assert pair.p_permutation is None
    assert pair.p_welch is not None


def test_scores_equal_but_for_the_last_digit_have_no_spread():
    arms = {
        "first": np.array([0.1 + 0.2, 0.3, 0.3]),
        "second": np.array([0.6, 0.6, 0.2 + 0.4]),
    }
    found = compare_arms(arms, rng=np.random.default_rng(0))
    (pair,) = found.pairs
    assert (pair.p_welch, pair.low, pair.hedges_g) == (None, None, None)
    assert [test.statistic for test in found.tests[:2]] == [None, None]


def test_welch_of_one_arm_without_spread_is_scipys():
    constant, spread = np.full(7, 0.7), np.linspace(0.1, 0.3, 5)
    (pair,) = compare_arms(
        {"a": constant, "b": spread}, rng=np.random.default_rng(0)
    ).pairs
    expected = stats.ttest_1samp(spread, 0.7)
    assert pair.p_welch == pytest.approx(expected.pvalue, rel=1e-9)
    interval = expected.confidence_interval(0.95)
    assert pair.low == pytest.approx(0.7 - interval.high, rel=1e-9)
    assert pair.high == pytest.approx(0.7 - interval.low, rel=1e-9)

import numpy as np
import pytest
from scipy import stats

from hypeweb.science.correlation import normal_replicates, rank_correlation


@pytest.mark.parametrize(
    ("metric", "rho"), [("fid", -0.029), ("kid", -0.609), ("precision_f1_8", 0.657)]
)
def test_spearman_of_the_pooled_published_models(published_tables, metric, rho):
    rows = [
        row for row in published_tables if row["dataset"] in {"CelebA-64", "FFHQ-1024"}
    ]
    people = np.array([float(row["hype_inf_pct"]) for row in rows])

    found = rank_correlation(people, np.array([float(row[metric]) for row in rows]))

    assert found.n_arms == 6
    assert round(found.value, 3) == rho


@pytest.mark.parametrize("coefficient", ["spearman", "kendall"])
def test_exact_p_is_scipys_permutation_p(coefficient):
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(2, 6))
    by = stats.spearmanr if coefficient == "spearman" else stats.kendalltau

    found = rank_correlation(first, second, coefficient=coefficient)

    expected = stats.permutation_test(
        (first,),
        lambda x: by(x, second).statistic,
        permutation_type="pairings",
        n_resamples=np.inf,
    )
    assert found.value == pytest.approx(by(first, second).statistic)
    assert found.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("coefficient", ["spearman", "kendall"])
def test_many_arms_use_the_large_sample_p(coefficient):
    rng = np.random.default_rng(3)
    first = rng.normal(size=20)
    second = first + 0.5 * rng.normal(size=20)
    by = stats.spearmanr if coefficient == "spearman" else stats.kendalltau

    found = rank_correlation(first, second, coefficient=coefficient)

    assert found.p_value == pytest.approx(by(first, second).pvalue)
    assert found.statement.startswith("With 20 arms this is unlikely to be chance")


def test_ties_are_averaged():
    first, second = np.array([1.0, 2, 2, 3, 4]), np.array([1.0, 1, 3, 2, 5])

    for coefficient, by in (
        ("spearman", stats.spearmanr),
        ("kendall", stats.kendalltau),
    ):
        found = rank_correlation(first, second, coefficient=coefficient)
        assert found.value == pytest.approx(by(first, second).statistic)


def test_interval_carries_the_uncertainty_of_both_sides():
    rng = np.random.default_rng(4)
    people, metric = (
        np.array([0.1, 0.2, 0.3, 0.4, 0.5]),
        np.array([50.0, 40, 30, 20, 10]),
    )
    sharp = (rng.normal(people, 1e-6, (500, 5)), rng.normal(metric, 1e-6, (500, 5)))
    vague = (sharp[0], rng.normal(metric, 15, (500, 5)))

    exact = rank_correlation(people, metric, replicates=sharp)
    found = rank_correlation(people, metric, replicates=vague)

    assert (exact.low, exact.high) == (-1.0, -1.0)
    assert found.low == -1.0
    assert found.high > -0.9


@pytest.mark.parametrize(
    ("n_arms", "statement"),
    [
        (3, "3 arms are too few to say anything: even perfect agreement has p = 0.33."),
        (
            4,
            "4 arms are too few to say anything: even perfect agreement has p = 0.083.",
        ),
        (5, "With 5 arms this is unlikely to be chance (p = 0.017)."),
    ],
)
def test_the_statement_knows_what_so_many_arms_can_show(n_arms, statement):
    arms = np.arange(float(n_arms))

    assert rank_correlation(arms, arms).statement == statement


def test_what_differs_by_rounding_is_a_tie():
    first, second = np.array([0.1 + 0.2, 0.3, 0.5]), np.arange(3.0)

    assert rank_correlation(first, second) == rank_correlation(
        np.array([0.3, 0.3, 0.5]), second
    )


def test_a_weak_correlation_shows_nothing():
    found = rank_correlation(np.arange(6.0), np.array([1.0, 5, 0, 3, 2, 4]))

    assert found.statement.endswith("neither agreement nor its absence is shown.")


@pytest.mark.parametrize(
    ("first", "second", "statement"),
    [
        ([], [], "0 arm: there is no order to compare."),
        ([1.0], [2.0], "1 arm: there is no order to compare."),
        ([1.0, 1.0], [2.0, 3.0], "The first measure is equal in all arms"),
        ([1.0, 2.0], [2.0, 2.0], "The second measure is equal in all arms"),
        ([1.0, 1.0], [2.0, 2.0], "The first and the second measure is equal"),
    ],
)
def test_no_order_no_value(first, second, statement):
    found = rank_correlation(np.array(first), np.array(second))

    assert (found.value, found.p_value, found.low) == (None, None, None)
    assert found.statement.startswith(statement)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([1.0, 2.0], [1.0], r"got shapes \(2,\) and \(1,\)"),
        ([1.0, np.nan], [1.0, 2.0], "must be finite; leave arms without one out"),
    ],
)
def test_measures_that_do_not_pair_are_refused(first, second, message):
    with pytest.raises(ValueError, match=message):
        rank_correlation(np.array(first), np.array(second))


def test_normal_replicates_have_the_width_of_the_intervals():
    drawn = normal_replicates(
        np.array([10.0, 20.0]),
        np.array([[8.0, 12.0], [np.nan, np.nan]]),
        n_bootstrap=20_000,
        rng=np.random.default_rng(1),
    )

    # 2 / 1.96, with 20,000 draws known to half a percent.
    assert drawn[:, 0].std() == pytest.approx(1.0204, rel=0.02)
    assert set(drawn[:, 1]) == {20.0}

import numpy as np
import pytest

from hypeweb.science.bootstrap import (
    chunk_sizes,
    evaluator_sums,
    percentile_interval,
    resample_counts,
    rescale_deviations,
    two_way_sums,
)


def rng():
    return np.random.default_rng(1)


def test_resample_counts_draw_as_many_as_there_are_evenly():
    counts = resample_counts(n=7, n_bootstrap=20_000, rng=rng())

    assert counts.shape == (20_000, 7)
    assert set(counts.sum(axis=1)) == {7.0}
    # Standard error of a mean count of variance 6/7: 0.0065.
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.03)
    assert counts.var() == pytest.approx(6 / 7, rel=0.03)


def test_chunk_sizes_cover_every_resample_and_bound_each_part():
    sizes = list(chunk_sizes(n_bootstrap=10_000, n_units=3000))

    assert sum(sizes) == 10_000
    assert max(sizes) * 3000 <= 2_000_000


def test_evaluator_sums_do_not_depend_on_how_many_at_a_time(monkeypatch):
    values = rng().random((5, 2))
    whole = evaluator_sums(values, n_bootstrap=50, rng=rng())
    monkeypatch.setattr("hypeweb.science.bootstrap.CHUNK_ENTRIES", 5 * 7)

    parts = evaluator_sums(values, n_bootstrap=50, rng=rng())

    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_evaluator_sums_need_an_evaluator():
    with pytest.raises(ValueError, match="at least 1 evaluator and 1 resample, got 0"):
        evaluator_sums(np.empty((0, 2)), n_bootstrap=10, rng=rng())


def test_two_way_sums_have_the_moments_of_a_loop_over_cells():
    generator = rng()
    table = generator.random((1, 4, 6))
    sums = two_way_sums([table], n_bootstrap=20_000, rng=generator)[:, 0]

    naive = np.array(
        [
            table[0][
                np.ix_(generator.integers(4, size=4), generator.integers(6, size=6))
            ].sum()
            for _ in range(20_000)
        ]
    )

    # Relative standard errors with 20,000 draws: mean 0.1 %, spread 0.5 %.
    assert sums.mean() == pytest.approx(naive.mean(), rel=0.005)
    assert sums.std() == pytest.approx(naive.std(), rel=0.03)


def test_two_way_sums_draw_evaluators_once_for_all_tables():
    table = np.array([[[1.0], [10.0], [100.0]]])

    sums = two_way_sums([table, 2 * table], n_bootstrap=100, rng=rng())

    np.testing.assert_array_equal(sums[:, 1], 2 * sums[:, 0])


def test_two_way_sums_of_an_empty_class_are_zero():
    sums = two_way_sums(
        [np.ones((2, 3, 4)), np.ones((2, 3, 0))], n_bootstrap=5, rng=rng()
    )

    assert sums.tolist() == [[12.0, 12.0, 0.0, 0.0]] * 5


def test_rescale_deviations_gives_the_wanted_variance():
    replicates = np.append(rng().normal(3, 2, 1000), np.nan)[:, None]

    scaled = rescale_deviations(
        replicates, values=np.array([3.0]), variances=np.array([0.25])
    )

    assert np.nanmean((scaled - 3) ** 2) == pytest.approx(0.25)
    assert np.isnan(scaled[-1, 0])


def test_percentile_interval_leaves_out_resamples_without_a_value():
    values = np.append(np.arange(101.0), np.nan)

    interval = percentile_interval(values, level=0.9, method="m")

    assert (interval.low, interval.high) == pytest.approx((5.0, 95.0))
    assert interval.method == "m"


def test_percentile_interval_of_nothing_has_no_bounds():
    interval = percentile_interval(np.array([np.nan]), level=0.9, method="m")

    assert (interval.low, interval.high, interval.std_error) == (None, None, None)

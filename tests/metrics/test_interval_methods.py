import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from metrics.influence import Influence
from metrics.interval_methods import (
    bootstrap_interval,
    check_count,
    delta_interval,
    mean_interval,
    median_interval,
    normal_interval,
    proportion_interval,
)


def test_normal_interval_reaches_two_standard_errors():
    assert normal_interval(3.0, 1.0) == pytest.approx((3 - 1.959964, 3 + 1.959964))
    assert normal_interval(3.0, 1.0, level=0.6827)[1] == pytest.approx(4, abs=1e-4)


@given(n_true=st.integers(0, 30), n_images=st.integers(30, 60))
def test_proportion_interval_is_wilsons(n_true, n_images):
    flags = np.arange(n_images) < n_true

    low, high = proportion_interval(flags)

    expected = binomtest(n_true, n_images).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= flags.mean() <= high <= 1


def test_mean_interval_shrinks_with_the_images():
    values = np.array([1.0, 3.0])

    low, high = mean_interval(np.tile(values, 50))

    assert (low + high) / 2 == pytest.approx(2)
    assert high - low == pytest.approx(2 * 1.959964 / np.sqrt(99))


def test_median_interval_is_between_order_statistics():
    # Of 10 values the 2nd and the 9th hold the median in 97.9 % of samples.
    assert median_interval(np.arange(10.0)[::-1]) == (1, 8)
    assert median_interval(np.arange(3.0)) == (0, 2)


def test_bootstrap_interval_takes_the_spread_and_not_the_middle():
    replicates = np.array([9.0, 11.0])

    low, high = bootstrap_interval(5.0, replicates)

    assert (low, high) == pytest.approx(
        (5 - 1.959964 * np.sqrt(2), 5 + 1.959964 * np.sqrt(2))
    )


def test_delta_interval_ends_at_zero():
    influence = Influence(on1=np.array([1.0, -1.0]), on2=np.array([1.0, -1.0]))

    assert delta_interval(1.0, influence) == pytest.approx(
        (0, 1 + 1.959964 * np.sqrt(2))
    )


def test_intervals_say_what_is_wrong():
    with pytest.raises(ValueError, match=r"^level must be between 0 and 1, got 95$"):
        normal_interval(0.0, 1.0, level=95)
    with pytest.raises(ValueError, match=r"^level must be between 0 and 1, got 0$"):
        median_interval(np.ones(5), level=0)
    with pytest.raises(ValueError, match=r"needs at least one image, got none$"):
        proportion_interval(np.ones(0, dtype=bool))
    for interval in (mean_interval, median_interval, check_count):
        with pytest.raises(ValueError, match=r"needs 2 or more values, got 1$"):
            interval(np.ones(1))
    with pytest.raises(ValueError, match=r"needs 2 or more values, got 1$"):
        bootstrap_interval(1.0, np.ones(1))

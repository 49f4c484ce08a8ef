import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from hypeweb.science.qualification import Counts, equal_shares, has_passed


def passes(n_reals_correct, n_fakes_correct, *, n=50, percent=65):
    counts = Counts(n, n_reals_correct, n, n_fakes_correct)
    return has_passed(counts, reals_percent=percent, fakes_percent=percent)


@pytest.mark.parametrize(
    ("n_reals_correct", "n_fakes_correct", "passed"),
    [(33, 33, True), (32, 50, False), (50, 32, False), (50, 0, False), (0, 50, False)],
)
def test_pass_mark_of_the_paper_is_33_of_50_on_each(
    n_reals_correct, n_fakes_correct, passed
):
    assert passes(n_reals_correct, n_fakes_correct) is passed


def test_guessing_passes_once_in_3700():
    lowest = next(n for n in range(51) if passes(n, 50))
    chance = binom.sf(lowest - 1, 50, 0.5) ** 2
    assert chance == pytest.approx(0.00027, abs=0.000005)


@given(n=st.integers(1, 200), percent=st.integers(0, 100), data=st.data())
def test_passing_is_monotone_and_exact(n, percent, data):
    n_correct = data.draw(st.integers(0, n))
    assert passes(n_correct, n, n=n, percent=percent) == (
        n_correct >= -(-percent * n // 100)
    )


@given(n=st.integers(0, 300), n_sources=st.integers(1, 20), seed=st.integers(0, 99))
def test_shares_are_as_equal_as_whole_numbers_allow(n, n_sources, seed):
    shares = equal_shares(n=n, n_sources=n_sources, rng=np.random.default_rng(seed))
    assert sum(shares) == n
    assert len(shares) == n_sources
    assert max(shares) - min(shares) <= 1


def test_the_rest_of_the_division_goes_to_no_favourite():
    rng = np.random.default_rng(0)
    totals = np.sum([equal_shares(n=4, n_sources=3, rng=rng) for _ in range(600)], 0)
    # 200 more than 600 expected for each, with a standard deviation of 12.
    assert np.all(np.abs(totals - 800) < 60)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"n": 1, "n_sources": 0}, "n_sources must be at least 1, got 0"),
        ({"n": -1, "n_sources": 1}, "n must be at least 0, got -1"),
    ],
)
def test_impossible_shares_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        equal_shares(**arguments, rng=np.random.default_rng(0))

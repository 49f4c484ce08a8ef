import numpy as np
import pytest
from scipy.stats import chisquare

from hypeweb.science.schedule import choose_least_shown


def test_choose_least_shown_exhausts_lower_counts_first():
    shown = np.array([3, 0, 1, 0, 1, 5])

    chosen = choose_least_shown(shown_counts=shown, n=3, rng=np.random.default_rng(1))

    assert len(set(chosen.tolist())) == 3
    assert sorted(shown[chosen]) == [0, 0, 1]


def test_choose_least_shown_draws_ties_and_places_evenly():
    rng = np.random.default_rng(1)
    firsts = [
        int(choose_least_shown(shown_counts=np.zeros(4, int), n=2, rng=rng)[0])
        for _ in range(4000)
    ]

    assert chisquare(np.bincount(firsts, minlength=4)).pvalue > 0.001


def test_choose_least_shown_keeps_a_pool_level_over_many_evaluators():
    rng = np.random.default_rng(1)
    shown = np.zeros(40, dtype=int)
    for _ in range(20):
        shown[choose_least_shown(shown_counts=shown, n=30, rng=rng)] += 1

    assert shown.tolist() == [15] * 40


@pytest.mark.parametrize(
    ("shown", "n", "message"),
    [
        (np.zeros(3, int), 4, "n must be at most the 3 images of the pool, got 4"),
        (np.zeros((2, 2), int), 1, "shown_counts must have one dimension, got 2"),
        (np.zeros(3, int), -1, "n must be at least 0, got -1"),
    ],
)
def test_choose_least_shown_refuses_what_it_cannot_do(shown, n, message):
    with pytest.raises(ValueError, match=message):
        choose_least_shown(shown_counts=shown, n=n, rng=np.random.default_rng(1))

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import chisquare

from hypeweb.science.schedule import balanced_orders, choose_least_shown


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


def test_balanced_orders_of_four_are_williams_square():
    assert balanced_orders(4) == [
        (0, 1, 3, 2),
        (1, 2, 0, 3),
        (2, 3, 1, 0),
        (3, 0, 2, 1),
    ]


@pytest.mark.parametrize("n", range(2, 9))
def test_balanced_orders_put_each_before_each_other_equally_often(n):
    orders = balanced_orders(n)

    assert len(orders) == (n if n % 2 == 0 else 2 * n)
    assert all(sorted(order) == list(range(n)) for order in orders)
    for place in zip(*orders, strict=True):
        assert len(set(Counter(place).values())) == 1
    pairs = Counter(pair for order in orders for pair in pairwise(order))
    assert len(pairs) == n * (n - 1)
    assert len(set(pairs.values())) == 1


def test_balanced_orders_of_one_condition_and_none():
    assert balanced_orders(1) == [(0,)]
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        balanced_orders(0)

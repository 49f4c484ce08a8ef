import numpy as np
import pytest

from hypeweb.science.ranking import rank_arms


def replicates(**arms):
    rng = np.random.default_rng(1)
    return {name: rng.normal(mean, 0.02, 20_000) for name, mean in arms.items()}


def test_rank_arms_is_sure_of_a_clear_winner():
    values = {"worse": 0.1, "best": 0.5, "middle": 0.3}

    places = rank_arms(values, replicates(**values))

    assert [(p.arm, p.rank, p.rank_low, p.rank_high) for p in places] == [
        ("best", 1, 1, 1),
        ("middle", 2, 2, 2),
        ("worse", 3, 3, 3),
    ]
    assert [p.chance_best for p in places] == [1.0, 0.0, 0.0]


def test_rank_arms_splits_the_chance_between_close_arms():
    # Difference 0.02 with standard deviation 0.028: Phi(0.707) = 0.76.
    values = {"a": 0.30, "b": 0.28}

    first, second = rank_arms(values, replicates(**values))

    assert first.chance_best == pytest.approx(0.760, abs=0.012)
    assert first.chance_best + second.chance_best == pytest.approx(1)
    assert (first.rank_low, first.rank_high) == (1, 2)


def test_rank_arms_splits_ties():
    places = rank_arms({"a": 0.0, "b": 0.0}, {"a": np.zeros(10), "b": np.zeros(10)})

    assert [(p.rank, p.chance_best) for p in places] == [(1, 0.5), (1, 0.5)]


def test_rank_arms_without_resamples_ranks_the_values():
    places = rank_arms({"a": 0.1, "b": 0.2}, {"a": np.empty(0), "b": np.empty(0)})

    assert [(p.arm, p.chance_best) for p in places] == [("b", 1.0), ("a", 0.0)]


def test_rank_arms_of_nothing_is_empty():
    assert rank_arms({}, {}) == ()


def test_rank_arms_needs_replicates_of_the_same_arms():
    with pytest.raises(
        ValueError, match=r"Scores are of \['a'\], replicates of \['b'\]"
    ):
        rank_arms({"a": 1.0}, {"b": np.ones(3)})


def test_resamples_equal_but_for_the_last_digit_are_ties():
    first = np.full(100, 0.1 + 0.2)
    second = np.full(100, 0.3)
    places = rank_arms({"a": 0.1 + 0.2, "b": 0.3}, {"a": first, "b": second})
    assert [(place.rank, place.chance_best) for place in places] == [(1, 0.5), (1, 0.5)]

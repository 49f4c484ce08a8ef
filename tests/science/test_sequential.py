import numpy as np
import pytest

from hypeweb.science.sequential import difference_sequence, watch_arms


def errors(*, mean, n, rng, n_trials=100, person_sd=0.08):
    concentration = mean * (1 - mean) / person_sd**2 - 1
    rates = rng.beta(mean * concentration, (1 - mean) * concentration, n)
    return rng.binomial(n_trials, rates) / n_trials


def test_peeking_after_every_pair_keeps_the_level():
    rng = np.random.default_rng(51)
    n_studies, missed = 400, 0
    for _ in range(n_studies):
        first = errors(mean=0.3, n=100, rng=rng)
        second = errors(mean=0.2, n=100, rng=rng)
        sequence = difference_sequence(first, second, bounds=(0, 1))
        missed += bool(((sequence.low > 0.1) | (sequence.high < 0.1)).any())

    # Guaranteed below 5 %, and in practice far below. The run of 2,000 studies, and one
    # with two-valued scores, the worst case, are in tests/bench/science.py.
    assert missed / n_studies <= 0.05


def test_peeking_keeps_the_level_with_scores_of_zero_and_one():
    rng = np.random.default_rng(52)
    missed = 0
    for _ in range(400):
        first, second = rng.random((2, 100)) < 0.5
        sequence = difference_sequence(
            first.astype(float), second.astype(float), bounds=(0, 1)
        )
        missed += sequence.decision() == "separated"

    # 5 % of 400 with two standard errors.
    assert missed / 400 <= 0.05 + 0.022


def test_a_clear_difference_separates_within_an_ordinary_study():
    rng = np.random.default_rng(53)

    sequence = difference_sequence(
        errors(mean=0.5, n=40, rng=rng), errors(mean=0.2, n=40, rng=rng), bounds=(0, 1)
    )

    assert sequence.decision() == "separated"
    assert sequence.low[-1] > 0


def test_equal_arms_become_equivalent_within_a_margin():
    rng = np.random.default_rng(54)
    first, second = (errors(mean=0.3, n=600, rng=rng) for _ in range(2))

    sequence = difference_sequence(first, second, bounds=(0, 1))

    assert sequence.decision() == "undecided"
    assert sequence.decision(margin=0.05) == "equivalent"


def test_intervals_only_narrow_and_the_past_stays():
    rng = np.random.default_rng(55)
    first, second = rng.random((2, 50))

    whole = difference_sequence(first, second, bounds=(0, 1))
    part = difference_sequence(first[:20], second[:35], bounds=(0, 1))

    assert (np.diff(whole.low) >= 0).all()
    assert (np.diff(whole.high) <= 0).all()
    np.testing.assert_allclose(part.low, whole.low[:20])
    np.testing.assert_allclose(part.high, whole.high[:20])


def test_the_unit_of_the_scores_does_not_matter():
    rng = np.random.default_rng(56)
    first, second = rng.random((2, 60))

    unit = difference_sequence(first, second, bounds=(0, 1))
    ms = difference_sequence(100 + 900 * first, 100 + 900 * second, bounds=(100, 1000))

    np.testing.assert_allclose(ms.low, 900 * unit.low)


def test_nobody_yet_is_undecided():
    sequence = difference_sequence(np.empty(0), np.ones(3), bounds=(0, 1))

    assert (sequence.low.size, sequence.decision()) == (0, "undecided")


def test_watch_arms_shares_alpha_between_pairs():
    rng = np.random.default_rng(57)
    arms = {name: rng.random(20) for name in "abc"}

    watched = watch_arms(arms, bounds=(0, 1), n_arms=len(arms))

    assert list(watched) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert watched["a", "b"].level == pytest.approx(1 - 0.05 / 3)


@pytest.mark.parametrize("bad", [1.5, -0.1, np.nan])
def test_scores_out_of_bounds_are_refused(bad):
    with pytest.raises(ValueError, match=f"Scores must lie between 0 and 1, got {bad}"):
        difference_sequence(np.array([0.5, bad]), np.ones(2), bounds=(0, 1))


def test_an_arm_that_comes_later_widens_no_interval():
    rng = np.random.default_rng(7)
    arms = {name: rng.random(20) for name in "ab"}
    before = watch_arms(arms, bounds=(0, 1), n_arms=3)["a", "b"]

    after = watch_arms({**arms, "c": rng.random(1)}, bounds=(0, 1), n_arms=3)["a", "b"]

    np.testing.assert_array_equal(before.low, after.low)
    np.testing.assert_array_equal(before.high, after.high)


def test_watch_arms_needs_no_fewer_arms_than_have_scores():
    with pytest.raises(ValueError, match="n_arms must be at least 2, got 1"):
        watch_arms({"a": np.zeros(1), "b": np.zeros(1)}, bounds=(0, 1), n_arms=1)

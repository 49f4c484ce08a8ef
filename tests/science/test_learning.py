import numpy as np
import pytest

from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.bootstrap import evaluator_sums
from hypeweb.science.learning import block_change, learning_curve


def person(wrong):
    truth = np.ones(len(wrong), dtype=bool)
    return EvaluatorAnswers(truth, ~np.asarray(wrong, dtype=bool))


def rng():
    return np.random.default_rng(1)


def test_learning_curve_finds_a_known_slope():
    generator = rng()
    chance = np.linspace(0.5, 0.3, 200)
    people = [person(generator.random(200) < chance) for _ in range(60)]

    curve = learning_curve(people, rng=generator)

    # From 0.5 to 0.3 over 199 trials; standard error 0.008 per 100 trials.
    assert curve.slope.value == pytest.approx(-0.1005, abs=0.025)
    assert curve.slope.high < 0
    assert curve.first_trial == tuple(range(0, 200, 20))
    assert curve.n_judgments == (1200,) * 10
    # Three standard errors of 1,200 answers within a person's are 0.042.
    bounds = zip(curve.low, curve.error, curve.high, strict=True)
    assert all(low < error < high < low + 0.1 for low, error, high in bounds)


def test_learning_slope_is_not_fooled_by_bad_evaluators_who_leave():
    people = [person([True] * 10)] * 5 + [person([False] * 100)] * 5

    assert learning_curve(people, rng=rng()).slope.value == 0


def test_learning_curve_of_short_and_empty_sessions():
    one = learning_curve([person([True])], rng=rng())
    nobody = learning_curve([], rng=rng())

    assert (one.error, one.slope.value) == ((1.0,), None)
    assert (one.low, one.high) == ((None,), (None,))
    assert (nobody.error, nobody.slope.value) == ((), None)


def test_learning_curve_needs_a_stretch():
    with pytest.raises(ValueError, match="n_stretches must be at least 1, got 0"):
        learning_curve([], rng=rng(), n_stretches=0)


def test_block_change_compares_first_and_last_block():
    blocks = [[[500, 500], [480], [400, 400]], [[300], [], [340]], [[200]]]

    change = block_change(blocks, rng=rng())

    assert change.value == (-100 + 40) / 2
    assert (change.n_evaluators, change.n_judgments) == (2, 6)


def test_intervals_of_the_curve_leave_the_random_numbers_as_they_were():
    people = [person([True, False] * 20), person([False] * 40)]
    generator = rng()
    slope = learning_curve(people, rng=generator).slope
    rest = generator.random(3)
    without = rng()
    evaluator_sums(np.ones((2, 1)), n_bootstrap=10_000, rng=without)
    assert slope.value is not None
    assert rest.tolist() == without.random(3).tolist()

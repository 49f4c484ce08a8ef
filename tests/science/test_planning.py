import numpy as np
import pytest
from scipy import stats

from hypeweb.science.planning import (
    Terms,
    plan_number,
    plan_separation,
    plan_width,
    session_dollars,
)
from hypeweb.science.populations import untimed_people

TERMS = Terms(seconds_per_trial=6)


def rng():
    return np.random.default_rng(71)


def people(error):
    return untimed_people(error=error, n_trials=100, rng=rng(), person_sd=0.08)


def test_plan_width_agrees_with_the_formula():
    plan = plan_width(people(0.3), half_width=0.034, terms=TERMS, rng=rng())

    # SD 0.092; t SD / sqrt(n) = 0.034 at n = 31; four studies of five need a few more.
    assert 31 <= plan.n_evaluators <= 42
    assert plan.half_width <= 0.034
    assert plan.n_judgments == 100 * plan.n_evaluators


def test_plan_separation_agrees_with_the_power_formula():
    plan = plan_separation(people(0.30), people(0.24), terms=TERMS, rng=rng())

    # 2 SD^2 (z_0.975 + z_0.8)^2 / 0.06^2 with SD 0.090, and one more for the t.
    expected = 2 * 0.0905**2 * (stats.norm.ppf([0.975, 0.8]).sum()) ** 2 / 0.06**2 + 1
    assert plan.n_evaluators == pytest.approx(expected, rel=0.15)
    assert plan.power == pytest.approx(0.8, abs=0.04)


def test_plan_counts_the_money_of_both_arms():
    plan = plan_separation(people(0.5), people(0.1), terms=TERMS, rng=rng())

    # 10 minutes at $12 an hour exceed $0.02 for each of 70 correct answers.
    assert plan.minutes_per_evaluator == 10
    assert plan.dollars_per_evaluator == 2.0
    assert plan.dollars == 2 * plan.n_evaluators * 2.0
    assert plan.statement == (
        f"{plan.n_evaluators} evaluators per arm, 10 minutes and $2.00 each, "
        f"${plan.dollars:,.0f} in all."
    )


def test_plan_says_when_no_study_is_large_enough():
    same = plan_separation(people(0.3), people(0.3), terms=TERMS, rng=rng())

    assert (same.n_evaluators, same.dollars) == (None, None)
    assert same.statement.startswith("Even 2000 evaluators per arm are too few")


def test_session_dollars_takes_the_better_of_bonus_and_minimum_and_adds_fees():
    terms = Terms(seconds_per_trial=6, base_dollars=1, fee_share=0.2)

    assert session_dollars(n_correct=100, minutes=1, terms=terms) == pytest.approx(3.6)
    assert session_dollars(n_correct=0, minutes=60, terms=terms) == pytest.approx(14.4)


def test_plan_width_needs_a_width():
    with pytest.raises(ValueError, match="half_width must be above 0, got 0"):
        plan_width(people(0.3), half_width=0, terms=TERMS, rng=rng())


def test_more_evaluators_know_more_and_cost_more():
    pair = (
        people(0.3),
        people(0.4),
    )
    few, many = (
        plan_number(pair, n_evaluators=n, n_arms=3, terms=TERMS, rng=rng())
        for n in (10, 40)
    )
    # A normal interval: four times the people halve its width, but for t's tail.
    assert few.half_width / many.half_width == pytest.approx(2, rel=0.15)
    assert few.power < many.power
    assert many.dollars == pytest.approx(4 * few.dollars)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ((1, 2), "n_evaluators must lie between 2 and 2000, got 1"),
        ((2001, 2), "n_evaluators must lie between 2 and 2000, got 2001"),
        ((2, 0), "n_arms must be at least 1, got 0"),
    ],
)
def test_a_number_that_cannot_be_is_refused(numbers, sentence):
    person = people(0.3)
    n_evaluators, n_arms = numbers
    with pytest.raises(ValueError, match=sentence):
        plan_number(
            (person, person),
            n_evaluators=n_evaluators,
            n_arms=n_arms,
            terms=TERMS,
            rng=rng(),
        )


def test_a_power_that_cannot_be_is_refused():
    person = people(0.3)
    with pytest.raises(ValueError, match="power must lie between 0 and 1, got 1"):
        plan_separation(person, person, terms=TERMS, rng=rng(), power=1.0)

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypeweb.science.staircase import PRESETS, Rule, exposures, next_exposure

HYPE = PRESETS["hype-2019"]


def test_presets_settle_where_the_design_says():
    settles = {name: rule.convergence_point() for name, rule in PRESETS.items()}

    # p^3 = 1/4; p = 3/4; p^3 = 1/2.
    assert settles == pytest.approx(
        {"hype-2019": 0.25 ** (1 / 3), "weighted-75": 0.75, "levitt-79": 0.5 ** (1 / 3)}
    )


def test_exposures_follow_the_worked_example():
    planned = exposures(HYPE, [True, True, True, False, True, True, False, True])

    assert planned == [500, 500, 500, 470, 480, 480, 480, 490, 490]


def test_next_exposure_of_an_empty_block_is_the_start():
    assert next_exposure(HYPE, []) == 500


def test_a_step_at_the_limit_is_swallowed_and_resets_the_run():
    rule = replace(HYPE, start_ms=100)

    planned = exposures(rule, [True] * 5 + [False])

    assert planned == [100, 100, 100, 100, 100, 100, 110]


def test_wrong_answers_stop_at_the_longest_exposure():
    assert next_exposure(PRESETS["weighted-75"], [False] * 40) == 1000


def test_several_wrong_answers_in_a_row_are_needed_where_the_rule_says_so():
    rule = replace(HYPE, n_wrong_to_ascend=2)

    assert exposures(rule, [False, True, False, False, False]) == [
        *[500] * 4,
        510,
        510,
    ]


@given(st.lists(st.booleans(), max_size=60), st.sampled_from(sorted(PRESETS)))
def test_exposures_stay_within_limits_and_only_depend_on_the_past(correct, preset):
    rule = PRESETS[preset]
    planned = exposures(rule, correct)

    assert len(planned) == len(correct) + 1
    assert min(planned) >= rule.min_ms
    assert max(planned) <= rule.max_ms
    assert planned[: len(correct) // 2 + 1] == exposures(
        rule, correct[: len(correct) // 2]
    )


def test_convergence_point_is_where_a_long_walk_stays():
    rule = Rule(
        start_ms=5000,
        min_ms=1,
        max_ms=10_000,
        step_down_ms=3,
        step_up_ms=2,
        n_correct_to_descend=2,
        n_wrong_to_ascend=2,
    )
    rng = np.random.default_rng(1)
    n_trials = 50_000

    walk = exposures(rule, list(rng.random(n_trials) < rule.convergence_point()))

    # A step moves 3 ms at most; a walk without drift ends within 4 standard errors.
    assert abs(walk[-1] - 5000) < 4 * 3 * np.sqrt(n_trials / 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step_up_ms": 0}, "step_up_ms must be a whole number of at least 1, got 0."),
        ({"min_ms": -5}, "min_ms must be a whole number of at least 1, got -5."),
        ({"max_ms": 9.5}, "max_ms must be a whole number of at least 1, got 9.5."),
        (
            {"n_correct_to_descend": True},
            "n_correct_to_descend must be a whole number of at least 1, got True.",
        ),
        (
            {"start_ms": 50},
            "start_ms must lie between min_ms and max_ms, got 50 outside 100 to 1000.",
        ),
    ],
)
def test_a_rule_names_what_is_wrong_with_it(change, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the message is compared
        replace(HYPE, **change)

    assert str(caught.value) == message

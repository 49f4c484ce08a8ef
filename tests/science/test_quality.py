import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.quality import Rules, flags, longest_run, measure

RULES = Rules()
NOTHING = EvaluatorAnswers(np.zeros(0, bool), np.zeros(0, bool))


def answers(truth, said, *, rt_ms=None, planned_ms=None):
    return EvaluatorAnswers(
        np.array([t == "r" for t in truth]),
        np.array([s == "r" for s in said]),
        rt_ms=None if rt_ms is None else np.array(rt_ms, float),
        planned_ms=None if planned_ms is None else np.array(planned_ms),
    )


def measured(session, *, gold=(), rules=RULES):
    """Measure a session whose trials at the places named are gold."""
    is_gold = np.isin(np.arange(session.truth.size), gold)
    return measure(session, is_gold=is_gold, rules=rules)


def flagged(session, *, gold=(), rules=RULES):
    return flags(measured(session, gold=gold, rules=rules), rules=rules)


CAREFUL = answers("rf" * 20, "rf" * 20, rt_ms=[600] * 40)


def test_a_careful_session_has_no_flag():
    assert flagged(CAREFUL) == ()


def test_gold_is_scored_apart():
    gold, said = range(0, 44, 11), {0: "rfrf", 1: "rfrr", 2: "rrrr"}
    truth = list("rf" * 20)
    for place, one in zip(gold, "rfrf", strict=True):
        truth.insert(place, one)
    for n_missed, expected in ((0, ()), (1, ()), (2, ("gold",))):  # 75 % is enough
        answered = truth.copy()
        for place, one in zip(gold, said[n_missed], strict=True):
            answered[place] = one
        assert flagged(answers(truth, answered), gold=gold) == expected
        # The misses of gold trials are no part of anything else.
        assert measured(answers(truth, answered), gold=gold).criterion == 0


def test_runs_and_speed_are_those_of_all_answers():
    """An attention check in between ends a run: the person did not know it for one."""
    said = "r" * 14 + "f" + "r" * 14
    session = answers("rf" * 14 + "f", said, rt_ms=[100] * 3 + [600] * 26)
    found = measured(session, gold=(0, 1, 14))
    assert found.longest_run == 14
    assert found.fast_share == pytest.approx(3 / 29)


def test_fast_answers_are_a_share():
    for n_fast, expected in ((4, ()), (5, ("fast",))):
        rt_ms = [149.9] * n_fast + [150.0] * (40 - n_fast)
        assert flagged(answers("rf" * 20, "rf" * 20, rt_ms=rt_ms)) == expected


def test_timed_answers_are_fast_from_the_end_of_the_masks():
    rules = Rules(masks_ms=120)
    for rt_ms, expected in ((500 + 120 + 149, ("fast",)), (500 + 120 + 150, ())):
        session = answers(
            "rf" * 20, "rf" * 20, rt_ms=[rt_ms] * 40, planned_ms=[500] * 40
        )
        assert flagged(session, rules=rules) == expected


def test_one_answer_throughout_is_a_run_a_criterion_and_chance():
    found = flagged(answers("rf" * 20, "r" * 40))
    assert found == ("same_answer", "criterion", "chance")


def test_guessing_is_chance_performance():
    assert flagged(answers("rrff" * 10, "rfrf" * 10)) == ("chance",)


def test_chance_is_the_binomial_tail():
    # 8 of 10 right: P(X >= 8) = 56 / 1024.
    session = answers("r" * 5 + "f" * 5, "rrrrf" + "ffffr")
    assert measured(session).p_chance == pytest.approx(56 / 1024)


def test_floor_and_ceiling_of_the_staircase():
    for limit_ms, flag in ((100, "floor"), (1000, "ceiling")):
        for n_at_limit, expected in ((20, ()), (21, (flag,))):
            planned = [limit_ms] * n_at_limit + [500] * (40 - n_at_limit)
            session = answers("rf" * 20, "rf" * 20, planned_ms=planned)
            assert flagged(session) == expected


def test_nothing_answered_is_no_flag():
    assert flagged(NOTHING) == ()
    found = measured(NOTHING)
    assert math.isnan(found.criterion)
    assert found.longest_run == 0


@given(st.lists(st.booleans(), max_size=60))
def test_longest_run_is_that_of_a_naive_count(said):
    longest = run = 0
    for index, answer in enumerate(said):
        run = run + 1 if index and answer == said[index - 1] else 1
        longest = max(longest, run)
    assert longest_run(np.array(said, bool)) == longest


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_flags_do_not_depend_on_which_answer_is_called_real(pairs):
    truth, said = (np.array(column) for column in zip(*pairs, strict=True))
    there = flagged(EvaluatorAnswers(truth, said))
    back = flagged(EvaluatorAnswers(~truth, ~said))
    assert there == back


@given(seed=st.integers(0, 10_000))
def test_a_longer_session_of_guesses_is_never_flagged_for_gold_or_speed(seed):
    rng = np.random.default_rng(seed)
    session = EvaluatorAnswers(rng.random(100) < 0.5, rng.random(100) < 0.5)
    assert not {"gold", "fast", "floor", "ceiling"} & set(flagged(session))


def test_gold_must_be_said_of_each_judgment():
    with pytest.raises(ValueError, match="each of the 40 judgments, got shape"):
        measure(CAREFUL, is_gold=np.zeros(39, bool), rules=RULES)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"gold_share": 1.5}, "gold_share must be between 0 and 1, got 1.5"),
        ({"fast_share": -0.1}, "fast_share must be between 0 and 1"),
        ({"longest_run": 0}, "longest_run must be above 0, got 0"),
        ({"criterion": float("nan")}, "criterion must be above 0"),
    ],
)
def test_impossible_rules_are_refused(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        Rules(**values)

from dataclasses import replace

import numpy as np
import pytest

from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.arm_scores import Settings, timed_scores, untimed_scores
from hypeweb.science.simulation import simulate_session
from hypeweb.science.staircase import PRESETS

SETTINGS = Settings(n_bootstrap=300)


def rng():
    return np.random.default_rng(91)


def timed_people():
    walks = simulate_session(
        PRESETS["hype-2019"],
        thresholds_ms=np.full(5, 250.0),
        n_blocks=2,
        n_trials=100,
        rng=rng(),
    )
    truth = np.tile([True, False], 100)
    return [
        EvaluatorAnswers(
            truth=truth,
            said_real=truth == correct,
            block=np.repeat([1, 2], 100),
            planned_ms=planned.astype(np.int64),
            shown_ms=planned + 8,
        )
        for planned, correct in zip(walks.exposures_ms, walks.correct, strict=True)
    ]


def test_timed_scores_fit_what_was_shown_and_score_what_was_planned():
    people = timed_people()

    scores = timed_scores(people, rng=rng(), settings=SETTINGS)
    planned = timed_scores(
        [replace(person, shown_ms=None) for person in people],
        rng=rng(),
        settings=SETTINGS,
    )

    assert scores.hype_time == planned.hype_time
    shift = scores.threshold.threshold.value - planned.threshold.threshold.value
    assert shift == pytest.approx(8, abs=2)
    assert scores.cautions == ()
    assert [caution.code for caution in planned.cautions] == ["exposure-not-measured"]
    assert scores.block_change.n_evaluators == 5
    assert scores.replicates.mean() == pytest.approx(
        scores.hype_time.score.value, rel=0.02
    )


def test_timed_scores_need_planned_exposures():
    person = replace(timed_people()[0], planned_ms=None)

    with pytest.raises(ValueError, match="needs planned_ms"):
        timed_scores([person], rng=rng(), settings=SETTINGS)


def test_untimed_scores_weigh_classes_equally_for_every_evaluator():
    truth = np.array([True, True, True, False])
    person = EvaluatorAnswers(truth, np.array([False, True, True, True]))

    scores = untimed_scores([person, person], rng=rng(), settings=SETTINGS)

    assert scores.evaluator_scores == pytest.approx([(1 / 3 + 1) / 2] * 2)
    assert scores.hype_inf.total.value == pytest.approx((1 / 3 + 1) / 2)


def test_scores_of_nobody_have_no_value():
    untimed = untimed_scores([], rng=rng(), settings=SETTINGS)
    timed = timed_scores([], rng=rng(), settings=SETTINGS)

    assert untimed.hype_inf.total.value is None
    assert timed.hype_time.score.value is None
    assert timed.threshold.threshold.value is None

import numpy as np
import pytest

from hypeweb.science.observers import (
    OBSERVERS,
    Answer,
    ConstantObserver,
    DropOut,
    PsychometricObserver,
)


def share_correct(observer, exposure_ms, *, trial=0, n=4000):
    rng = np.random.default_rng(1)
    truths = ["real", "fake"] * (n // 2)
    answers = [
        observer.answer(truth=t, exposure_ms=exposure_ms, trial=trial, rng=rng).answer
        for t in truths
    ]
    return np.mean([a == t for a, t in zip(answers, truths, strict=True)])


# Four standard errors of a proportion of 4000 answers: 0.032.
def test_psychometric_observer_is_right_three_times_in_four_at_its_threshold():
    observer = PsychometricObserver(threshold_ms=300, lapse=0.05)

    assert observer.chance_correct(exposure_ms=300, trial=0) == pytest.approx(0.75)
    assert share_correct(observer, 300) == pytest.approx(0.75, abs=0.032)


def test_psychometric_observer_lapses_however_long_it_looks():
    observer = PsychometricObserver(threshold_ms=100, lapse=0.1)

    assert observer.chance_correct(exposure_ms=1e6, trial=0) == pytest.approx(0.9)


def test_psychometric_observer_uses_its_untimed_error_without_limit():
    observer = PsychometricObserver(untimed_error=0.4)

    assert share_correct(observer, None) == pytest.approx(0.6, abs=0.032)


def test_psychometric_observer_learns():
    observer = PsychometricObserver(threshold_ms=400, learning=np.log(2))

    assert observer.chance_correct(exposure_ms=200, trial=100) == pytest.approx(0.75)


def test_psychometric_observer_with_bias_answers_real_more_often():
    rng = np.random.default_rng(1)
    observer = PsychometricObserver(bias=0.8)
    said = [
        observer.answer(truth=truth, exposure_ms=250, trial=0, rng=rng).answer
        for truth in ["real", "fake"] * 500
    ]

    assert said.count("real") > 650


@pytest.mark.parametrize("kind", sorted(OBSERVERS))
def test_every_observer_answers_timed_and_untimed_trials(kind):
    rng = np.random.default_rng(1)
    observer = OBSERVERS[kind]()

    answers = [
        observer.answer(truth="real", exposure_ms=ms, trial=0, rng=rng)
        for ms in (None, 100.0, 1000.0)
    ]

    assert all(a.answer in {"real", "fake"} and a.rt_ms > 0 for a in answers)


def test_observers_without_eyes_are_at_chance():
    assert share_correct(OBSERVERS["random"](), 1000) == pytest.approx(0.5, abs=0.032)
    assert share_correct(ConstantObserver("fake"), 1000) == 0.5


def test_fast_clicker_is_faster_than_anybody():
    rng = np.random.default_rng(1)
    times = [
        OBSERVERS["fast-clicker"]()
        .answer(truth="real", exposure_ms=None, trial=0, rng=rng)
        .rt_ms
        for _ in range(100)
    ]

    assert max(times) < 150


def test_drop_out_leaves_after_its_last_trial():
    rng = np.random.default_rng(1)
    observer = DropOut(wraps=ConstantObserver("real"), after=2)

    answers = [
        observer.answer(truth="real", exposure_ms=None, trial=trial, rng=rng)
        for trial in range(4)
    ]

    assert [isinstance(a, Answer) for a in answers] == [True, True, False, False]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"threshold_ms": 0}, "threshold_ms must be above 0, got 0"),
        ({"slope": -1}, "slope must be above 0, got -1"),
        ({"lapse": 0.3}, "lapse must be at least 0 and below 0.25, got 0.3"),
        ({"untimed_error": 2}, "untimed_error must lie between 0 and 1, got 2"),
    ],
)
def test_psychometric_observer_refuses_impossible_people(values, message):
    with pytest.raises(ValueError, match=message):
        PsychometricObserver(**values)

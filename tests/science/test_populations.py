import numpy as np
import pytest

from hypeweb.science.populations import (
    between_person_sd,
    timed_people,
    untimed_people,
)
from hypeweb.science.staircase import PRESETS


def rng():
    return np.random.default_rng(61)


def test_untimed_people_have_the_wanted_mean_and_spread():
    people = untimed_people(
        error=0.3, n_trials=100, rng=rng(), person_sd=0.08, n_people=20_000
    )

    # The variance within is that of 100 answers at the mean of p (1 - p).
    expected = np.sqrt(0.08**2 + (0.21 - 0.08**2) / 100)
    assert people.scores.mean() == pytest.approx(0.3, abs=0.003)
    assert people.scores.std() == pytest.approx(expected, rel=0.02)
    assert people.correct_share == pytest.approx(0.7, abs=0.003)


def test_untimed_people_may_all_be_alike():
    people = untimed_people(error=0.5, n_trials=100, rng=rng(), person_sd=0)

    assert people.scores.std() == pytest.approx(0.05, rel=0.1)


def test_timed_people_walk_the_studys_rule():
    low, high = (
        timed_people(PRESETS["hype-2019"], threshold_ms=ms, trials=(3, 50), rng=rng())
        for ms in (150, 600)
    )

    assert low.scores.mean() < high.scores.mean()
    assert low.n_trials == 150
    assert 0.5 < high.correct_share < 0.8


def test_between_person_sd_takes_chance_out():
    people = untimed_people(
        error=0.3, n_trials=100, rng=rng(), person_sd=0.08, n_people=5000
    )

    found = between_person_sd(people.scores, n_judgments=[100] * 5000)

    assert found == pytest.approx(0.08, rel=0.05)


def test_between_person_sd_of_the_real_judgments_is_in_the_known_range(real_judgments):
    for model in {row["model"] for row in real_judgments}:
        errors = [float(r["err_rt"]) for r in real_judgments if r["model"] == model]

        assert 0.03 < between_person_sd(errors, n_judgments=[200] * len(errors)) < 0.14


def test_between_person_sd_of_chance_alone_is_zero():
    assert between_person_sd([0.3, 0.3, 0.31], n_judgments=[50] * 3) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: untimed_people(error=0, n_trials=9, rng=rng()), "got 0"),
        (
            lambda: untimed_people(error=0.5, n_trials=9, rng=rng(), person_sd=-1),
            "person_sd must be at least 0, got -1",
        ),
        (
            lambda: timed_people(
                PRESETS["hype-2019"], threshold_ms=0, trials=(1, 9), rng=rng()
            ),
            "threshold_ms must be above 0, got 0",
        ),
        (lambda: between_person_sd([0.1], n_judgments=[9]), "at least 2 evaluators"),
    ],
)
def test_impossible_people_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

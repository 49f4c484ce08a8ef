import numpy as np
import pytest

from hypeweb.science.simulation import simulate_block, simulate_session
from hypeweb.science.staircase import PRESETS, exposures


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_simulated_blocks_step_as_the_staircase_does(preset):
    rule = PRESETS[preset]
    walks = simulate_block(
        rule,
        thresholds_ms=np.array([50.0, 300.0, 5000.0]),
        n_trials=120,
        rng=np.random.default_rng(41),
    )

    for planned, correct in zip(walks.exposures_ms, walks.correct, strict=True):
        assert planned.tolist() == exposures(rule, correct.tolist())[:-1]


def test_simulated_people_are_as_often_correct_as_the_rule_settles():
    # A range wide enough that the limits do not matter; the start is left out.
    walks = simulate_block(
        PRESETS["weighted-75"],
        thresholds_ms=np.full(200, 400.0),
        n_trials=300,
        rng=np.random.default_rng(42),
    )

    # Standard error 0.002; the walk stays a little above its point, by the curve.
    assert walks.correct[:, 100:].mean() == pytest.approx(0.75, abs=0.01)


def test_simulated_sessions_start_anew_in_every_block():
    walks = simulate_session(
        PRESETS["hype-2019"],
        thresholds_ms=np.array([200.0]),
        n_blocks=3,
        n_trials=20,
        rng=np.random.default_rng(43),
    )

    assert walks.exposures_ms[0, [0, 20, 40]].tolist() == [500.0] * 3

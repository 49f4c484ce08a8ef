import numpy as np
import pytest

from hypeweb.science.psychometric import fit_threshold
from hypeweb.science.simulation import simulate_session
from hypeweb.science.staircase import PRESETS
from hypeweb.science.thresholds import combine_thresholds

LIMITS = (100, 1000)


def arm(*, thresholds_ms, rng, n_blocks=3, n_trials=50):
    walks = simulate_session(
        PRESETS["hype-2019"],
        thresholds_ms=np.asarray(thresholds_ms, dtype=np.float64),
        n_blocks=n_blocks,
        n_trials=n_trials,
        rng=rng,
    )
    return [
        fit_threshold(ms, right, limits_ms=LIMITS)
        for ms, right in zip(walks.exposures_ms, walks.correct, strict=True)
    ]


def test_combined_threshold_finds_the_median_evaluator_and_the_spread():
    rng = np.random.default_rng(31)
    fits = arm(thresholds_ms=250 * np.exp(rng.normal(0, 0.3, 40)), rng=rng)

    combined = combine_thresholds(fits, limits_ms=LIMITS)

    # Standard error: 0.3 between people and 0.16 within, over 40 people: 5.4 %.
    assert combined.threshold.value == pytest.approx(250, rel=0.16)
    assert combined.threshold.low < 250 < combined.threshold.high
    assert combined.spread == pytest.approx(0.3, abs=0.15)
    assert combined.threshold.n_judgments == 40 * 150
    assert combined.bound is None


@pytest.mark.slow
def test_combined_interval_covers_the_truth():
    rng = np.random.default_rng(32)
    n_studies, covered = 60, 0
    for _ in range(n_studies):
        fits = arm(thresholds_ms=250 * np.exp(rng.normal(0, 0.25, 8)), rng=rng)
        combined = combine_thresholds(fits, limits_ms=LIMITS).threshold
        covered += combined.low <= 250 <= (combined.high or np.inf)

    # Wanted 92 to 98 %; two standard errors of 60 studies are 5.6 points. The full run
    # is in tests/bench/science.py.
    assert covered / n_studies >= 0.95 - 0.056


def test_evaluators_at_the_floor_pull_the_threshold_below_it():
    rng = np.random.default_rng(33)

    combined = combine_thresholds(
        arm(thresholds_ms=[40, 45, 50, 60, 50, 45], rng=rng), limits_ms=LIMITS
    )

    assert (combined.threshold.value, combined.bound) == (None, "below")
    assert combined.threshold.low is None
    assert combined.statement == (
        "A typical evaluator is 75 % correct already below 100 ms."
    )
    assert dict(combined.counts)["at-floor"] >= 5
    assert "threshold-at-floor" in [caution.code for caution in combined.cautions]


def test_floor_evaluators_are_not_averaged_in_as_the_floor():
    rng = np.random.default_rng(34)
    fits = arm(thresholds_ms=[60] * 4 + [200] * 8, rng=rng)
    measured = [fit.threshold_ms for fit in fits if fit.threshold_ms]
    silent = np.exp(np.mean(np.log(measured + [100.0] * (len(fits) - len(measured)))))

    combined = combine_thresholds(fits, limits_ms=LIMITS)

    assert combined.threshold.value < silent


def test_an_arm_of_guessers_has_a_statement_instead_of_a_threshold():
    rng = np.random.default_rng(35)

    combined = combine_thresholds(
        arm(thresholds_ms=[1e6] * 12, rng=rng), limits_ms=LIMITS
    )

    assert (combined.threshold.value, combined.bound) == (None, "above")
    assert combined.threshold.high is None
    assert combined.statement == (
        "A typical evaluator is not 75 % correct within 1000 ms."
    )


def test_one_evaluator_gives_a_value_without_interval():
    rng = np.random.default_rng(36)
    fits = arm(thresholds_ms=[250], rng=rng)

    combined = combine_thresholds(fits, limits_ms=LIMITS)

    assert combined.threshold.value == pytest.approx(fits[0].threshold_ms, rel=0.03)
    assert (combined.threshold.low, combined.threshold.high) == (None, None)
    assert combined.spread is None


def test_nobody_gives_no_threshold():
    combined = combine_thresholds([], limits_ms=LIMITS)

    assert combined.threshold.value is None
    assert combined.statement == "No trials."


def test_an_evaluator_with_three_trials_hardly_matters():
    rng = np.random.default_rng(37)
    fits = arm(thresholds_ms=[250] * 10, rng=rng)
    brief = fit_threshold(np.full(3, 500.0), np.zeros(3, bool), limits_ms=LIMITS)

    alone = combine_thresholds(fits, limits_ms=LIMITS).threshold.value
    joined = combine_thresholds([*fits, brief], limits_ms=LIMITS)

    assert joined.threshold.value == pytest.approx(alone, rel=0.05)
    assert "threshold-too-few-trials" in [caution.code for caution in joined.cautions]


def test_fits_with_other_limits_are_refused():
    rng = np.random.default_rng(38)
    other = fit_threshold(np.full(30, 50.0), np.ones(30, bool), limits_ms=(20, 60))

    with pytest.raises(ValueError, match="must share their limits"):
        combine_thresholds(
            [*arm(thresholds_ms=[250], rng=rng), other], limits_ms=LIMITS
        )

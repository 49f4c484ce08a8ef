import numpy as np
import pytest

from hypeweb.science.scoring import (
    EvaluatorAnswers,
    block_mode,
    hype_inf,
    hype_time,
)


def evaluator(*, fakes_wrong, n_fake, reals_wrong, n_real):
    truth = np.arange(n_fake + n_real) >= n_fake
    wrong = np.concatenate(
        [np.arange(n_fake) < fakes_wrong, np.arange(n_real) < reals_wrong]
    )
    return EvaluatorAnswers(truth=truth, said_real=truth ^ wrong)


def rng():
    return np.random.default_rng(1)


def test_hype_inf_is_the_share_of_wrong_judgments():
    people = [
        evaluator(fakes_wrong=20, n_fake=50, reals_wrong=10, n_real=50),
        evaluator(fakes_wrong=30, n_fake=50, reals_wrong=0, n_real=50),
    ]

    score = hype_inf(people, rng=rng())

    assert score.total.value == 60 / 200
    assert score.fakes_error.value == 50 / 100
    assert score.reals_error.value == 10 / 100
    assert (score.total.n_evaluators, score.total.n_judgments) == (2, 200)
    assert score.fakes_error.n_judgments == 100


def test_hype_inf_interval_matches_a_loop_over_resampled_evaluators():
    generator = rng()
    people = [
        evaluator(
            fakes_wrong=int(generator.integers(5, 30)),
            n_fake=50,
            reals_wrong=int(generator.integers(0, 20)),
            n_real=50,
        )
        for _ in range(30)
    ]
    errors = np.array([np.mean(p.truth != p.said_real) for p in people])
    naive = [errors[generator.integers(30, size=30)].mean() for _ in range(10_000)]

    total = hype_inf(people, rng=rng()).total

    # Two Monte Carlo quantiles of 10,000 draws differ by about 0.0006 here.
    assert [total.low, total.high] == pytest.approx(
        np.quantile(naive, [0.025, 0.975]).tolist(), abs=0.003
    )
    assert total.std_error == pytest.approx(np.std(naive), rel=0.03)


def test_hype_inf_of_guessing_is_a_half_however_unbalanced_the_classes():
    people = [evaluator(fakes_wrong=10, n_fake=10, reals_wrong=0, n_real=90)] * 3

    assert hype_inf(people, rng=rng()).total.value == 0.5


def test_hype_inf_of_one_evaluator_has_a_value_and_no_interval():
    score = hype_inf(
        [evaluator(fakes_wrong=1, n_fake=2, reals_wrong=0, n_real=1)], rng=rng()
    )

    assert score.total.value == 0.25
    assert (score.total.low, score.total.high) == (None, None)
    assert score.total.method == "no interval: one evaluator"
    assert [caution.code for caution in score.cautions] == ["one-evaluator"]


def test_hype_inf_of_nobody_has_no_value():
    score = hype_inf([], rng=rng())

    assert score.total.value is None
    assert score.total.n_evaluators == 0
    assert [caution.code for caution in score.cautions] == ["no-evaluators"]


def test_hype_inf_without_real_images_scores_the_fakes_alone():
    people = [
        evaluator(fakes_wrong=k, n_fake=4, reals_wrong=0, n_real=0) for k in (1, 3)
    ]

    score = hype_inf(people, rng=rng())

    assert score.reals_error.value is None
    assert score.reals_error.method == "no judgments"
    assert score.total.value == score.fakes_error.value == 0.5


def test_hype_inf_leaves_out_an_evaluator_without_judgments():
    people = [
        evaluator(fakes_wrong=1, n_fake=2, reals_wrong=0, n_real=2),
        evaluator(fakes_wrong=0, n_fake=0, reals_wrong=0, n_real=0),
    ]

    assert hype_inf(people, rng=rng()).total.n_evaluators == 1


def test_hype_inf_repeats_itself_with_the_same_seed():
    people = [
        evaluator(fakes_wrong=k, n_fake=9, reals_wrong=1, n_real=9) for k in range(5)
    ]

    assert hype_inf(people, rng=rng()) == hype_inf(people, rng=rng())


@pytest.mark.parametrize(
    ("truth", "said_real", "message"),
    [
        ([True], [True, False], "one length, got 1 and 2"),
        ([1], [True], "truth must be a one-dimensional boolean array, got 1 dimen"),
        ([[True]], [[True]], "got 2 dimensions of bool"),
    ],
)
def test_evaluator_answers_refuse_what_is_not_judgments(truth, said_real, message):
    with pytest.raises(ValueError, match=message):
        EvaluatorAnswers(truth=np.array(truth), said_real=np.array(said_real))


def test_hype_inf_refuses_a_level_that_is_no_proportion():
    with pytest.raises(ValueError, match="level must lie between 0 and 1, got 95"):
        hype_inf([], rng=rng(), level=95)


def test_block_mode_averages_ties():
    assert block_mode([500, 470, 470, 500, 480]) == 485.0


def test_block_mode_needs_a_trial():
    with pytest.raises(ValueError, match="at least 1 trial"):
        block_mode([])


def test_hype_time_is_the_mean_of_means_of_modes():
    blocks = [
        [[500, 500, 470], [300, 300, 310], [400, 400]],
        [[200, 200], [220, 220], []],
    ]

    score = hype_time(blocks, limits_ms=(100, 1000), rng=rng())

    assert score.evaluator_scores == (400.0, 210.0)
    assert score.score.value == 305.0
    assert (score.score.n_evaluators, score.score.n_judgments) == (2, 12)
    assert (score.n_at_floor, score.n_at_ceiling) == (0, 0)


def test_hype_time_flags_modes_on_the_limits():
    blocks = [[[100, 100, 110]], [[1000, 1000]], [[500, 500]]]

    score = hype_time(blocks, limits_ms=(100, 1000), rng=rng())

    assert (score.n_at_floor, score.n_at_ceiling) == (1, 1)
    assert [caution.code for caution in score.cautions] == [
        "few-evaluators",
        "at-floor",
        "at-ceiling",
    ]


@pytest.mark.parametrize("blocks", [[], [[]], [[[], []]]])
def test_hype_time_without_trials_has_no_value(blocks):
    score = hype_time(blocks, limits_ms=(100, 1000), rng=rng())

    assert score.score.value is None
    assert score.evaluator_scores == ()


def test_hype_time_of_one_evaluator_has_no_interval():
    score = hype_time([[[500, 500]]], limits_ms=(100, 1000), rng=rng()).score

    assert (score.value, score.low, score.high) == (500.0, None, None)

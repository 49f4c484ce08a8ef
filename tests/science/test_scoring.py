import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
        [evaluator(fakes_wrong=5, n_fake=10, reals_wrong=0, n_real=10)], rng=rng()
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


@pytest.mark.parametrize(("wrong", "value"), [(0, 0.0), (50, 1.0)])
def test_hype_inf_without_spread_falls_back_to_exact_bounds(wrong, value):
    person = evaluator(fakes_wrong=wrong, n_fake=50, reals_wrong=wrong, n_real=50)

    score = hype_inf([person] * 10, rng=rng())

    # Clopper-Pearson of 0 in 500: 1 - 0.025^(1/500), and its mirror image.
    assert score.fakes_error.value == score.total.value == value
    assert score.fakes_error.high - score.fakes_error.low == pytest.approx(
        0.00735, abs=1e-5
    )
    assert "exact binomial" in score.total.method
    assert [caution.code for caution in score.cautions] == ["no-spread"]


def test_hype_inf_of_people_who_only_say_real_is_a_half_with_bounds_and_a_caution():
    person = evaluator(fakes_wrong=50, n_fake=50, reals_wrong=0, n_real=50)

    score = hype_inf([person] * 10, rng=rng())

    assert (score.fakes_error.value, score.reals_error.value) == (1.0, 0.0)
    assert score.total.value == 0.5
    assert score.total.low < 0.5 < score.total.high
    assert [caution.code for caution in score.cautions] == ["one-answer"]


def test_hype_inf_says_when_classes_are_unbalanced_and_sessions_short():
    people = [
        evaluator(fakes_wrong=k, n_fake=3, reals_wrong=1, n_real=9) for k in range(3)
    ]

    score = hype_inf(people * 4, rng=rng())

    assert [caution.code for caution in score.cautions] == [
        "unbalanced",
        "short-sessions",
    ]


def shared_pool(*, n_evaluators, n_images, generator):
    """Everybody judges the same images, some of which fool everybody."""
    fools = generator.random((2, n_images)) < 0.3
    people = []
    for _ in range(n_evaluators):
        truth = np.repeat([False, True], n_images)
        wrong = fools.ravel() ^ (generator.random(2 * n_images) < 0.1)
        sample = np.arange(2 * n_images)
        people.append(EvaluatorAnswers(truth, truth ^ wrong, sample))
    return people


def test_hype_inf_draws_images_too_where_evaluators_share_them():
    people = shared_pool(n_evaluators=20, n_images=25, generator=rng())

    published = hype_inf(people, rng=rng(), resample="evaluators").total
    both = hype_inf(people, rng=rng()).total

    assert published.method == "bootstrap over evaluators, percentile"
    assert both.method.startswith("bootstrap over evaluators and images")
    assert both.value == published.value
    # Images carry most of the spread here: SD of a mean of 50 images, about 0.05.
    assert both.std_error == pytest.approx(0.05, abs=0.02)
    assert both.std_error > 3 * published.std_error


def test_hype_inf_keeps_to_evaluators_where_no_image_is_shared():
    people = [
        EvaluatorAnswers(answers.truth, answers.said_real, np.arange(18) + 18 * number)
        for number, answers in enumerate(
            evaluator(fakes_wrong=k, n_fake=9, reals_wrong=1, n_real=9)
            for k in range(5)
        )
    ]

    assert hype_inf(people, rng=rng()) == hype_inf(
        people, rng=rng(), resample="evaluators"
    )


def test_hype_inf_cannot_draw_images_it_does_not_know():
    people = [evaluator(fakes_wrong=1, n_fake=5, reals_wrong=1, n_real=5)] * 2

    with pytest.raises(ValueError, match="Every evaluator needs sample"):
        hype_inf(people, rng=rng(), resample="evaluators-and-images")


def test_hype_inf_repeats_itself_with_the_same_seed():
    people = [
        evaluator(fakes_wrong=k, n_fake=9, reals_wrong=1, n_real=9) for k in range(5)
    ]

    assert hype_inf(people, rng=rng()) == hype_inf(people, rng=rng())


@pytest.mark.parametrize(
    ("truth", "said_real", "message"),
    [
        (
            [True],
            [True, False],
            "said_real must have the length of truth, 1, got shape",
        ),
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
        "short-sessions",
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


def test_published_scores_are_means_of_fakes_and_reals_error(published_tables):
    for row in published_tables:
        fakes, reals = float(row["fakes_error_pct"]), float(row["reals_error_pct"])
        people = [
            evaluator(
                fakes_wrong=round(10 * fakes),
                n_fake=1000,
                reals_wrong=round(10 * reals),
                n_real=1000,
            )
        ]

        total = hype_inf(people, rng=rng()).total.value

        # Three printed numbers, each rounded to 0.1.
        assert 100 * total == pytest.approx(float(row["hype_inf_pct"]), abs=0.1 + 1e-9)


def people_of(rows):
    return [
        evaluator(
            fakes_wrong=round(100 * float(row["f_err_rt"])),
            n_fake=100,
            reals_wrong=round(100 * float(row["r_err_rt"])),
            n_real=100,
        )
        for row in rows
    ]


def test_real_judgments_score_as_their_own_data_say(real_judgments):
    for model in sorted({row["model"] for row in real_judgments}):
        rows = [row for row in real_judgments if row["model"] == model]
        errors = np.array([float(row["err_rt"]) for row in rows])

        score = hype_inf(people_of(rows), rng=rng(), n_bootstrap=40_000)

        assert score.total.value == pytest.approx(errors.mean(), abs=1e-12)
        # The plain bootstrap lacks n / (n - 1) in the variance: 2 % at 25 people; the
        # standard deviation of 40,000 draws is off by 0.35 %.
        assert score.total.std_error == pytest.approx(
            errors.std(ddof=1) / np.sqrt(len(errors)), rel=0.03
        )
        assert score.total.n_judgments == 200 * len(rows)


judged = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12)


@settings(max_examples=40)
@given(st.lists(judged, min_size=1, max_size=6))
def test_hype_inf_agrees_with_a_plain_count_in_any_order(sessions):
    people = [
        EvaluatorAnswers(*(np.array(column) for column in zip(*session, strict=True)))
        for session in sessions
    ]
    errors = [
        [
            said != truth
            for session in sessions
            for truth, said in session
            if truth == real
        ]
        for real in (False, True)
    ]
    naive = np.mean([np.mean(wrong) for wrong in errors if wrong])

    score = hype_inf(people, rng=rng(), n_bootstrap=20)
    reverse = hype_inf(people[::-1], rng=rng(), n_bootstrap=20)

    assert score.total.value == pytest.approx(naive)
    assert reverse.total.value == pytest.approx(naive)
    for estimate in (score.total, score.fakes_error, score.reals_error):
        numbers = (estimate.value, estimate.low, estimate.high)
        assert all(number is None or 0 <= number <= 1 for number in numbers)

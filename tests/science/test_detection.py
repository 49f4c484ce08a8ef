import numpy as np
import pytest

from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.detection import detection, dprime_and_criterion


def rng():
    return np.random.default_rng(1)


def answers(*, fakes_wrong, n_fake, reals_wrong, n_real):
    truth = np.arange(n_fake + n_real) >= n_fake
    wrong = np.concatenate(
        [np.arange(n_fake) < fakes_wrong, np.arange(n_real) < reals_wrong]
    )
    return EvaluatorAnswers(truth, truth ^ wrong)


def test_dprime_and_criterion_of_the_worked_example():
    # H = (40 + 0.5) / 51 = 0.7941, F = (10 + 0.5) / 51 = 0.2059; z = +-0.8208.
    dprime, criterion = dprime_and_criterion(np.array([[10.0, 50.0, 10.0, 50.0]]))

    assert dprime == pytest.approx([1.6416], abs=1e-4)
    assert criterion == pytest.approx([0.0], abs=1e-12)


def test_dprime_of_a_perfect_evaluator_is_finite():
    dprime, _ = dprime_and_criterion(np.array([[0.0, 50.0, 0.0, 50.0]]))

    # 2 z(50.5 / 51)
    assert dprime == pytest.approx([4.668], abs=1e-3)


def test_detection_separates_bias_from_sensitivity():
    always_real = answers(fakes_wrong=50, n_fake=50, reals_wrong=0, n_real=50)

    found = detection([always_real] * 3, rng=rng())

    assert found.dprime.value == pytest.approx(0)
    assert found.criterion.value > 2
    assert found.said_real.value == 1.0


def test_detection_of_the_real_judgments_has_their_answer_bias(real_judgments):
    rows = [row for row in real_judgments if row["model"] == "ACGAN"]
    people = [
        answers(
            fakes_wrong=round(100 * float(row["f_err_rt"])),
            n_fake=100,
            reals_wrong=round(100 * float(row["r_err_rt"])),
            n_real=100,
        )
        for row in rows
    ]

    found = detection(people, rng=rng())

    assert found.said_real.value == pytest.approx(
        np.mean([float(row["r_ans_rt"]) for row in rows]), abs=1e-12
    )
    assert found.dprime.low < found.dprime.value < found.dprime.high


def test_detection_leaves_out_who_saw_one_class_and_copes_with_nobody():
    one_class = answers(fakes_wrong=1, n_fake=4, reals_wrong=0, n_real=0)

    found = detection([one_class], rng=rng())
    nothing = detection([], rng=rng())

    assert found.dprime.value is None
    assert found.said_real.value == 0.25
    assert nothing.said_real.value is None

import numpy as np

from hypeweb.science.answers import EvaluatorAnswers


def test_block_exposures_follow_the_block_numbers():
    answers = EvaluatorAnswers(
        truth=np.ones(4, bool),
        said_real=np.ones(4, bool),
        block=np.array([7, 7, 9, 7]),
        planned_ms=np.array([500, 490, 500, 480]),
    )

    assert answers.block_exposures() == [[500, 490, 480], [500]]


def test_exposures_shown_fall_back_to_the_planned():
    truth = np.ones(2, bool)
    planned, shown = np.array([500, 490]), np.array([516.7, np.nan])

    both = EvaluatorAnswers(truth, truth, planned_ms=planned, shown_ms=shown)
    plan = EvaluatorAnswers(truth, truth, planned_ms=planned)
    untimed = EvaluatorAnswers(truth, truth)

    assert both.exposures_shown().tolist() == [516.7, 490.0]
    assert plan.exposures_shown().tolist() == [500.0, 490.0]
    assert np.isnan(untimed.exposures_shown()).all()
    assert untimed.block_exposures() == []

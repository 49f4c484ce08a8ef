import numpy as np
import pytest

from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.response_times import response_times


def person(times, wrong):
    truth = np.ones(len(times), dtype=bool)
    return EvaluatorAnswers(
        truth, ~np.array(wrong, dtype=bool), rt_ms=np.array(times, dtype=float)
    )


def test_response_times_are_means_of_medians():
    people = [
        person([500, 700, 60_000], [False, True, False]),
        person([900, 1100, np.nan], [False, False, True]),
    ]

    found = response_times(people, rng=np.random.default_rng(1))

    assert found.median_ms.value == (700 + 1000) / 2
    assert found.correct_ms.value == (30_250 + 1000) / 2
    assert found.wrong_ms.value == 700
    assert found.median_ms.n_judgments == 5
    assert found.n_fast_evaluators == 0


def test_response_times_count_evaluators_too_fast_to_see():
    people = [person([90] * 3 + [400] * 7, [False] * 10), person([400] * 9, [True] * 9)]

    assert response_times(people, rng=np.random.default_rng(1)).n_fast_evaluators == 1


@pytest.mark.parametrize(("rt_ms", "n_fast"), [(760.0, 1), (780.0, 0)])
def test_response_times_are_too_fast_from_the_end_of_the_masks(rt_ms, n_fast):
    timed = EvaluatorAnswers(
        *np.ones((2, 3), bool), rt_ms=np.full(3, rt_ms), planned_ms=np.full(3, 500)
    )

    found = response_times([timed], rng=np.random.default_rng(1), masks_ms=120.0)

    assert found.n_fast_evaluators == n_fast
    assert found.median_ms.value == rt_ms


@pytest.mark.parametrize(
    "people", [[], [EvaluatorAnswers(np.ones(1, bool), np.ones(1, bool))]]
)
def test_response_times_unknown_have_no_value(people):
    found = response_times(people, rng=np.random.default_rng(1))

    assert found.median_ms.value is None
    assert found.wrong_ms.value is None

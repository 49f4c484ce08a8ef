import numpy as np
import pytest

from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.images import image_rates


def people(rates, *, n_people, rng):
    sample = np.arange(len(rates))
    truth = np.zeros(len(rates), dtype=bool)
    return [
        EvaluatorAnswers(truth, rng.random(len(rates)) < rates, sample)
        for _ in range(n_people)
    ]


def test_image_rates_recover_the_distribution_of_the_images():
    rng = np.random.default_rng(1)
    true = rng.beta(2, 6, 400)

    found = image_rates(people(true, n_people=15, rng=rng), of_real=False)

    assert found.mean == pytest.approx(0.25, abs=0.03)
    # A beta(2, 6) has concentration 8; 400 images fix it to about 15 %.
    assert found.concentration == pytest.approx(8, rel=0.45)
    covered = np.mean((found.low <= true) & (true <= found.high))
    assert covered == pytest.approx(0.95, abs=0.04)


def test_image_rates_shrink_and_so_err_less_than_raw_shares():
    rng = np.random.default_rng(2)
    true = rng.beta(2, 6, 300)

    found = image_rates(people(true, n_people=4, rng=rng), of_real=False)

    raw = found.n_wrong / found.n_judged
    assert np.mean((found.rate - true) ** 2) < 0.6 * np.mean((raw - true) ** 2)
    assert found.rate.min() > 0


def test_image_rates_of_equal_images_lie_on_their_mean():
    rng = np.random.default_rng(3)

    found = image_rates(people(np.full(200, 0.3), n_people=20, rng=rng), of_real=False)

    assert found.rate.std() < 0.03


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_image_rates_of_all_right_and_all_wrong_are_finite(rate):
    rng = np.random.default_rng(4)

    found = image_rates(people(np.full(5, rate), n_people=3, rng=rng), of_real=False)

    assert np.isfinite([found.rate, found.low, found.high]).all()
    assert abs(found.rate - rate).max() < 0.1


def test_image_rates_of_images_seen_once_are_their_mean():
    truth = np.zeros(4, dtype=bool)
    person = EvaluatorAnswers(
        truth, np.array([True, False, False, False]), np.arange(4)
    )

    found = image_rates([person], of_real=False)

    # (1 + 0.5) / (4 + 1), and a concentration that lets one judgment move nothing.
    assert found.rate == pytest.approx([0.3] * 4, abs=1e-4)


def test_image_rates_without_images_are_none():
    truth = np.zeros(1, dtype=bool)

    assert image_rates([], of_real=True) is None
    assert (
        image_rates([EvaluatorAnswers(truth, truth, np.arange(1))], of_real=True)
        is None
    )

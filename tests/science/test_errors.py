import numpy as np
import pytest
from scipy.special import ndtr

from hypeweb.science.answers import EvaluatorAnswers, class_cells
from hypeweb.science.errors import error_replicates, images_are_shared


def study(*, pool, rng, n_evaluators=30, n_each=50):
    """Probit evaluators and images; the true error is ndtr(-0.6 / sqrt(1 + sum))."""
    hard = rng.normal(0, 0.6, 2 * pool)
    people = []
    for lean in rng.normal(0, 0.35, n_evaluators):
        sample = np.concatenate(
            [rng.choice(pool, n_each, replace=False) + part * pool for part in (0, 1)]
        )
        truth = np.repeat([False, True], n_each)
        wrong = rng.random(2 * n_each) < ndtr(-0.6 + lean + hard[sample])
        people.append(EvaluatorAnswers(truth, truth ^ wrong, sample))
    return people


TRUE_ERROR = ndtr(-0.6 / np.sqrt(1 + 0.35**2 + 0.6**2))


@pytest.mark.slow
@pytest.mark.parametrize("pool", [5000, 200, 100])
def test_two_way_interval_covers_the_truth_in_19_of_20_studies(pool):
    rng = np.random.default_rng(11)
    n_studies, covered = 300, 0
    for _ in range(n_studies):
        drawn = error_replicates(study(pool=pool, rng=rng), rng=rng, n_bootstrap=400)
        low, high = np.quantile(drawn.replicates[:, 2], [0.025, 0.975])
        covered += low <= TRUE_ERROR <= high

    # 95 % of 300 studies with three standard errors (1.26 points each). The full run
    # of 2,000 studies is in tests/bench/science.py.
    assert 0.912 <= covered / n_studies <= 0.988


def test_two_way_variance_is_what_a_crossed_simulation_shows():
    rng = np.random.default_rng(12)
    runs = [
        error_replicates(study(pool=50, rng=rng), rng=rng, n_bootstrap=200)
        for _ in range(150)
    ]

    scores = np.array([run.values[2] for run in runs])
    claimed = np.sqrt(np.mean([run.replicates[:, 2].var() for run in runs]))

    # The standard deviation of 150 scores is off by 6 %; the widening adds 4 %.
    assert claimed == pytest.approx(scores.std(), rel=0.2)


def test_images_seen_once_add_no_variance():
    rng = np.random.default_rng(13)
    people = study(pool=50, rng=rng)
    apart = [
        EvaluatorAnswers(p.truth, p.said_real, p.sample + 1000 * number)
        for number, p in enumerate(people)
    ]

    one_way = error_replicates(apart, rng=rng, resample="evaluators")
    two_way = error_replicates(apart, rng=rng, resample="evaluators-and-images")

    # n / (n - 1) and the t quantile widen by 6 % at 30 evaluators.
    ratio = two_way.replicates[:, 2].std() / one_way.replicates[:, 2].std()
    assert ratio == pytest.approx(1.06, abs=0.03)


@pytest.mark.parametrize(
    ("limit", "resample"),
    [
        ("hypeweb.science.bootstrap.MANY_EVALUATORS", "evaluators"),
        ("hypeweb.science.errors.MANY_CELLS", "auto"),
    ],
)
def test_very_large_arms_get_normal_replicates_of_the_same_spread(
    monkeypatch, limit, resample
):
    rng = np.random.default_rng(14)
    people = study(pool=100, rng=rng, n_evaluators=60)
    drawn = error_replicates(people, rng=rng, resample=resample)
    monkeypatch.setattr(limit, 1)

    normal = error_replicates(people, rng=rng, resample=resample)

    assert normal.replicates.mean(axis=0) == pytest.approx(normal.values, abs=0.002)
    assert normal.replicates.std(axis=0) == pytest.approx(
        drawn.replicates.std(axis=0), rel=0.06
    )


def test_images_are_shared_only_between_evaluators():
    truth = np.array([True, True])
    twice = EvaluatorAnswers(truth, truth, np.array([7, 7]))
    other = EvaluatorAnswers(truth, truth, np.array([8, 9]))

    assert not images_are_shared([])
    assert not images_are_shared([twice, other])
    assert images_are_shared([twice, other, other])
    assert not images_are_shared([twice, EvaluatorAnswers(truth, truth)])


def test_class_cells_count_repeats_in_one_cell():
    answers = EvaluatorAnswers(
        truth=np.array([True, True, False]),
        said_real=np.array([False, True, False]),
        sample=np.array([5, 5, 2]),
    )

    cells = class_cells([answers], of_real=True)

    assert cells.table().tolist() == [[[1.0]], [[2.0]]]
    assert cells.image_ids.tolist() == [5]

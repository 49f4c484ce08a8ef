import numpy as np
import pytest

from metrics.prd import f_score, precision_recall_curve


def rng():
    return np.random.default_rng(5)


def modes(chosen, n_each=40, seed=0):
    # Far apart, so that clusters and modes agree.
    centres = 100 * np.random.default_rng(99).normal(size=(20, 8))
    noise = np.random.default_rng(seed).normal(size=(len(chosen) * n_each, 8))
    return np.repeat(centres[list(chosen)], n_each, axis=0) + noise


def curve_of(real, fake, **settings):
    return precision_recall_curve(real, fake, rng=rng(), **settings)


def test_equal_sets_have_full_scores():
    features = modes(range(5))

    found = curve_of(features, features.copy(), n_clusters=5)

    assert found.f8 == pytest.approx(1, abs=1e-6)
    assert found.f1_8 == pytest.approx(1, abs=1e-6)
    assert found.precision.shape == found.recall.shape == (1001,)


def test_sets_apart_have_none():
    found = curve_of(modes(range(4)), modes(range(4, 8)), n_clusters=8)

    assert found.f8 == found.f1_8 == 0


def test_dropped_modes_cost_recall_and_not_precision():
    # Half of the modes, each sampled twice as often: of the worked example of the
    # method's paper, precision may be 1 at recall 1/2.
    real, fake = modes(range(8)), modes(range(4), n_each=80, seed=1)

    found = curve_of(real, fake, n_clusters=8, n_runs=20)

    # Runs that split a mode in two blur it.
    assert found.f1_8 == pytest.approx(64 / 64.5 * 65 / 65, abs=0.02)
    assert found.f8 == pytest.approx(65 * 0.5 / (64 + 0.5), abs=0.03)


def test_invented_modes_cost_precision():
    real, fake = modes(range(4), n_each=80), modes(range(8), seed=1)

    found = curve_of(real, fake, n_clusters=8, n_runs=20)

    assert found.f8 > 0.95
    assert found.f1_8 == pytest.approx(65 * 0.5 / (64 + 0.5), abs=0.03)


def test_curve_trades_one_for_the_other():
    found = curve_of(modes(range(5)), modes(range(2, 7), seed=1), n_clusters=7)

    assert (np.diff(found.precision) >= -1e-12).all()
    assert (np.diff(found.recall) <= 1e-12).all()
    assert 0 <= found.precision.min() <= found.precision.max() <= 1


def test_f_score_is_the_largest_on_the_curve():
    precision, recall = np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, 0.4])

    assert f_score(precision, recall, beta=1) == pytest.approx(2 * 0.5 / 1.5)
    assert f_score(precision, recall, beta=8) == pytest.approx(65 * 0.5 / 33)
    assert f_score(np.zeros(2), np.zeros(2), beta=8) == 0


def test_replicates_spread_around_the_scores():
    real, fake = modes(range(6)), modes(range(4), n_each=60, seed=1)

    found = curve_of(real, fake, n_clusters=6, n_replicates=100)

    assert found.f8_replicates.shape == found.f1_8_replicates.shape == (100,)
    assert abs(found.f8_replicates.mean() - found.f8) < 5 * found.f8_replicates.std()
    assert found.f8_replicates.std() > 0


def test_same_seed_gives_the_same_numbers():
    arguments = modes(range(5)), modes(range(3), seed=1)

    first, second = (curve_of(*arguments, n_clusters=5) for _ in "ab")

    assert (first.f8, first.f1_8) == (second.f8, second.f1_8)


def test_curve_says_what_is_wrong():
    with pytest.raises(ValueError, match=r"number of images, 8, got 20$"):
        curve_of(np.ones((4, 2)), np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"^real and features2 must|equally many"):
        curve_of(np.ones((30, 2)), np.ones((30, 3)))
    with pytest.raises(ValueError, match=r"^fake must be finite"):
        curve_of(np.ones((30, 2)), np.full((30, 2), np.nan))

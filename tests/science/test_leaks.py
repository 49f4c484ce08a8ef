import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hypeweb.science.leaks import (
    Auc,
    ClassHistogram,
    class_histogram,
    cross_validated_auc,
    fit_logistic,
    measure_auc,
    stratified_folds,
)


def classes(n_real, n_generated):
    return np.arange(n_real + n_generated) < n_real


def shifted(rng, *, n, shift, n_features=3):
    """Standard normal features, the reals' first one moved."""
    features = rng.standard_normal((2 * n, n_features))
    features[:n, 0] += shift
    return features, classes(n, n)


def test_auc_counts_pairs_and_ties_half():
    values = np.array([3.0, 2.0, 2.0, 1.0])
    # 3>2, 3>1, 2=2, 2>1: three and a half of four pairs
    found = measure_auc(values, np.array([True, True, False, False]))
    assert found.value == pytest.approx(3.5 / 4)


def test_auc_is_scikit_learns():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 6, 200).astype(float)
    is_real = rng.random(200) < 0.3
    expected = roc_auc_score(is_real, values)
    assert measure_auc(values, is_real).value == pytest.approx(expected, abs=1e-12)


def test_auc_of_a_constant_is_exactly_a_half():
    assert measure_auc(np.ones(8), classes(4, 4)) == Auc(0.5, 0.5, 0.5)


def test_interval_is_delongs():
    """Against the textbook's double sum over all pairs."""
    rng = np.random.default_rng(1)
    real, generated = rng.normal(0.4, 1, 30), rng.normal(0, 1, 20)
    kernel = (real[:, None] > generated) * 1.0
    variance = kernel.mean(axis=1).var(ddof=1) / 30
    variance += kernel.mean(axis=0).var(ddof=1) / 20
    found = measure_auc(np.concatenate([real, generated]), classes(30, 20))
    assert found.value == pytest.approx(kernel.mean())
    assert found.high - found.value == pytest.approx(1.959964 * variance**0.5)


def test_separation_ignores_the_direction():
    assert Auc(0.3, 0.2, 0.4).separation == Auc(0.7, 0.6, 0.8)
    assert Auc(0.6, 0.5, 0.7).separation == Auc(0.6, 0.5, 0.7)


@pytest.mark.parametrize(
    ("auc", "expected"),
    [
        (Auc(0.56, 0.51, 0.61), True),
        (Auc(0.55, 0.54, 0.56), False),  # real, and small enough
        (Auc(0.62, 0.49, 0.75), False),  # large, and maybe chance
        (Auc(0.3, 0.2, 0.4), False),
    ],
)
def test_both_value_and_interval_must_exceed(auc, expected):
    assert auc.exceeds() is expected


@pytest.mark.parametrize("penalty", [0.3, 1.0, 10.0])
def test_logistic_regression_is_scikit_learns(penalty):
    features, is_real = shifted(np.random.default_rng(2), n=60, shift=1.0)
    peer = LogisticRegression(C=1 / penalty, tol=1e-12, max_iter=10_000)
    peer.fit(features, is_real)
    found = fit_logistic(features, is_real, penalty=penalty)
    # scikit-learn stops at a gradient of about 1e-6 per image
    np.testing.assert_allclose(found.weights, peer.coef_[0], atol=1e-4)
    assert found.intercept == pytest.approx(peer.intercept_[0], abs=1e-4)


def test_logistic_regression_is_at_its_minimum():
    features, is_real = shifted(np.random.default_rng(3), n=40, shift=0.5)
    found = fit_logistic(features, is_real)
    chance = 1 / (1 + np.exp(-found.log_odds(features)))
    gradient = features.T @ (chance - is_real) + found.weights
    np.testing.assert_allclose(gradient, 0, atol=1e-9)
    assert (chance - is_real).sum() == pytest.approx(0, abs=1e-9)


def test_logistic_regression_of_separable_classes_is_finite():
    values = np.r_[np.ones(20), -np.ones(20)][:, None] * 1e3
    found = fit_logistic(values, classes(20, 20))
    assert np.isfinite(found.weights).all()
    assert (found.log_odds(values)[:20] > 0).all()


def test_cross_validation_is_scikit_learns():
    features, is_real = shifted(np.random.default_rng(4), n=80, shift=0.8)
    found = cross_validated_auc(features, is_real, rng=np.random.default_rng(5))
    folds = stratified_folds(is_real, rng=np.random.default_rng(5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = cross_val_score(
            make_pipeline(StandardScaler(), LogisticRegression(C=1.0, tol=1e-10)),
            features,
            is_real,
            cv=PredefinedSplit(folds),
            scoring="roc_auc",
        )
    # one swapped pair in a fold of 16 by 16 would be 8e-4
    assert found.value == pytest.approx(expected.mean(), abs=2e-4)


def test_separable_classes_are_told_apart():
    features, is_real = shifted(np.random.default_rng(6), n=15, shift=50.0)
    found = cross_validated_auc(features, is_real, rng=np.random.default_rng(0))
    assert found.value == 1.0
    assert found.exceeds()


def test_scale_and_constant_features_change_nothing():
    features, is_real = shifted(np.random.default_rng(7), n=30, shift=0.7)
    other = np.column_stack([features * [1e6, 1e-6, 3.0] + 40, np.full(60, 7.0)])
    first, second = (
        cross_validated_auc(table, is_real, rng=np.random.default_rng(1))
        for table in (features, other)
    )
    assert first.value == pytest.approx(second.value)
    assert first.low == pytest.approx(second.low)


def test_nothing_that_varies_is_exactly_a_half():
    found = cross_validated_auc(
        np.ones((20, 3)), classes(10, 10), rng=np.random.default_rng(0)
    )
    assert found == Auc(0.5, 0.5, 0.5)


def test_a_feature_of_one_image_alone_is_harmless():
    """It does not vary in the folds that are fitted without it."""
    features = np.zeros((20, 1))
    features[3] = 1
    found = cross_validated_auc(
        features, classes(10, 10), rng=np.random.default_rng(0), n_permutations=5
    )
    assert 0.4 < found.value < 0.6


def test_the_same_seed_gives_the_same_numbers():
    features, is_real = shifted(np.random.default_rng(8), n=20, shift=0.3)
    first, again = (
        cross_validated_auc(features, is_real, rng=np.random.default_rng(9))
        for _ in range(2)
    )
    assert first == again


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 40])
def test_no_signal_is_a_false_alarm_in_one_of_forty(n):
    rng = np.random.default_rng(10)
    n_studies, alarms, above = 80, 0, 0
    for _ in range(n_studies):
        features, is_real = shifted(rng, n=n, shift=0.0)
        found = cross_validated_auc(features, is_real, rng=rng, n_permutations=20)
        alarms += found.exceeds()
        above += found.value > 0.55
    # 2.5 % planned; 8 of 80 or more would come by chance once in 700 runs
    assert alarms <= 7
    # what the threshold alone would do
    assert above > 0.2 * n_studies


@pytest.mark.slow
def test_a_real_leak_is_found_in_forty_images():
    rng = np.random.default_rng(11)
    found = [
        cross_validated_auc(*shifted(rng, n=40, shift=1.2), rng=rng, n_permutations=25)
        for _ in range(20)
    ]
    assert sum(auc.exceeds() for auc in found) >= 18


@pytest.mark.parametrize(("n_real", "n_generated"), [(10, 10), (11, 23), (5, 100)])
def test_folds_share_out_either_class_evenly(n_real, n_generated):
    is_real = classes(n_real, n_generated)
    folds = stratified_folds(is_real, rng=np.random.default_rng(0))
    for of_class in (is_real, ~is_real):
        counts = np.bincount(folds[of_class], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_histogram_has_shared_bins_and_every_image():
    values = np.array([0.0, 1.0, 1.0, 4.0, 2.0])
    found = class_histogram(values, classes(3, 2), n_bins=4)
    assert found == ClassHistogram(
        edges=(0.0, 1.0, 2.0, 3.0, 4.0),
        real=(1, 2, 0, 0),
        generated=(0, 0, 1, 1),
    )


def test_histogram_of_a_constant_has_one_bin():
    found = class_histogram(np.full(5, 3.0), classes(3, 2))
    assert found == ClassHistogram(edges=(2.5, 3.5), real=(3,), generated=(2,))


@pytest.mark.parametrize(
    ("values", "is_real", "sentence"),
    [
        (np.ones(3), classes(2, 2), "one row and one class per image"),
        (np.array([1.0, np.nan]), classes(1, 1), "must be finite"),
        (np.ones(3), classes(3, 0), "got one class"),
    ],
)
def test_what_cannot_be_measured_is_refused(values, is_real, sentence):
    with pytest.raises(ValueError, match=sentence):
        measure_auc(values, is_real)


def test_too_few_images_for_the_folds_are_refused():
    with pytest.raises(ValueError, match="between 2 and the 4 images"):
        cross_validated_auc(
            np.arange(10.0)[:, None], classes(4, 6), rng=np.random.default_rng(0)
        )


def test_a_penalty_of_nothing_is_refused():
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        fit_logistic(np.ones((4, 1)), classes(2, 2), penalty=0)

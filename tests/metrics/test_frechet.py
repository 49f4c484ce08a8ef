import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.frechet import (
    covariance_factor,
    frechet_distance,
    frechet_distance_of_features,
    frechet_distance_univariate,
    moments,
    nuclear_norm,
)


def reference(mean1, cov1, mean2, cov2):
    # The textbook form with a dense root, fine at full rank and good condition.
    root = scipy.linalg.sqrtm(cov1 @ cov2).real
    return ((mean1 - mean2) ** 2).sum() + np.trace(cov1 + cov2 - 2 * root)


def features_of(n_images, n_columns, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_columns, n_columns))
    features = rng.normal(size=(n_images, n_columns)) @ mixing + rng.normal(
        size=n_columns
    )
    return features.astype(dtype)


def test_distance_is_the_textbook_form():
    gauss1, gauss2 = (moments(features_of(300, 20, seed)) for seed in (1, 2))
    arguments = gauss1.mean, gauss1.cov, gauss2.mean, gauss2.cov

    # The reference's own root is good to about 1e-12 at this condition number.
    assert frechet_distance(*arguments) == pytest.approx(
        reference(*arguments), rel=1e-10
    )


def test_shifted_unit_gaussians_are_as_far_as_their_means():
    zeros, ones, eye = np.zeros(64), np.ones(64), np.eye(64)

    assert frechet_distance(zeros, eye, ones, eye) == pytest.approx(64, rel=1e-14)


def test_commuting_covariances_have_a_closed_form():
    variances1, variances2 = np.linspace(1e-6, 9, 30), np.linspace(4, 1e-8, 30)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(30, 30)))
    mean = np.zeros(30)

    found = frechet_distance(
        mean,
        (rotation * variances1) @ rotation.T,
        mean,
        (rotation * variances2) @ rotation.T,
    )

    expected = ((np.sqrt(variances1) - np.sqrt(variances2)) ** 2).sum()
    assert found == pytest.approx(expected, rel=1e-12)


def test_singular_commuting_covariances_keep_their_digits():
    # A dense root is off by 1e-6 here, or has an imaginary part.
    variances1 = np.r_[np.linspace(1, 9, 10), np.zeros(20)]
    variances2 = np.r_[np.zeros(5), np.linspace(2, 4, 10), np.zeros(15)]
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(30, 30)))
    mean = np.zeros(30)

    found = frechet_distance(
        mean,
        (rotation * variances1) @ rotation.T,
        mean,
        (rotation * variances2) @ rotation.T,
    )

    expected = ((np.sqrt(variances1) - np.sqrt(variances2)) ** 2).sum()
    assert found == pytest.approx(expected, rel=1e-8)


def test_zero_covariances_leave_the_means():
    zeros, mean = np.zeros((3, 3)), np.array([3.0, 4.0, 0.0])

    assert frechet_distance(np.zeros(3), zeros, mean, zeros) == 25.0
    assert frechet_distance(np.zeros(3), np.eye(3), mean, zeros) == pytest.approx(28)


def test_wide_spectra_agree_with_the_factored_route():
    # Eigenvalues over 14 decades in the product, as deep features have them.
    rng = np.random.default_rng(0)
    scales = np.exp(-np.linspace(0, 8, 60))
    features = [rng.normal(size=(400, 60)) * scales * s for s in (1.0, 1.05)]
    gauss1, gauss2 = map(moments, features)

    found = frechet_distance(gauss1.mean, gauss1.cov, gauss2.mean, gauss2.cov)

    centred = [(f - f.mean(axis=0)) / np.sqrt(399) for f in features]
    exact = (
        ((gauss1.mean - gauss2.mean) ** 2).sum()
        + sum((c**2).sum() for c in centred)
        - 2 * nuclear_norm(*centred)
    )
    assert found == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize(
    ("count1", "count2"), [(100, 100), (30, 30), (12, 100), (100, 12), (20, 20), (2, 2)]
)
def test_features_give_the_distance_of_their_moments(count1, count2):
    features1, features2 = features_of(count1, 20, 1), features_of(count2, 20, 2)
    gauss1, gauss2 = moments(features1), moments(features2)

    found = frechet_distance_of_features(features1, features2)

    # Through singular covariances some digits are lost to their eigenvectors.
    assert found == pytest.approx(
        frechet_distance(gauss1.mean, gauss1.cov, gauss2.mean, gauss2.cov), rel=1e-8
    )


def test_float32_features_are_not_summed_in_float32():
    features = [features_of(500, 10, seed, np.float32) for seed in (1, 2)]

    found = frechet_distance_of_features(*features)

    wide = frechet_distance_of_features(*(f.astype(np.float64) for f in features))
    assert found == pytest.approx(wide, rel=1e-13)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    counts=st.tuples(st.integers(2, 30), st.integers(2, 30)),
    n_columns=st.integers(1, 12),
)
def test_distance_is_symmetric_rotates_and_scales(seed, counts, n_columns):
    features1 = features_of(counts[0], n_columns, seed)
    features2 = features_of(counts[1], n_columns, seed + 1)
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(n_columns, n_columns)))

    distance = frechet_distance_of_features(features1, features2)

    same = pytest.approx(distance, rel=1e-7, abs=1e-9)
    assert distance >= 0
    assert frechet_distance_of_features(features2, features1) == same
    order = rng.permutation(len(features1))
    assert frechet_distance_of_features(features1[order], features2) == same
    assert (
        frechet_distance_of_features(features1 @ rotation, features2 @ rotation) == same
    )
    assert (
        frechet_distance_of_features(3 * features1 + 1, 3 * features2 + 1) / 9 == same
    )


@pytest.mark.parametrize("n_images", [5, 20, 21, 200])
def test_a_set_is_at_no_distance_from_itself(n_images):
    features = features_of(n_images, 20, 0)
    spread = np.trace(np.cov(features, rowvar=False))

    # What remains is rounding of the traces.
    assert frechet_distance_of_features(features, features) <= 1e-12 * spread


def test_covariance_factor_restores_the_covariance():
    full = moments(features_of(50, 6, 0)).cov
    singular = moments(features_of(4, 6, 0)).cov

    for cov, n_rows in ((full, 6), (singular, 3)):
        factor = covariance_factor(cov)
        assert factor.shape == (n_rows, 6)
        np.testing.assert_allclose(factor.T @ factor, cov, atol=1e-12)


def test_univariate_distance_looks_at_each_feature_alone():
    features1 = np.array([[0.0, 1.0], [2.0, 1.0]])
    features2 = np.array([[1.0, 3.0], [3.0, 5.0]])

    found = frechet_distance_univariate(features1, features2)

    np.testing.assert_allclose(found, [1.0, 9.0 + 2.0])


def test_distance_says_what_is_wrong():
    eye, zeros = np.eye(2), np.zeros(2)

    with pytest.raises(ValueError, match=r"^mean1 and cov1 must have shapes \(d,\)"):
        frechet_distance(np.zeros(3), eye, zeros, eye)
    with pytest.raises(ValueError, match=r"must have the same length, got 2 and 3$"):
        frechet_distance(zeros, eye, np.zeros(3), np.eye(3))
    with pytest.raises(ValueError, match=r"^mean2 and cov2 must be finite, got NaN"):
        frechet_distance(zeros, eye, np.array([0, np.nan]), eye)
    with pytest.raises(ValueError, match=r"equally many columns, got 2 and 3$"):
        frechet_distance_of_features(np.ones((4, 2)), np.ones((4, 3)))
    with pytest.raises(
        ValueError, match=r"^features2 must have at least 2 rows, got 1"
    ):
        frechet_distance_univariate(np.ones((4, 2)), np.ones((1, 2)))

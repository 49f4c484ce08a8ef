import numpy as np
import pytest
from scipy.spatial.distance import cdist

from metrics.feature_distance import (
    mean_cosine_distance,
    mean_euclidean_distance,
    mean_feature_distance,
    nearest_real,
)


def features_of(n_images, n_columns=16, seed=0):
    rng = np.random.default_rng(seed)
    return (1 + rng.normal(size=(n_images, n_columns))).astype(np.float32)


def test_mean_distance_is_between_the_means():
    features1 = np.array([[0.0, 0.0], [2.0, 0.0]])
    features2 = np.array([[1.0, 5.0], [7.0, 3.0]])

    assert mean_feature_distance(features1, features2) == 5
    assert mean_feature_distance(features1, features1) == 0


def test_euclidean_mean_is_over_all_pairs():
    features1, features2 = features_of(30), features_of(20, seed=1)

    found = mean_euclidean_distance(features1, features2)

    distances = cdist(features1, features2)
    # Rounding of float32 distances averages out.
    assert found.value == pytest.approx(distances.mean(), rel=1e-6)
    np.testing.assert_allclose(found.of_images1, distances.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(found.of_images2, distances.mean(axis=0), rtol=1e-5)


def test_cosine_mean_is_over_all_pairs():
    features1, features2 = features_of(30), features_of(20, seed=1)

    found = mean_cosine_distance(features1, features2)

    distances = cdist(
        features1.astype(np.float64), features2.astype(np.float64), "cosine"
    )
    assert found.value == pytest.approx(distances.mean(), rel=1e-12)
    np.testing.assert_allclose(found.of_images1, distances.mean(axis=1), rtol=1e-10)
    np.testing.assert_allclose(found.of_images2, distances.mean(axis=0), rtol=1e-10)
    assert mean_cosine_distance(features1, 3 * features1).value == pytest.approx(
        mean_cosine_distance(features1, features1).value
    )


def test_nearest_real_is_the_naive_one():
    real, fake = features_of(40), features_of(30, seed=1)
    across, own = cdist(fake, real), cdist(real, real)
    np.fill_diagonal(own, np.inf)

    found = nearest_real(real, fake)

    np.testing.assert_allclose(found.distances, across.min(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(found.indices, across.argmin(axis=1))
    assert found.median == np.median(found.distances)
    authentic = across.min(axis=1) > own.min(axis=1)[across.argmin(axis=1)]
    np.testing.assert_array_equal(found.is_authentic, authentic)
    assert found.authenticity == authentic.mean()


def test_copies_are_not_authentic():
    real = features_of(40)

    found = nearest_real(real, real[:10])

    assert found.authenticity == 0
    assert found.median == 0
    np.testing.assert_array_equal(found.indices, np.arange(10))


def test_fresh_samples_are_authentic_about_half_of_the_time():
    found = nearest_real(features_of(1500, 4), features_of(1500, 4, 1))

    # The nearer of two exchangeable distances; four standard errors.
    assert found.authenticity == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(1500) + 0.1)


def test_distances_say_what_is_wrong():
    few = features_of(4)

    with pytest.raises(ValueError, match=r"^features must have no zero row .* 1 of 4$"):
        mean_cosine_distance(few, few * (np.arange(4) > 0)[:, np.newaxis])
    with pytest.raises(ValueError, match=r"^real must have at least 2 rows, got 1$"):
        nearest_real(few[:1], few)
    with pytest.raises(ValueError, match=r"equally many columns, got 16 and 3$"):
        mean_euclidean_distance(few, features_of(4, 3))
    with pytest.raises(ValueError, match=r"^features1 must be finite"):
        mean_feature_distance(few * np.inf, few)

import numpy as np
import pytest

from metrics.extrapolation import (
    fit_line,
    frechet_distance_infinity,
    inception_score_infinity,
    subset_sizes,
)
from metrics.frechet import frechet_distance_of_features
from metrics.inception_score import inception_score


def features_of(n_images, n_columns=6, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return scale * rng.normal(size=(n_images, n_columns)) + scale


def rng():
    return np.random.default_rng(5)


def test_line_is_the_least_squares_line():
    sizes = np.array([10, 20, 40, 80])
    noise = np.array([0.1, -0.2, 0.05, 0.0])

    found = fit_line(sizes, 3 + 7 / sizes + noise)

    slope, intercept = np.polyfit(1 / sizes, 3 + 7 / sizes + noise, 1)
    assert found.value == pytest.approx(intercept, rel=1e-12)
    assert found.slope == pytest.approx(slope, rel=1e-12)


def test_sizes_follow_the_published_rule():
    np.testing.assert_array_equal(
        subset_sizes(100_000, n_points=3), [5000, 52_500, 100_000]
    )
    np.testing.assert_array_equal(subset_sizes(1000, n_points=3), [100, 550, 1000])


@pytest.mark.parametrize("n_reference", [4, 200])
@pytest.mark.parametrize("n_columns", [6, 40])
def test_every_point_is_the_distance_of_a_nested_subset(n_columns, n_reference):
    reference = features_of(n_reference, n_columns)
    features = features_of(150, n_columns, 1, 1.2)
    order = rng().permutation(150)

    found = frechet_distance_infinity(reference, features, rng=rng(), n_points=5)

    expected = [
        frechet_distance_of_features(reference, features[order[:size]])
        for size in found.sizes
    ]
    np.testing.assert_allclose(found.scores, expected, rtol=1e-9)
    line = fit_line(found.sizes, np.array(expected))
    assert found.value == pytest.approx(line.value, rel=1e-8)


def test_equal_reference_images_have_a_line_too():
    reference = np.ones((30, 6))
    features = features_of(150, 6, 1)

    found = frechet_distance_infinity(reference, features, rng=rng())

    assert found.scores[-1] == pytest.approx(
        frechet_distance_of_features(reference, features), rel=1e-12
    )


def test_extrapolation_removes_most_of_the_bias():
    reference = features_of(20_000, 10)
    values, plain = [], []
    for seed in range(20):
        features = features_of(400, 10, seed + 1)
        found = frechet_distance_infinity(reference, features, rng=rng())
        values.append(found.value)
        plain.append(found.scores[-1])

    # Both samples are of one distribution, whose distance is 0.
    assert abs(np.mean(values)) < np.mean(plain) / 4


def test_score_points_are_scores_of_nested_subsets():
    logits = np.random.default_rng(0).normal(0, 3, size=(80, 5))
    order = rng().permutation(80)

    found = inception_score_infinity(logits, rng=rng(), n_points=4)

    expected = [
        inception_score(logits[order[:size]], n_splits=1).mean for size in found.sizes
    ]
    np.testing.assert_allclose(found.scores, expected, rtol=1e-12)


def test_same_seed_gives_the_same_number():
    arguments = features_of(50), features_of(60, seed=1)

    first, second = (frechet_distance_infinity(*arguments, rng=rng()) for _ in "ab")

    assert first.value == second.value


def test_extrapolation_says_what_is_wrong():
    with pytest.raises(ValueError, match=r"got 15 sizes from 16 images$"):
        frechet_distance_infinity(features_of(9), features_of(16), rng=rng())
    with pytest.raises(ValueError, match=r"got 1 sizes from 100 images$"):
        inception_score_infinity(features_of(100), rng=rng(), n_points=1)
    with pytest.raises(ValueError, match=r"^reference must be finite"):
        frechet_distance_infinity(features_of(30) * np.nan, features_of(30), rng=rng())

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

import metrics.neighbours
import metrics.pairs
from metrics.precision_recall import precision_recall_density_coverage


def naive(real, fake, k_precision=3, k_density=5):
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    within_real = np.sort(cdist(real, real), axis=1)
    within_fake = np.sort(cdist(fake, fake), axis=1)
    across = cdist(fake, real)
    real_balls = across <= within_real[:, k_precision]
    fake_balls = across <= within_fake[:, [k_precision]]
    density_balls = across < within_real[:, k_density]
    return (
        real_balls.any(axis=1).mean(),
        fake_balls.any(axis=0).mean(),
        density_balls.sum(axis=1).mean() / k_density,
        density_balls.any(axis=0).mean(),
    )


def numbers(manifold):
    return manifold.precision, manifold.recall, manifold.density, manifold.coverage


def features_of(n_images, n_columns=8, seed=0, scale=1.0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return (scale * rng.normal(size=(n_images, n_columns))).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_columns", [2, 64])
def test_numbers_are_the_naive_ones(n_columns, dtype):
    real = features_of(150, n_columns, dtype=dtype)
    fake = features_of(120, n_columns, 1, 0.9, dtype)

    found = precision_recall_density_coverage(real, fake)

    assert numbers(found) == pytest.approx(naive(real, fake), abs=1e-12)


def test_numbers_are_means_of_what_images_contribute():
    found = precision_recall_density_coverage(features_of(50), features_of(40, seed=1))

    assert found.fake_is_inside.mean() == found.precision
    assert found.real_is_inside.mean() == found.recall
    assert found.n_balls.mean() / found.k_density == pytest.approx(found.density)
    assert found.real_is_covered.mean() == found.coverage


def test_precision_and_recall_change_places_with_the_sides():
    set1, set2 = features_of(60), features_of(50, seed=1, scale=0.7)

    found = precision_recall_density_coverage(set1, set2)
    swapped = precision_recall_density_coverage(set2, set1)

    assert (found.precision, found.recall) == (swapped.recall, swapped.precision)


def test_a_collapsed_generator_is_precise_and_covers_nothing():
    real = features_of(100, 16)
    fake = real[:1] + features_of(100, 16, seed=1, scale=1e-3)

    found = precision_recall_density_coverage(real, fake)

    # All samples lie in the one real image's ball, and its four neighbours' perhaps.
    assert found.precision == 1
    assert found.recall <= 0.01
    assert found.coverage <= 0.2
    assert found.density >= 1 / 5


def test_equal_sets_score_one():
    features = features_of(80, 64)

    found = precision_recall_density_coverage(features, features.copy())

    # An open ball holds its centre and k - 1 neighbours: k images.
    assert numbers(found) == (1, 1, 1, 1)


def test_sets_apart_score_zero():
    found = precision_recall_density_coverage(features_of(20), features_of(20) + 99)

    assert numbers(found) == (0, 0, 0, 0)


def test_copies_of_real_images_lie_on_balls_of_no_size():
    # Four copies of each: the third neighbour is a copy too, and the radius zero.
    real = np.repeat(features_of(10), 4, axis=0)

    closed = precision_recall_density_coverage(real, real, k_density=3)
    opened = precision_recall_density_coverage(real, real, k_density=3, boundary="open")

    assert numbers(closed) == (1, 1, 0, 0)
    assert numbers(opened) == (0, 0, 0, 0)


def test_worked_example():
    # Balls with k = 1 on a line: 0 and 1 reach 1, 5 reaches 4; 0.5 lies in two of
    # them, 9 on the edge of the last, 20 in none.
    real = np.array([[0.0], [1.0], [5.0]])
    fake = np.array([[0.5], [9.0], [20.0]])

    found = precision_recall_density_coverage(real, fake, k_precision=1, k_density=1)

    # Generated balls reach 8.5, 8.5 and 11; all real images lie in the first.
    assert numbers(found) == pytest.approx((2 / 3, 1, 2 / 3, 2 / 3))
    np.testing.assert_array_equal(found.n_balls, [2, 0, 0])


def test_blocks_and_order_do_not_change_the_result(monkeypatch):
    real, fake = features_of(100, 32), features_of(90, 32, 1)
    whole = precision_recall_density_coverage(real, fake)

    for module in (metrics.pairs, metrics.neighbours):
        monkeypatch.setattr(module, "BLOCK_ROWS", 13)
    parts = precision_recall_density_coverage(real[::-1], fake[::-1])

    assert numbers(parts) == numbers(whole)
    np.testing.assert_array_equal(parts.n_balls[::-1], whole.n_balls)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1000),
    counts=st.tuples(*2 * [st.integers(4, 30)]),
    k=st.integers(1, 3),
)
def test_ties_on_a_grid_are_those_of_exact_arithmetic(seed, counts, k):
    rng = np.random.default_rng(seed)
    real, fake = (rng.integers(0, 4, size=(n, 2)).astype(np.float32) for n in counts)

    found = precision_recall_density_coverage(real, fake, k_precision=k, k_density=k)

    assert numbers(found) == pytest.approx(naive(real, fake, k, k), abs=1e-12)


def test_numbers_say_what_is_wrong():
    few, many = features_of(4), features_of(20)

    with pytest.raises(ValueError, match=r"number of real images, 4, got 5$"):
        precision_recall_density_coverage(few, many)
    with pytest.raises(ValueError, match=r"number of fake images, 4, got 4$"):
        precision_recall_density_coverage(many, few, k_precision=4)
    with pytest.raises(ValueError, match=r"^real and fake must have equally many"):
        precision_recall_density_coverage(many, features_of(20, 3))
    with pytest.raises(ValueError, match=r"^fake must be finite, got NaN"):
        precision_recall_density_coverage(many, many * np.nan)

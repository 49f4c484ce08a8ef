import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

import metrics.neighbours
import metrics.pairs
from metrics.neighbours import nearest_across, nearest_within
from metrics.pairs import prepare_sets


def features_of(n_images, n_columns=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_images, n_columns)).astype(np.float32)


def exact_distances(features1, features2):
    return cdist(features1.astype(np.float64), features2.astype(np.float64)) ** 2


@pytest.fixture(params=[8, 2048])
def block_rows(request, monkeypatch):
    for module in (metrics.pairs, metrics.neighbours):
        monkeypatch.setattr(module, "BLOCK_ROWS", request.param)
    return request.param


@pytest.mark.usefixtures("block_rows")
@pytest.mark.parametrize("k", [1, 3, 22])
def test_neighbours_within_a_set_are_the_naive_ones(k):
    features = features_of(23)
    distances = exact_distances(features, features)
    np.fill_diagonal(distances, np.inf)

    found, indices = nearest_within(*prepare_sets(features), k=k)

    np.testing.assert_allclose(found, np.sort(distances, axis=1)[:, :k], rtol=1e-12)
    np.testing.assert_array_equal(indices, np.argsort(distances, axis=1)[:, :k])


@pytest.mark.usefixtures("block_rows")
@pytest.mark.parametrize("k", [1, 3, 17])
def test_neighbours_across_sets_are_the_naive_ones(k):
    features1, features2 = features_of(23), features_of(17, seed=1)
    distances = exact_distances(features1, features2)

    found, indices = nearest_across(*prepare_sets(features1, features2), k=k)

    np.testing.assert_allclose(found, np.sort(distances, axis=1)[:, :k], rtol=1e-12)
    np.testing.assert_array_equal(indices, np.argsort(distances, axis=1)[:, :k])


def test_neighbours_closer_than_float32_can_tell_are_ordered():
    # Forty images around the first, their distances 1e-9 of the spread apart.
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(40, 64))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ring = directions * (1 + 1e-9 * rng.permutation(40))[:, np.newaxis]
    features = np.concatenate([np.zeros((1, 64)), ring, 50 + rng.normal(size=(9, 64))])
    distances = exact_distances(features, features)
    np.fill_diagonal(distances, np.inf)

    found, indices = nearest_within(*prepare_sets(features), k=3)

    np.testing.assert_array_equal(indices[0], np.argsort(distances[0])[:3])
    np.testing.assert_allclose(found[0], np.sort(distances[0])[:3], rtol=1e-12)


def test_copies_are_at_distance_zero():
    features = np.repeat(features_of(4), 6, axis=0)

    found, indices = nearest_within(*prepare_sets(features), k=5)

    np.testing.assert_array_equal(found, 0)
    np.testing.assert_array_equal(
        indices // 6, np.repeat(np.arange(4), 6)[:, None] + 0 * indices
    )
    assert (indices != np.arange(24)[:, np.newaxis]).all()


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), n_images=st.integers(4, 40), k=st.integers(1, 3))
def test_neighbours_on_a_grid_have_the_naive_distances(seed, n_images, k):
    # Small integers tie all the time.
    rng = np.random.default_rng(seed)
    features = rng.integers(-2, 3, size=(n_images, 2)).astype(np.float32)
    distances = exact_distances(features, features)
    np.fill_diagonal(distances, np.inf)

    found, indices = nearest_within(*prepare_sets(features), k=k)

    np.testing.assert_allclose(found, np.sort(distances, axis=1)[:, :k], atol=1e-12)
    assert (indices != np.arange(n_images)[:, np.newaxis]).all()


def test_neighbours_say_what_is_wrong():
    sets = prepare_sets(features_of(5), features_of(3))

    with pytest.raises(ValueError, match=r"number of other images, 4, got 5$"):
        nearest_within(sets[0], k=5)
    with pytest.raises(ValueError, match=r"number of other images, 3, got 4$"):
        nearest_across(*sets, k=4)
    with pytest.raises(ValueError, match=r"^k must be from 1 to"):
        nearest_within(sets[0], k=0)

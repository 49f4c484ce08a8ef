import numpy as np
import pytest
from scipy.spatial.distance import cdist

import metrics.pairs
from metrics.pairs import (
    cross_blocks,
    distance_block,
    pair_distances,
    prepare_sets,
    triangle_slices,
    within_radii,
)


def features_of(n_images, n_columns=2048, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    return (offset + rng.normal(size=(n_images, n_columns))).astype(np.float32)


def whole_block(features1, features2):
    sets = prepare_sets(features1, features2)
    rows1, rows2 = slice(0, len(features1)), slice(0, len(features2))
    return distance_block(*sets, rows1, rows2)


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("n_columns", [1, 64, 2048])
def test_values_are_within_their_error(n_columns, offset):
    features1 = features_of(60, n_columns, 1, offset)
    features2 = features_of(50, n_columns, 2, offset)

    block = whole_block(features1, features2)

    exact = cdist(features1.astype(np.float64), features2.astype(np.float64)) ** 2
    gap = np.abs(block.values - exact).max()
    # The offset itself rounds the features' last digits, equally for both.
    assert gap < block.error / 3


def test_blocks_cover_every_pair_once(monkeypatch):
    monkeypatch.setattr(metrics.pairs, "BLOCK_ROWS", 7)
    features1, features2 = features_of(20, 3), features_of(15, 3, 1)
    covered = np.zeros((20, 15), dtype=int)

    for block in cross_blocks(*prepare_sets(features1, features2)):
        covered[block.rows1, block.rows2] += 1
        assert block.values.shape == covered[block.rows1, block.rows2].shape

    np.testing.assert_array_equal(covered, 1)


@pytest.mark.parametrize("n_rows", [1, 5, 14, 50])
def test_triangle_slices_cover_every_pair_once_beside_small_squares(
    n_rows, monkeypatch
):
    monkeypatch.setattr(metrics.pairs, "BLOCK_ROWS", 7)
    monkeypatch.setattr(metrics.pairs, "SQUARE_ROWS", 3)
    covered = np.zeros((n_rows, n_rows), dtype=int)

    for rows1, rows2 in triangle_slices(slice(0, n_rows)):
        covered[rows1, rows2] += 1
        if rows1 == rows2:
            assert covered[rows1, rows2].shape[0] <= 3
        else:
            covered[rows2, rows1] += 1
            assert max(covered[rows1, rows2].shape) <= 7

    np.testing.assert_array_equal(covered, 1)


def test_pairs_are_measured_by_differences(monkeypatch):
    monkeypatch.setattr(metrics.pairs, "PAIRS_AT_ONCE", 3)
    features = features_of(6, 5, offset=1e4)
    indices1, indices2 = np.array([0, 1, 2, 3, 4]), np.array([5, 1, 0, 3, 2])

    found = pair_distances(features, features, indices1, indices2)

    gaps = features[indices1].astype(np.float64) - features[indices2]
    np.testing.assert_allclose(found, (gaps**2).sum(axis=1), rtol=1e-14)
    assert found[1] == found[3] == 0


@pytest.mark.parametrize("boundary", ["closed", "open"])
@pytest.mark.parametrize("axis", [0, 1])
def test_ties_are_settled_in_float64(axis, boundary):
    # Every radius is the exact distance to one partner, so every one is a tie that
    # float32 products, off by rounding, would decide at random.
    features1, features2 = features_of(40, 256, 1), features_of(40, 256, 2)
    exact = cdist(features1.astype(np.float64), features2.astype(np.float64)) ** 2
    radii = np.diag(exact).copy()
    sides = radii[:, np.newaxis] if axis == 0 else radii
    expected = exact < sides * (1 - 1e-13)
    np.fill_diagonal(expected, boundary == "closed")

    found = within_radii(
        whole_block(features1, features2), radii, axis=axis, boundary=boundary
    )

    np.testing.assert_array_equal(found, expected)


def test_radii_belong_to_the_whole_set(monkeypatch):
    monkeypatch.setattr(metrics.pairs, "BLOCK_ROWS", 7)
    features1, features2 = features_of(20, 3), features_of(15, 3, 1)
    radii = np.linspace(1, 6, 15)
    found = np.zeros((20, 15), dtype=bool)

    for block in cross_blocks(*prepare_sets(features1, features2)):
        found[block.rows1, block.rows2] = within_radii(
            block, radii, axis=1, boundary="closed"
        )

    exact = cdist(features1, features2) ** 2
    np.testing.assert_array_equal(found, exact <= radii)

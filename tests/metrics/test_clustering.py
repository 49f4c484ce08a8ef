import numpy as np
import pytest

from metrics.clustering import cluster_repeatedly, membership


def rng():
    return np.random.default_rng(5)


def blobs(n_each, n_blobs, n_columns=8):
    source = np.random.default_rng(0)
    centres = 50 * source.normal(size=(n_blobs, n_columns))
    return np.repeat(centres, n_each, axis=0) + source.normal(
        size=(n_each * n_blobs, n_columns)
    )


def test_blobs_far_apart_are_the_clusters():
    labels = cluster_repeatedly(blobs(20, 5), n_clusters=5, n_runs=8, rng=rng())

    assert labels.shape == (100, 8)
    # k-means++ may still put two centres into one blob now and then.
    found = [
        len({*run}) == 5 and all(len({*part}) == 1 for part in np.split(run, 5))
        for run in labels.T
    ]
    assert sum(found) >= 6


def test_every_row_ends_at_its_nearest_mean():
    rows = blobs(30, 3, 4)
    labels = cluster_repeatedly(rows, n_clusters=4, n_runs=3, rng=rng())

    for run in labels.T:
        means = np.array([rows[run == label].mean(axis=0) for label in range(4)])
        gaps = ((rows[:, np.newaxis] - means) ** 2).sum(axis=2)
        own = gaps[np.arange(len(rows)), run]
        # Settled to the tolerance, so a row or two may still lie on a border.
        assert (own <= gaps.min(axis=1) + 1e-9).mean() > 0.95


def test_same_seed_gives_the_same_clusters():
    rows = blobs(10, 4).astype(np.float32)

    first, second = (
        cluster_repeatedly(rows, n_clusters=3, n_runs=2, rng=rng()) for _ in "ab"
    )

    np.testing.assert_array_equal(first, second)


def test_equal_rows_fall_into_one_cluster():
    labels = cluster_repeatedly(np.ones((9, 3)), n_clusters=4, n_runs=2, rng=rng())

    assert all(len({*run}) == 1 for run in labels.T)


def test_membership_marks_one_cluster_for_each_run():
    found = membership(np.array([[0, 2], [1, 1]]), n_clusters=3)

    np.testing.assert_array_equal(found, [[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0]])


def test_clustering_says_what_is_wrong():
    with pytest.raises(ValueError, match=r"to the number of images, 5, got 6$"):
        cluster_repeatedly(np.ones((5, 2)), n_clusters=6, n_runs=1, rng=rng())

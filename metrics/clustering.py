"""Several k-means clusterings of the same features at once."""

import numpy as np
from numpy.typing import NDArray

from metrics.arrays import Array

BLOCK_ROWS = 4096
MAX_STEPS = 100
# Relative to the mean variance of a column: the mean squared shift of the centres at
# which a run has settled.
SHIFT_TOLERANCE = 1e-4

Labels = NDArray[np.int64]
Float32 = NDArray[np.float32]


def cluster_repeatedly(
    features: Array, *, n_clusters: int, n_runs: int, rng: np.random.Generator
) -> Labels:
    """Return the clusters of each row in several independent runs of k-means.

    Parameters
    ----------
    features : array of shape (n, d), float32 or float64
        The rows to cluster.
    n_clusters : int
        Number of clusters, at most n.
    n_runs : int
        Number of runs.
    rng : numpy.random.Generator
        Source of the first centres.

    Returns
    -------
    array of shape (n, n_runs), int64
        Cluster of each row in each run, 0 to n_clusters - 1.

    Raises
    ------
    ValueError
        If there are fewer rows than clusters.

    Notes
    -----
    Lloyd's algorithm from k-means++ centres [1]_, all runs side by side, so that one
    matrix product gives the distances to the centres of every run. Products in
    float32. A centre that loses all its rows stays where it is.

    References
    ----------
    .. [1] Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding",
       SODA (2007).
    """
    if not 1 <= n_clusters <= len(features):
        raise ValueError(
            f"n_clusters must be from 1 to the number of images, {len(features)}, "
            f"got {n_clusters}"
        )
    centre = features.mean(axis=0, dtype=np.float64).astype(features.dtype)
    rows = (features - centre).astype(np.float32, copy=False)
    centres = _first_centres(rows, n_clusters=n_clusters, n_runs=n_runs, rng=rng)
    settled = SHIFT_TOLERANCE * float(rows.var(axis=0).mean()) * rows.shape[1]
    active = np.arange(n_runs)
    for _ in range(MAX_STEPS):
        moved = _moved_centres(rows, centres[active])
        shifts = ((moved - centres[active]) ** 2).sum(axis=(1, 2)) / n_clusters
        centres[active] = moved
        active = active[shifts > settled]
        if not len(active):
            break
    labels = np.empty((len(rows), n_runs), dtype=np.int64)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        labels[block] = _nearest_centres(rows[block], centres)
    return labels


def _first_centres(
    rows: Float32, *, n_clusters: int, n_runs: int, rng: np.random.Generator
) -> Float32:
    norms = np.einsum("ij,ij->i", rows, rows)
    chosen = rng.integers(len(rows), size=n_runs)
    centres = np.empty((n_runs, n_clusters, rows.shape[1]), dtype=np.float32)
    nearest = np.full((len(rows), n_runs), np.inf)
    for number in range(n_clusters):
        centres[:, number] = rows[chosen]
        squared = norms[:, np.newaxis] + norms[chosen] - 2 * (rows @ rows[chosen].T)
        nearest = np.minimum(nearest, np.maximum(squared, 0))
        # A row is drawn with probability in proportion to its squared distance.
        steps = nearest.cumsum(axis=0)
        points = rng.random(n_runs) * steps[-1]
        chosen = (steps <= points).sum(axis=0).clip(max=len(rows) - 1)
    return centres


def _moved_centres(rows: Float32, centres: Float32) -> Float32:
    n_runs, n_clusters, n_columns = centres.shape
    sums = np.zeros((n_runs * n_clusters, n_columns))
    counts = np.zeros(n_runs * n_clusters)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        labels = _nearest_centres(block, centres)
        member = membership(labels, n_clusters=n_clusters)
        sums += member.T @ block
        counts += member.sum(axis=0, dtype=np.float64)
    filled = counts > 0
    moved = centres.reshape(-1, n_columns).copy()
    moved[filled] = sums[filled] / counts[filled, np.newaxis]
    return moved.reshape(centres.shape)


def _nearest_centres(block: Float32, centres: Float32) -> Labels:
    n_runs, n_clusters, n_columns = centres.shape
    flat = centres.reshape(-1, n_columns)
    # Without |row|², which is the same for every centre.
    squared = np.einsum("ij,ij->i", flat, flat) - 2 * (block @ flat.T)
    nearest: Labels = squared.reshape(len(block), n_runs, n_clusters).argmin(axis=2)
    return nearest


def membership(labels: Labels, *, n_clusters: int) -> Float32:
    """Return which cluster each row belongs to, as zeros and ones.

    Parameters
    ----------
    labels : array of shape (n, n_runs), int64
        Cluster of each row in each run.
    n_clusters : int
        Number of clusters.

    Returns
    -------
    array of shape (n, n_runs * n_clusters), float32
        1 where the row belongs to the cluster of that run, runs side by side.
    """
    n_rows, n_runs = labels.shape
    member = np.zeros((n_rows, n_runs * n_clusters), dtype=np.float32)
    columns = labels + np.arange(n_runs) * n_clusters
    member[np.arange(n_rows)[:, np.newaxis], columns] = 1
    return member

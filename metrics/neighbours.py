"""Nearest neighbours within a set and across two, as float64 distances order them."""

import numpy as np
import torch
from torch import Tensor

from metrics.pairs import (
    BLOCK_ROWS,
    Indices,
    PreparedSet,
    Vector,
    cross_blocks,
    distance_block,
    pair_distances,
    triangle_slices,
)

# Beyond the neighbours asked for, so that float32 rarely misses one of them.
SPARE_CANDIDATES = 2


class _Nearest:
    # The nearest candidates found so far of every image, by float32 distances.

    def __init__(self, n_images: int, n_kept: int) -> None:
        self.values = torch.full((n_images, n_kept), torch.inf)
        self.places = torch.zeros((n_images, n_kept), dtype=torch.int64)

    def add(self, values: Tensor, rows: slice, columns: slice) -> None:
        # Torch finds the smallest of a row several times faster than numpy's partition.
        n_kept = self.values.shape[1]
        nearest, places = values.topk(min(n_kept, values.shape[1]), largest=False)
        merged = torch.cat([self.values[rows], nearest], dim=1)
        merged_places = torch.cat([self.places[rows], places + columns.start], dim=1)
        self.values[rows], order = merged.topk(n_kept, largest=False, sorted=True)
        self.places[rows] = merged_places.gather(1, order)


def nearest_within(prepared: PreparedSet, *, k: int) -> tuple[Vector, Indices]:
    """Return the k nearest other images of each image of one set.

    Parameters
    ----------
    prepared : PreparedSet
        The set.
    k : int
        Number of neighbours, below the number of images.

    Returns
    -------
    squared_distances : array of shape (n, k), float64
        Squared distances to the neighbours, nearest first.
    indices : array of shape (n, k), int64
        The neighbours.

    Raises
    ------
    ValueError
        If there are not more than k images.

    Notes
    -----
    A block of distances serves both its rows and its columns, so that every product is
    taken once.
    """
    n_others = len(prepared.rows) - 1
    if not 1 <= k <= n_others:
        raise ValueError(
            f"k must be from 1 to the number of other images, {n_others}, got {k}"
        )
    nearest = _Nearest(n_others + 1, min(k + SPARE_CANDIDATES, n_others))
    error = 0.0
    for rows1, rows2 in triangle_slices(slice(0, n_others + 1)):
        block = distance_block(prepared, prepared, rows1, rows2)
        error = max(error, block.error)
        values = torch.from_numpy(block.values)
        if rows1 == rows2:
            values.fill_diagonal_(torch.inf)
        else:
            nearest.add(values.T.contiguous(), rows2, rows1)
        nearest.add(values, rows1, rows2)
    return _settle(prepared, prepared, nearest, k=k, error=error)


def nearest_across(
    set1: PreparedSet, set2: PreparedSet, *, k: int
) -> tuple[Vector, Indices]:
    """Return the k images of the second set nearest to each of the first.

    Parameters
    ----------
    set1, set2 : PreparedSet
        The two sets, from one call of `prepare_sets`.
    k : int
        Number of neighbours, at most the images of `set2`.

    Returns
    -------
    squared_distances : array of shape (n1, k), float64
        Squared distances to the neighbours, nearest first.
    indices : array of shape (n1, k), int64
        The neighbours, as images of `set2`.

    Raises
    ------
    ValueError
        If the second set has fewer than k images.
    """
    n_others = len(set2.rows)
    if not 1 <= k <= n_others:
        raise ValueError(
            f"k must be from 1 to the number of other images, {n_others}, got {k}"
        )
    nearest = _Nearest(len(set1.rows), min(k + SPARE_CANDIDATES, n_others))
    error = 0.0
    for block in cross_blocks(set1, set2):
        error = max(error, block.error)
        nearest.add(torch.from_numpy(block.values), block.rows1, block.rows2)
    return _settle(set1, set2, nearest, k=k, error=error)


def _settle(
    set1: PreparedSet, set2: PreparedSet, nearest: _Nearest, *, k: int, error: float
) -> tuple[Vector, Indices]:
    # Exact distances to the candidates, of which the k nearest stay.
    places = nearest.places.numpy()
    owners = np.repeat(np.arange(len(places)), places.shape[1])
    exact = pair_distances(set1.features, set2.features, owners, places.ravel())
    exact = exact.reshape(places.shape)
    order = np.argsort(exact, axis=1, kind="stable")[:, :k]
    distances = np.take_along_axis(exact, order, 1)
    indices = np.take_along_axis(places, order, 1)
    # The last candidate bounds from below whatever was not kept.
    n_candidates = len(set2.rows) - (set1 is set2)
    if places.shape[1] < n_candidates:
        bound = nearest.values[:, -1].numpy().astype(np.float64) - error
        unsure = (distances[:, -1] > bound) & (distances[:, -1] > 0)
        _search(set1, set2, np.flatnonzero(unsure), distances, indices)
    return distances, indices


def _search(
    set1: PreparedSet,
    set2: PreparedSet,
    unsure: Indices,
    distances: Vector,
    indices: Indices,
) -> None:
    # Near-ties that float32 could not order: the same search with float64 products.
    if not len(unsure):
        return
    k = distances.shape[1]
    centre = set2.features.mean(axis=0, dtype=np.float64)
    others = set2.features - centre
    norms = np.einsum("ij,ij->i", others, others)
    for start in range(0, len(unsure), BLOCK_ROWS // 8):
        rows = unsure[start : start + BLOCK_ROWS // 8]
        # Without |x|² of the row itself, which does not change its order.
        values = norms - 2 * ((set1.features[rows] - centre) @ others.T)
        if set1 is set2:
            values[np.arange(len(rows)), rows] = np.inf
        found = np.argpartition(values, k - 1, axis=1)[:, :k]
        owners = np.repeat(rows, k)
        exact = pair_distances(set1.features, set2.features, owners, found.ravel())
        exact = exact.reshape(found.shape)
        order = np.argsort(exact, axis=1, kind="stable")
        distances[rows] = np.take_along_axis(exact, order, 1)
        indices[rows] = np.take_along_axis(found, order, 1)

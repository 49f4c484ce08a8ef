"""Distances between all pairs of features, block by block, and nearest neighbours.

Products are taken in float32, which is fast, with a bound on their error; whatever the
bound leaves undecided is settled in float64. So memory stays small, and results are
those of a float64 computation, whatever the block size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from metrics.arrays import Array

BLOCK_ROWS = 1024
PAIRS_AT_ONCE = 2048
# Beyond the neighbours asked for, so that float32 rarely misses one of them.
SPARE_CANDIDATES = 2
# Squared distances this close, relative to the squared norms, count as equal.
TIE = 1e-12

FLOAT32_ROUNDING = float(np.finfo(np.float32).eps) / 2

Vector = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Boundary = Literal["closed", "open"]


@dataclass(frozen=True, eq=False)
class PreparedSet:
    """Features made ready for products in float32.

    Attributes
    ----------
    features : array of shape (n, d), float32 or float64
        The features as given.
    rows : array of shape (n, d), float32
        The features less a centre that both sides of a comparison share.
    squared_norms : array of shape (n,), float64
        Squared lengths of the rows.
    """

    features: Array
    rows: NDArray[np.float32]
    squared_norms: Vector


@dataclass(frozen=True, eq=False)
class DistanceBlock:
    """Squared distances between some images of one set and some of another.

    Attributes
    ----------
    set1, set2 : PreparedSet
        The two sets.
    rows1, rows2 : slice
        Which images of either set.
    values : array of shape (n1, n2), float32
        Squared distances, off by less than `error`.
    error : float
        Bound on the absolute error of the values.
    """

    set1: PreparedSet
    set2: PreparedSet
    rows1: slice
    rows2: slice
    values: NDArray[np.float32]
    error: float


def prepare_sets(*sets: Array) -> list[PreparedSet]:
    """Return feature sets, less a common centre, ready for `distance_block`.

    Parameters
    ----------
    *sets : array of shape (n, d), float32 or float64
        Features of each set.

    Returns
    -------
    list of PreparedSet
        One for each set, with a float32 copy of its features.

    Notes
    -----
    Distances do not change when a common centre is removed, but the rounding of
    |x|² + |y|² - 2 x·y does: it shrinks with the norms.
    """
    centre = sum(f.mean(axis=0, dtype=np.float64) for f in sets) / len(sets)
    prepared = []
    for features in sets:
        rows = np.subtract(features, centre, dtype=features.dtype).astype(
            np.float32, copy=False
        )
        norms = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        prepared.append(PreparedSet(features, rows, norms))
    return prepared


def block_slices(n_rows: int) -> list[slice]:
    """Return slices of `BLOCK_ROWS` rows that cover n_rows.

    Parameters
    ----------
    n_rows : int
        Number of rows.

    Returns
    -------
    list of slice
        Consecutive, the last one shorter where it must be.
    """
    starts = range(0, n_rows, BLOCK_ROWS)
    return [slice(start, min(start + BLOCK_ROWS, n_rows)) for start in starts]


def distance_block(
    set1: PreparedSet, set2: PreparedSet, rows1: slice, rows2: slice
) -> DistanceBlock:
    """Return squared distances between some images of either set.

    Parameters
    ----------
    set1, set2 : PreparedSet
        The two sets, from one call of `prepare_sets`.
    rows1, rows2 : slice
        Which images of either set.

    Returns
    -------
    DistanceBlock
        Squared distances in float32 with a bound on their error.

    Notes
    -----
    Rounding in a float32 product of length d adds up as a random walk, so it grows as
    √d; the bound is ten times what is observed at d = 2048.
    """
    norms1, norms2 = set1.squared_norms[rows1], set2.squared_norms[rows2]
    doubled: NDArray[np.float32] = set1.rows[rows1] * np.float32(-2)
    values: NDArray[np.float32] = doubled @ set2.rows[rows2].T
    values += norms1.astype(np.float32)[:, np.newaxis]
    values += norms2.astype(np.float32)
    steps = 4 + np.sqrt(set1.rows.shape[1]) / 2
    error = FLOAT32_ROUNDING * steps * float(norms1.max() + norms2.max())
    return DistanceBlock(set1, set2, rows1, rows2, values, error)


def cross_blocks(set1: PreparedSet, set2: PreparedSet) -> Iterator[DistanceBlock]:
    """Yield the squared distances between all images of two sets, block by block.

    Parameters
    ----------
    set1, set2 : PreparedSet
        The two sets, from one call of `prepare_sets`.

    Yields
    ------
    DistanceBlock
        Every pair of one image from either set occurs in one block.
    """
    for rows1 in block_slices(len(set1.rows)):
        for rows2 in block_slices(len(set2.rows)):
            yield distance_block(set1, set2, rows1, rows2)


def within_radii(
    block: DistanceBlock, squared_radii: Vector, *, axis: int, boundary: Boundary
) -> Flags:
    """Return which pairs of a block are no farther apart than a radius.

    Parameters
    ----------
    block : DistanceBlock
        Squared distances.
    squared_radii : array of shape (n1,) or (n2,), float64
        Squared radii around the images of the whole first set (axis 0) or of the whole
        second set (axis 1).
    axis : {0, 1}
        To whose images the radii belong.
    boundary : {"closed", "open"}
        Whether a distance equal to the radius is within.

    Returns
    -------
    array of shape (n1, n2), bool
        Membership as float64 distances decide it; squared distances that differ by
        less than 1e-12 of the squared norms are equal.
    """
    radii = squared_radii[block.rows2 if axis else block.rows1]
    slack = block.error + 4 * FLOAT32_ROUNDING * radii
    lower, upper = (
        np.expand_dims(edge.astype(np.float32), 1 - axis)
        for edge in (radii - slack, radii + slack)
    )
    inside, candidate = block.values <= lower, block.values <= upper
    if np.count_nonzero(inside) == np.count_nonzero(candidate):
        return inside
    open1, open2 = (inside ^ candidate).nonzero()
    at1, at2 = open1 + block.rows1.start, open2 + block.rows2.start
    exact = pair_distances(block.set1.features, block.set2.features, at1, at2)
    tie = TIE * (block.set1.squared_norms[at1] + block.set2.squared_norms[at2])
    limits = squared_radii[at2 if axis else at1]
    settled = exact <= limits + tie if boundary == "closed" else exact < limits - tie
    inside[open1, open2] = settled
    return inside


def pair_distances(
    features1: Array, features2: Array, indices1: Indices, indices2: Indices
) -> Vector:
    """Return the squared distances of given pairs, from differences in float64.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of the two sets.
    indices1, indices2 : array of shape (n_pairs,), int64
        Which image of either set.

    Returns
    -------
    array of shape (n_pairs,), float64
        Squared distances.
    """
    distances = np.empty(len(indices1))
    for start in range(0, len(indices1), PAIRS_AT_ONCE):
        chosen = slice(start, start + PAIRS_AT_ONCE)
        gap = np.subtract(
            features1[indices1[chosen]], features2[indices2[chosen]], dtype=np.float64
        )
        distances[chosen] = np.einsum("ij,ij->i", gap, gap)
    return distances


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
    n_images = len(prepared.rows)
    if not 1 <= k < n_images:
        raise ValueError(
            f"k must be from 1 to below the number of images, {n_images}, got {k}"
        )
    n_kept = min(k + SPARE_CANDIDATES, n_images - 1)
    best = torch.full((n_images, n_kept), torch.inf)
    found = torch.zeros((n_images, n_kept), dtype=torch.int64)
    error = 0.0
    slices = block_slices(n_images)
    for number, rows1 in enumerate(slices):
        for rows2 in slices[number:]:
            block = distance_block(prepared, prepared, rows1, rows2)
            error = max(error, block.error)
            if rows1 == rows2:
                np.fill_diagonal(block.values, np.inf)
            else:
                flipped = np.ascontiguousarray(block.values.T)
                _keep_nearest(best, found, rows2, flipped, rows1)
            _keep_nearest(best, found, rows1, block.values, rows2)
    distances, indices = _settle(prepared, found.numpy(), k=k)
    # The last candidate bounds from below whatever was not kept.
    if n_kept < n_images - 1:
        unsure = distances[:, -1] > best[:, -1].numpy().astype(np.float64) - error
        unsure &= distances[:, -1] > 0
        _search_rows(prepared, np.flatnonzero(unsure), distances, indices)
    return distances, indices


def nearest_across(
    set1: PreparedSet, set2: PreparedSet, candidates: Indices
) -> tuple[Vector, Indices]:
    """Return which of its candidates is nearest to each image.

    Parameters
    ----------
    set1, set2 : PreparedSet
        The images, and the set that the candidates come from.
    candidates : array of shape (n1, m), int64
        Images of `set2` for each image of `set1`.

    Returns
    -------
    squared_distances : array of shape (n1,), float64
        Squared distance to the nearest candidate.
    indices : array of shape (n1,), int64
        That candidate.
    """
    owners = np.repeat(np.arange(len(candidates)), candidates.shape[1])
    exact = pair_distances(set1.features, set2.features, owners, candidates.ravel())
    exact = exact.reshape(candidates.shape)
    rows = np.arange(len(candidates))
    first = exact.argmin(axis=1)
    return exact[rows, first], candidates[rows, first]


def _keep_nearest(
    best: torch.Tensor,
    found: torch.Tensor,
    rows: slice,
    values: NDArray[np.float32],
    columns: slice,
) -> None:
    # Torch finds the smallest of a row several times faster than numpy's partition.
    n_kept = best.shape[1]
    nearest, places = torch.from_numpy(values).topk(
        min(n_kept, values.shape[1]), largest=False
    )
    merged = torch.cat([best[rows], nearest], dim=1)
    merged_found = torch.cat([found[rows], places + columns.start], dim=1)
    best[rows], order = merged.topk(n_kept, largest=False, sorted=True)
    found[rows] = merged_found.gather(1, order)


def _settle(prepared: PreparedSet, found: Indices, *, k: int) -> tuple[Vector, Indices]:
    # Exact distances to the candidates, of which the k nearest stay.
    owners = np.repeat(np.arange(len(found)), found.shape[1])
    exact = pair_distances(
        prepared.features, prepared.features, owners, found.ravel()
    ).reshape(found.shape)
    order = np.argsort(exact, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(exact, order, 1), np.take_along_axis(found, order, 1)


def _search_rows(
    prepared: PreparedSet, unsure: Indices, distances: Vector, indices: Indices
) -> None:
    # Near-ties that float32 could not order: the same search with float64 products.
    if not len(unsure):
        return
    k = distances.shape[1]
    wide = prepared.features.astype(np.float64)
    wide -= wide.mean(axis=0)
    norms = np.einsum("ij,ij->i", wide, wide)
    for start in range(0, len(unsure), BLOCK_ROWS // 4):
        rows = unsure[start : start + BLOCK_ROWS // 4]
        values = norms[rows, np.newaxis] + norms - 2 * (wide[rows] @ wide.T)
        values[np.arange(len(rows)), rows] = np.inf
        nearest = np.argpartition(values, k - 1, axis=1)[:, :k]
        exact = np.take_along_axis(values, nearest, 1)
        order = np.argsort(exact, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(nearest, order, 1)
        owners = np.repeat(rows, k)
        distances[rows] = pair_distances(
            prepared.features, prepared.features, owners, indices[rows].ravel()
        ).reshape(len(rows), k)

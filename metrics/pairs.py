"""Distances between all pairs of features, block by block.

Products are taken in float32, which is fast, with a bound on their error; whatever the
bound leaves undecided is settled in float64. So memory stays small, and results are
those of a float64 computation, whatever the block size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metrics.arrays import Array
from metrics.products import row_products

BLOCK_ROWS = 1024
# A square on the diagonal takes every pair twice, so that these are kept small.
SQUARE_ROWS = 512
PAIRS_AT_ONCE = 256
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


def block_slices(rows: slice) -> list[slice]:
    """Return slices of at most `BLOCK_ROWS` rows that cover some rows.

    Parameters
    ----------
    rows : slice
        Rows from its start to its stop.

    Returns
    -------
    list of slice
        Consecutive, of sizes that differ by one at most.
    """
    n_rows = rows.stop - rows.start
    n_blocks = -(-n_rows // BLOCK_ROWS)
    edges = [rows.start + n_rows * index // n_blocks for index in range(n_blocks + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def triangle_slices(rows: slice) -> Iterator[tuple[slice, slice]]:
    """Yield blocks that hold every pair of two of some rows.

    Parameters
    ----------
    rows : slice
        Rows from its start to its stop.

    Yields
    ------
    rows1, rows2 : slice
        Equal for a block on the diagonal, of at most `SQUARE_ROWS` rows, which holds
        its pairs twice; otherwise apart, each pair of the two once in all.
    """
    n_rows = rows.stop - rows.start
    if n_rows <= min(SQUARE_ROWS, BLOCK_ROWS):
        yield rows, rows
        return
    middle = rows.start + n_rows // 2
    halves = slice(rows.start, middle), slice(middle, rows.stop)
    for half in halves:
        yield from triangle_slices(half)
    yield from product(*map(block_slices, halves))


def distance_block(
    set1: PreparedSet,
    set2: PreparedSet,
    rows1: slice,
    rows2: slice,
) -> DistanceBlock:
    """Return squared distances between some images of either set.

    Parameters
    ----------
    set1, set2 : PreparedSet
        The two sets, from one call of `prepare_sets`.
    rows1, rows2 : slice
        Which images of either set, at most `BLOCK_ROWS` each.

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
    part1, part2 = set1.rows[rows1], set2.rows[rows2]
    values = row_products(torch.from_numpy(part1), torch.from_numpy(part2)).mul_(-2)
    values += _single(norms1)[:, None]
    values += _single(norms2)
    steps = 8 + np.sqrt(set1.rows.shape[1]) / 2
    error = FLOAT32_ROUNDING * steps * float(norms1.max() + norms2.max())
    return DistanceBlock(set1, set2, rows1, rows2, values.numpy(), error)


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
    both = (block_slices(slice(0, len(part.rows))) for part in (set1, set2))
    for rows1, rows2 in product(*both):
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
    distances = torch.empty(len(indices1), dtype=torch.float64)
    for start in range(0, len(indices1), PAIRS_AT_ONCE):
        chosen = slice(start, start + PAIRS_AT_ONCE)
        gap = torch.from_numpy(features1[indices1[chosen]]).double()
        gap -= torch.from_numpy(features2[indices2[chosen]])
        distances[chosen] = gap.square_().sum(dim=1)
    found: Vector = distances.numpy()
    return found


def _single(norms: Vector) -> Tensor:
    return torch.from_numpy(norms.astype(np.float32))

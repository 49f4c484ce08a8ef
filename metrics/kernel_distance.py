"""Kernel distances (squared maximum mean discrepancy) between two feature sets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows, check_same_columns
from metrics.products import row_products

BLOCK_ROWS = 1024
CMMD_SIGMA = 10.0
CMMD_SCALE = 1000.0

FloatMatrix = NDArray[np.float64]
IndexMatrix = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class KernelDistance:
    """Kernel Inception Distance over subsets, and over all pairs.

    Attributes
    ----------
    mean, std : float
        Mean and standard deviation of the estimate over the subsets.
    unbiased : float
        The estimate from all images at once, which depends on no draw.
    replicates : array of shape (n_replicates,), float64
        The estimate from all images, each time with both sides resampled.
    """

    mean: float
    std: float
    unbiased: float
    replicates: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Side:
    # The kernel of a pair is a function of offsets[i] + offsets[j] + rows[i]·rows[j].
    rows: Array
    offsets: NDArray[np.float64]


_Kernel = Callable[[FloatMatrix], FloatMatrix]


def kernel_inception_distance(  # noqa: PLR0913 - the published convention's settings
    features1: Array,
    features2: Array,
    *,
    n_subsets: int = 100,
    subset_size: int = 1000,
    rng: np.random.Generator,
    ddof: int = 0,
    n_replicates: int = 0,
) -> KernelDistance:
    """Return the Kernel Inception Distance over random subsets and over all pairs.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of the two sides.
    n_subsets : int
        Number of subsets.
    subset_size : int
        Images of each side in a subset, drawn without replacement.
    rng : numpy.random.Generator
        Source of the subsets, then of the replicates.
    ddof : int
        The standard deviation divides by `n_subsets` less this.
    n_replicates : int
        Number of bootstrap replicates.

    Returns
    -------
    KernelDistance
        Mean and standard deviation over subsets, the estimate from all pairs and its
        replicates, in units of the kernel. Lower is better; for equal distributions 0
        is expected, and the unbiased estimate comes out negative half of the time.

    Raises
    ------
    ValueError
        If a side has fewer images than `subset_size`, shapes disagree, or a value is
        not finite.

    Notes
    -----
    Kernel (x·y / d + 1)³ and the unbiased estimate of [1]_: averages over pairs of
    different images within a side, over all pairs across.

    One walk over all pairs serves everything: a subset is a weight of 0 or 1 per image,
    a replicate a multinomial weight, and pairs of an image with itself never count.
    Products are taken in the precision of the features after a common centre is
    removed, everything else in float64; removing the centre keeps some three digits
    that float32 products of raw, non-negative features lose to cancellation. The walk
    is quadratic in the images: for the subsets alone of very large sets there is
    `kernel_distance_of_subsets`.

    References
    ----------
    .. [1] Bińkowski et al., "Demystifying MMD GANs", ICLR (2018), section 4.
    .. [2] Gretton et al., "A kernel two-sample test", JMLR 13 (2012), lemma 6.
    """
    _check_sides(features1, features2)
    if n_subsets <= ddof:
        raise ValueError(f"n_subsets must be above ddof, {ddof}, got {n_subsets}")
    counts = len(features1), len(features2)
    subsets = [
        draw_subsets(n_images, n_subsets=n_subsets, subset_size=subset_size, rng=rng)
        for n_images in counts
    ]
    weights = []
    for n_images, chosen in zip(counts, subsets, strict=True):
        columns = np.ones((n_images, 1 + n_subsets + n_replicates))
        columns[:, 1 : n_subsets + 1] = _subset_weights(n_images, chosen)
        columns[:, n_subsets + 1 :] = resample_counts(n_images, n_replicates, rng=rng)
        weights.append(columns)
    side1, side2, kernel = _polynomial(features1, features2)
    distances = _weighted_distances(side1, side2, kernel, *weights)
    of_subsets = distances[1 : n_subsets + 1]
    return KernelDistance(
        mean=float(of_subsets.mean()),
        std=float(of_subsets.std(ddof=ddof)),
        unbiased=float(distances[0]),
        replicates=distances[n_subsets + 1 :],
    )


def kernel_distance_of_subsets(
    features1: Array, features2: Array, subsets1: IndexMatrix, subsets2: IndexMatrix
) -> NDArray[np.float64]:
    """Return the unbiased polynomial kernel distance of each pair of given subsets.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of the two sides.
    subsets1, subsets2 : array of shape (n_subsets, size), int
        Images of either side, by index, each once per subset; sizes may differ.

    Returns
    -------
    array of shape (n_subsets,), float64
        The estimate from each pair of subsets, as in `kernel_inception_distance`.

    Raises
    ------
    ValueError
        If the numbers of subsets differ, shapes disagree, or a value is not finite.
    """
    _check_sides(features1, features2)
    if len(subsets1) != len(subsets2):
        raise ValueError(
            f"both sides must have equally many subsets, got {len(subsets1)} and "
            f"{len(subsets2)}"
        )
    side1, side2, kernel = _polynomial(features1, features2)
    # Where the subsets' pairs outnumber all pairs, all pairs are visited once.
    if subsets1.size * subsets2.shape[1] > len(features1) * len(features2):
        weights = [
            _subset_weights(len(features), subsets)
            for features, subsets in ((features1, subsets1), (features2, subsets2))
        ]
        return _weighted_distances(side1, side2, kernel, *weights)
    distances = np.empty(len(subsets1))
    for index, (chosen1, chosen2) in enumerate(zip(subsets1, subsets2, strict=True)):
        part1, part2 = _part(side1, chosen1), _part(side2, chosen2)
        ones1, ones2 = np.ones((len(chosen1), 1)), np.ones((len(chosen2), 1))
        distances[index] = _weighted_distances(part1, part2, kernel, ones1, ones2)[0]
    return distances


def draw_subsets(
    n_images: int, *, n_subsets: int, subset_size: int, rng: np.random.Generator
) -> IndexMatrix:
    """Return random subsets of images, each drawn without replacement.

    Parameters
    ----------
    n_images : int
        Number of images to draw from.
    n_subsets : int
        Number of subsets.
    subset_size : int
        Images in a subset, from 2 to `n_images`.
    rng : numpy.random.Generator
        Source of the draw.

    Returns
    -------
    array of shape (n_subsets, subset_size), int64
        Indices of the images.

    Raises
    ------
    ValueError
        If a subset would hold more images than there are, or fewer than two.
    """
    if not 2 <= subset_size <= n_images:  # noqa: PLR2004 - a pair
        raise ValueError(
            f"subset_size must be from 2 to the number of images, {n_images}, "
            f"got {subset_size}"
        )
    subsets = np.empty((n_subsets, subset_size), dtype=np.int64)
    for subset in subsets:
        subset[:] = rng.choice(n_images, size=subset_size, replace=False)
    return subsets


def resample_counts(
    n_images: int, n_replicates: int, *, rng: np.random.Generator
) -> FloatMatrix:
    """Return how often each image occurs in each bootstrap replicate.

    Parameters
    ----------
    n_images : int
        Number of images, and of draws in a replicate.
    n_replicates : int
        Number of replicates.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    array of shape (n_images, n_replicates), float64
        Multinomial counts; each column sums to n_images.
    """
    counts = np.empty((n_images, n_replicates))
    for column in counts.T:
        drawn = rng.integers(n_images, size=n_images)
        column[:] = np.bincount(drawn, minlength=n_images)
    return counts


def rbf_kernel_distance(
    features1: Array,
    features2: Array,
    *,
    sigma: float,
    estimator: Literal["biased", "unbiased"] = "unbiased",
) -> float:
    """Return the kernel distance with a Gaussian kernel.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of the two sides.
    sigma : float
        Width of the kernel exp(-|x - y|² / (2 sigma²)), in feature units.
    estimator : {"biased", "unbiased"}
        Whether an image's pair with itself counts within a side ("biased", never
        negative) or not.

    Returns
    -------
    float
        The squared maximum mean discrepancy, 0 to 2 but for the unbiased estimate's
        noise; lower is better.

    Raises
    ------
    ValueError
        If `sigma` is not positive, shapes disagree, or a value is not finite.

    Notes
    -----
    Sums exp(...) - 1, whose constant cancels, so that wide kernels keep their digits.

    References
    ----------
    .. [1] Gretton et al., "A kernel two-sample test", JMLR 13 (2012), lemma 6 and
       equation 5.
    """
    _check_sides(features1, features2)
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma}")
    side1, side2, kernel = _gaussian(features1, features2, sigma)
    ones = [np.ones((len(f), 1)) for f in (features1, features2)]
    if estimator == "unbiased":
        return float(_weighted_distances(side1, side2, kernel, *ones)[0])
    n1, n2 = len(features1), len(features2)
    within1 = _sums_within(side1, kernel, ones[0])[0] / n1**2
    within2 = _sums_within(side2, kernel, ones[1])[0] / n2**2
    across = _sums_across(side1, side2, kernel, *ones)[0] / (n1 * n2)
    return max(float(within1 + within2 - 2 * across), 0.0)


def cmmd(embeddings1: Array, embeddings2: Array) -> float:
    """Return the CLIP maximum mean discrepancy, or its like on other embeddings.

    Parameters
    ----------
    embeddings1, embeddings2 : array of shape (n1, d) and (n2, d), float32 or float64
        Embeddings of the two sides; their rows are scaled to length 1 here.

    Returns
    -------
    float
        1000 times the biased Gaussian kernel distance with sigma 10, 0 to 2000; lower
        is better. Only on CLIP embeddings is it comparable to published values.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, or a row is zero.

    References
    ----------
    .. [1] Jayasumana et al., "Rethinking FID: towards a better evaluation metric for
       image generation", CVPR (2024).
    """
    scaled = _unit_rows(embeddings1, embeddings2)
    return CMMD_SCALE * rbf_kernel_distance(
        *scaled, sigma=CMMD_SIGMA, estimator="biased"
    )


def cmmd_replicates(
    embeddings1: Array,
    embeddings2: Array,
    *,
    n_replicates: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return bootstrap replicates of CMMD, from one walk over all pairs.

    Parameters
    ----------
    embeddings1, embeddings2 : array of shape (n1, d) and (n2, d), float32 or float64
        Embeddings of the two sides, as for `cmmd`.
    n_replicates : int
        Number of replicates.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    array of shape (n_replicates,), float64
        1000 times the unbiased kernel distance, each time with both sides resampled;
        its spread, not its middle, is that of `cmmd`.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, or a row is zero.
    """
    scaled = _unit_rows(embeddings1, embeddings2)
    weights = [resample_counts(len(e), n_replicates, rng=rng) for e in scaled]
    side1, side2, kernel = _gaussian(*scaled, CMMD_SIGMA)
    distances = _weighted_distances(side1, side2, kernel, *weights)
    return CMMD_SCALE * distances


def _unit_rows(embeddings1: Array, embeddings2: Array) -> tuple[Array, Array]:
    _check_sides(embeddings1, embeddings2)
    scaled = []
    for embeddings in (embeddings1, embeddings2):
        norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
        if not norms.all():
            raise ValueError(
                "embeddings must have no zero row, got "
                f"{int((norms == 0).sum())} of {len(norms)}"
            )
        scaled.append(embeddings / norms)
    return scaled[0], scaled[1]


def _check_sides(features1: Array, features2: Array) -> None:
    check_rows(features1, name="features1", least=2)
    check_rows(features2, name="features2", least=2)
    check_same_columns(features1, features2)


def _centred(features1: Array, features2: Array) -> tuple[Array, Array, Array]:
    dtype = np.result_type(features1, features2)
    centre = features1.mean(axis=0, dtype=np.float64) / 2
    centre += features2.mean(axis=0, dtype=np.float64) / 2
    centre = centre.astype(dtype)
    return features1 - centre, features2 - centre, centre


def _polynomial(features1: Array, features2: Array) -> tuple[_Side, _Side, _Kernel]:
    rows1, rows2, centre = _centred(features1, features2)
    wide = centre.astype(np.float64)
    # (c + u)·(c + v) = (c·u + c·c / 2) + (c·v + c·c / 2) + u·v
    sides = [_Side(rows, rows @ wide + wide @ wide / 2) for rows in (rows1, rows2)]
    n_columns = len(centre)

    def kernel(products: FloatMatrix) -> FloatMatrix:
        # (t + 1)³ - 1; the constant cancels between the three averages.
        products /= n_columns
        cubic = products + 3
        cubic *= products
        cubic += 3
        cubic *= products
        return cubic

    return sides[0], sides[1], kernel


def _gaussian(
    features1: Array, features2: Array, sigma: float
) -> tuple[_Side, _Side, _Kernel]:
    rows1, rows2, _ = _centred(features1, features2)
    sides = [
        _Side(rows, -0.5 * np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        for rows in (rows1, rows2)
    ]

    def kernel(products: FloatMatrix) -> FloatMatrix:
        products /= sigma**2
        np.minimum(products, 0, out=products)
        return np.expm1(products, out=products)

    return sides[0], sides[1], kernel


def _subset_weights(n_images: int, subsets: IndexMatrix) -> FloatMatrix:
    weights = np.zeros((n_images, len(subsets)))
    weights[subsets, np.arange(len(subsets))[:, np.newaxis]] = 1
    return weights


def _part(side: _Side, chosen: NDArray[np.int64]) -> _Side:
    return _Side(side.rows[chosen], side.offsets[chosen])


def _weighted_distances(
    side1: _Side,
    side2: _Side,
    kernel: _Kernel,
    weights1: FloatMatrix,
    weights2: FloatMatrix,
) -> NDArray[np.float64]:
    # One unbiased estimate for each column of weights.
    distances: NDArray[np.float64] = -2 * _sums_across(
        side1, side2, kernel, weights1, weights2
    )
    distances /= weights1.sum(axis=0) * weights2.sum(axis=0)
    for side, weights in ((side1, weights1), (side2, weights2)):
        pairs = weights.sum(axis=0) ** 2 - (weights**2).sum(axis=0)
        distances += _sums_within(side, kernel, weights) / pairs
    return distances


def _sums_within(
    side: _Side, kernel: _Kernel, weights: FloatMatrix
) -> NDArray[np.float64]:
    # For each column of weights, the sum over pairs of different images.
    sums = np.zeros(weights.shape[1])
    starts = range(0, len(side.rows), BLOCK_ROWS)
    for start1 in starts:
        rows1 = slice(start1, start1 + BLOCK_ROWS)
        for start2 in starts[start1 // BLOCK_ROWS :]:
            rows2 = slice(start2, start2 + BLOCK_ROWS)
            values = _kernel_block(side, rows1, side, rows2, kernel)
            if start1 == start2:
                np.fill_diagonal(values, 0)
            part = _weighted_sums(values, weights[rows1], weights[rows2])
            sums += part if start1 == start2 else 2 * part
    return sums


def _sums_across(
    side1: _Side,
    side2: _Side,
    kernel: _Kernel,
    weights1: FloatMatrix,
    weights2: FloatMatrix,
) -> NDArray[np.float64]:
    # For each column of weights, the sum over all pairs of one image from either side.
    sums = np.zeros(weights1.shape[1])
    for start1 in range(0, len(side1.rows), BLOCK_ROWS):
        rows1 = slice(start1, start1 + BLOCK_ROWS)
        for start2 in range(0, len(side2.rows), BLOCK_ROWS):
            rows2 = slice(start2, start2 + BLOCK_ROWS)
            values = _kernel_block(side1, rows1, side2, rows2, kernel)
            sums += _weighted_sums(values, weights1[rows1], weights2[rows2])
    return sums


def _kernel_block(
    side1: _Side, rows1: slice, side2: _Side, rows2: slice, kernel: _Kernel
) -> FloatMatrix:
    part1, part2 = (
        torch.from_numpy(side.rows[rows])
        for side, rows in ((side1, rows1), (side2, rows2))
    )
    products: FloatMatrix = row_products(part1, part2).double().numpy()
    products += side1.offsets[rows1, np.newaxis]
    products += side2.offsets[rows2]
    return kernel(products)


def _weighted_sums(
    values: FloatMatrix, weights1: FloatMatrix, weights2: FloatMatrix
) -> NDArray[np.float64]:
    weighted = torch.from_numpy(values) @ torch.from_numpy(weights2)
    sums: NDArray[np.float64] = np.einsum("ij,ij->j", weights1, weighted.numpy())
    return sums

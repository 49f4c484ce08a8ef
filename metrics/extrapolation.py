"""Scores without the bias of a finite sample: a straight line in 1/N, at 1/N = 0."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows, check_same_columns
from metrics.frechet import gaussian_factor
from metrics.inception_score import entropy, label_sums
from metrics.moments import RunningMoments

N_POINTS = 15
LARGEST_START = 5000

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Extrapolation:
    """A metric at several sample sizes and the line fitted to it.

    Attributes
    ----------
    value : float
        Intercept: the metric expected of infinitely many images.
    slope : float
        Change of the metric per unit of 1/N.
    sizes : array of shape (n_points,), int64
        Numbers of images.
    scores : array of shape (n_points,), float64
        The metric of that many images.
    """

    value: float
    slope: float
    sizes: NDArray[np.int64]
    scores: Vector


def frechet_distance_infinity(
    reference: Array,
    features: Array,
    *,
    rng: np.random.Generator,
    n_points: int = N_POINTS,
) -> Extrapolation:
    """Return the Fréchet distance extrapolated to infinitely many generated images.

    Parameters
    ----------
    reference : array of shape (n_reference, d), float32 or float64
        Features of the real images, all used at every size.
    features : array of shape (n, d), float32 or float64
        Features of the generated images.
    rng : numpy.random.Generator
        Source of the order in which images join the growing subset.
    n_points : int
        Number of sizes, evenly spaced from min(5000, n / 10) to n.

    Returns
    -------
    Extrapolation
        The intercept, in squared feature units, and the points behind it; lower is
        better. The intercept may come out below zero.

    Raises
    ------
    ValueError
        If there are too few images for as many sizes, shapes disagree, or a value is
        not finite.

    Notes
    -----
    Variant of [1]_ with nested subsets: each size adds images to the one before, so
    every image is used once. With C1 = Fᵀ F for the reference, tr (C1 C2)^½ is the sum
    of the roots of the eigenvalues of cov(F x): F is found once, features are mapped
    by it once, and each size costs the eigenvalues of one symmetric matrix. Below as
    many images as F has rows, singular values of the mapped images take their place.

    The bias is a straight line in 1/N only where N is well above d.

    References
    ----------
    .. [1] Chong and Forsyth, "Effectively unbiased FID and Inception Score and where to
       find them", CVPR (2020).
    """
    check_rows(reference, name="reference", least=2)
    check_rows(features, name="features", least=2)
    check_same_columns(reference, features, name1="reference")
    sizes = subset_sizes(len(features), n_points=n_points)
    order = rng.permutation(len(features))
    mean1, factor1 = gaussian_factor(reference)
    trace1 = float((factor1**2).sum())

    rank = min(len(factor1), len(reference) - 1)
    if not rank:  # equal reference images: nothing varies together with them
        factor1 = np.zeros((1, len(mean1)))
    mapped = RunningMoments(len(factor1))
    kept: list[Vector] = []
    total, squares = np.zeros(len(mean1)), 0.0
    scores = np.empty(len(sizes))
    for index, (start, stop) in enumerate(pairwise([0, *sizes])):
        rows = features[order[start:stop]] - mean1
        total += rows.sum(axis=0)
        squares += float(np.einsum("ij,ij->", rows, rows))
        image = rows @ factor1.T
        mapped.add(image)
        if stop <= len(factor1):
            kept.append(image)
            root = _root_of_few(np.concatenate(kept))
        else:
            root = _root_of_covariance(mapped.result().cov, rank)
        offset = float(total @ total) / stop**2
        trace2 = (squares - stop * offset) / (stop - 1)
        scores[index] = offset + trace1 + trace2 - 2 * root
    return fit_line(sizes, scores)


def inception_score_infinity(
    logits: Array, *, rng: np.random.Generator, n_points: int = N_POINTS
) -> Extrapolation:
    """Return the Inception Score extrapolated to infinitely many images.

    Parameters
    ----------
    logits : array of shape (n, n_classes), float32 or float64
        Outputs of the classifier before its softmax.
    rng : numpy.random.Generator
        Source of the order in which images join the growing subset.
    n_points : int
        Number of sizes, evenly spaced from min(5000, n / 10) to n.

    Returns
    -------
    Extrapolation
        The intercept, 1 or more but for noise, and the points behind it; higher is
        better.

    Raises
    ------
    ValueError
        If there are too few images for as many sizes, or a logit is not finite.

    Notes
    -----
    One split at each size, nested subsets as in `frechet_distance_infinity`.

    References
    ----------
    .. [1] Chong and Forsyth, "Effectively unbiased FID and Inception Score and where to
       find them", CVPR (2020).
    """
    check_rows(logits, name="logits")
    sizes = subset_sizes(len(logits), n_points=n_points)
    order = rng.permutation(len(logits))
    total, entropy_sum = np.zeros(logits.shape[1]), 0.0
    scores = np.empty(len(sizes))
    for index, (start, stop) in enumerate(pairwise([0, *sizes])):
        more, more_entropy = label_sums(logits[order[start:stop]])
        total += more
        entropy_sum += more_entropy
        scores[index] = np.exp(entropy(total / stop) - entropy_sum / stop)
    return fit_line(sizes, scores)


def subset_sizes(n_images: int, *, n_points: int) -> NDArray[np.int64]:
    """Return the sample sizes at which a metric is extrapolated.

    Parameters
    ----------
    n_images : int
        Number of images.
    n_points : int
        Number of sizes.

    Returns
    -------
    array of shape (n_points,), int64
        Evenly spaced from min(5000, n_images / 10) to n_images.

    Raises
    ------
    ValueError
        If the sizes would not all differ, or the smallest is below two.
    """
    least = 2
    start = min(LARGEST_START, n_images // 10)
    if n_points < least or start < least or n_images - start < n_points:
        raise ValueError(
            f"an extrapolation needs 2 or more sizes of 2 or more images each, got "
            f"{n_points} sizes from {n_images} images"
        )
    return np.linspace(start, n_images, n_points).astype(np.int64)


def fit_line(sizes: NDArray[np.int64], scores: Vector) -> Extrapolation:
    """Return the least-squares line of scores over 1/N.

    Parameters
    ----------
    sizes : array of shape (n_points,), int64
        Numbers of images.
    scores : array of shape (n_points,), float64
        The metric of that many images.

    Returns
    -------
    Extrapolation
        Intercept and slope, with the points.
    """
    inverse = 1 / sizes
    centred = inverse - inverse.mean()
    slope = float(centred @ scores / (centred @ centred))
    value = float(scores.mean() - slope * inverse.mean())
    return Extrapolation(value=value, slope=slope, sizes=sizes, scores=scores)


def _root_of_few(image: Vector) -> float:
    centred = image - image.mean(axis=0)
    values = torch.linalg.svdvals(torch.from_numpy(centred))
    return float(values.sum()) / float(np.sqrt(len(image) - 1))


def _root_of_covariance(cov: Vector, rank: int) -> float:
    # Ascending; beyond the rank there is only rounding, which a root magnifies.
    values = torch.linalg.eigvalsh(torch.from_numpy(cov))[-rank:]
    return float(values.clamp(min=0).sqrt().sum())

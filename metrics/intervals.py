"""Confidence intervals of the metrics, over the images that happened to be drawn."""

from itertools import pairwise
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows, check_same_columns
from metrics.extrapolation import Extrapolation
from metrics.feature_distance import PairMean
from metrics.inception_score import (
    label_probabilities,
    label_sums,
    split_edges,
)
from metrics.influence import Influence
from metrics.interval_methods import (
    LEVEL,
    Interval,
    Vector,
    check_count,
    delta_interval,
    mean_interval,
    normal_interval,
)
from metrics.kernel_distance import KernelDistance
from metrics.moments import column_moments
from metrics.precision_recall import Manifold

BLOCK_ROWS = 4096


METHODS: Final = MappingProxyType(
    {
        "fid": "delta method",
        "fid_infinity": "delta method",
        "frechet_univariate_mean": "delta method",
        "inception_score_mean": "delta method",
        "inception_score_infinity": "delta method",
        "label_entropy_marginal": "delta method",
        "label_entropy_conditional": "normal",
        "kid_mean": "bootstrap standard error",
        "cmmd": "bootstrap standard error",
        "prd_f8": "bootstrap standard error",
        "prd_f1_8": "bootstrap standard error",
        "precision": "Wilson, given the balls",
        "recall": "Wilson, given the balls",
        "coverage": "Wilson, given the balls",
        "authenticity": "Wilson, given the real images",
        "density": "normal, given the balls",
        "nearest_real_distance_median": "order statistics",
        "mean_feature_distance": "delta method",
        "mean_euclidean_distance": "two-sample normal",
        "mean_cosine_distance": "two-sample normal",
        "pixel_distance": "normal",
    }
)


def kernel_distance_interval(
    found: KernelDistance, *, n_subsets: int, level: float = LEVEL
) -> Interval:
    """Return the interval of the Kernel Inception Distance's mean over subsets.

    Parameters
    ----------
    found : KernelDistance
        With replicates.
    n_subsets : int
        Number of subsets behind its mean.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end; the low one may be negative, as the estimate may.

    Raises
    ------
    ValueError
        If there are fewer than two replicates, or the level is not between 0 and 1.

    Notes
    -----
    Variance of the replicates, for the draw of the images, plus that of the mean over
    subsets, for their draw. Near equal distributions, where the estimate is degenerate,
    the interval is too wide rather than too narrow.
    """
    check_count(found.replicates)
    variance = float(found.replicates.var(ddof=1)) + found.std**2 / n_subsets
    return normal_interval(found.mean, float(np.sqrt(variance)), level=level)


def frechet_interval(
    distance: float, influence: Influence, *, level: float = LEVEL
) -> Interval:
    """Return the interval of the Fréchet distance at these numbers of images.

    Parameters
    ----------
    distance : float
        The distance, in squared feature units.
    influence : Influence
        From `frechet_influence` of the same features.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end, 0 or more.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1.

    Notes
    -----
    For the distance expected at the same numbers of images: the bias of few images,
    which is often larger than the interval, is in its middle. A bootstrap would count
    that bias twice, since a resampled set has fewer distinct images still.
    """
    return delta_interval(distance, influence, level=level)


def frechet_infinity_interval(
    extrapolation: Extrapolation, influence: Influence, *, level: float = LEVEL
) -> Interval:
    """Return the interval of the extrapolated Fréchet distance.

    Parameters
    ----------
    extrapolation : Extrapolation
        From `frechet_distance_infinity`, generated images being the second set.
    influence : Influence
        From `frechet_influence(reference, features)`.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1.

    Notes
    -----
    The intercept is a weighted sum of distances of nested subsets, so that an image
    enters with a weight that its place in the order decides: the interval covers the
    draw of the images and of their order, not a bias that is no straight line in 1/N.
    """
    weights = _intercept_weights(extrapolation.sizes)
    error = influence.standard_error(weights2=weights)
    return normal_interval(extrapolation.value, error, level=level)


def frechet_univariate_interval(
    features1: Array, features2: Array, *, level: float = LEVEL
) -> Interval:
    """Return the interval of the mean univariate Fréchet distance.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of n1, n2 >= 2 images.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end, 0 or more, for the distance expected at these numbers.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, or the level is not within 0 to 1.
    """
    check_rows(features1, name="features1", least=2)
    check_rows(features2, name="features2", least=2)
    check_same_columns(features1, features2)
    (mean1, std1), (mean2, std2) = (
        column_moments(features) for features in (features1, features2)
    )
    distance = float(((mean1 - mean2) ** 2 + (std1 - std2) ** 2).mean())
    influence = Influence(
        on1=_univariate_influence(features1, mean1 - mean2, std1, std2),
        on2=_univariate_influence(features2, mean2 - mean1, std2, std1),
    )
    return delta_interval(distance, influence, level=level)


def inception_score_interval(
    logits: Array,
    *,
    n_splits: int = 10,
    split_size: int | None = None,
    order: NDArray[np.integer] | None = None,
    level: float = LEVEL,
) -> Interval:
    """Return the interval of the Inception Score's mean over splits.

    Parameters
    ----------
    logits : array of shape (n, n_classes), float32 or float64
        Outputs of the classifier before its softmax.
    n_splits : int
        As in `inception_score`.
    split_size : int, optional
        As in `inception_score`.
    order : array of shape (m,), int, optional
        As in `inception_score`.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end, 1 or more, for the score expected at this split size.

    Raises
    ------
    ValueError
        If there are fewer images than splits, a logit is not finite, or the level is
        not between 0 and 1.

    Notes
    -----
    The influence of an image on log IS is KL(p(y|x) || p(y)) less its mean. The spread
    over splits, often printed as an error, is that of a tenth of the images.
    """
    check_rows(logits, name="logits")
    if order is not None:
        logits = logits[order]
    edges = split_edges(len(logits), n_splits=n_splits, split_size=split_size)
    scores, variances = [], []
    for start, stop in pairwise(edges):
        gains = _information_gains(logits[start:stop])
        score = float(np.exp(gains.mean()))
        scores.append(score)
        variances.append(score**2 * float(gains.var()) / len(gains))
    error = float(np.sqrt(sum(variances))) / len(scores)
    low, high = normal_interval(float(np.mean(scores)), error, level=level)
    return max(low, 1.0), high


def inception_score_infinity_interval(
    extrapolation: Extrapolation, logits: Array, *, level: float = LEVEL
) -> Interval:
    """Return the interval of the extrapolated Inception Score.

    Parameters
    ----------
    extrapolation : Extrapolation
        From `inception_score_infinity` of the same logits.
    logits : array of shape (n, n_classes), float32 or float64
        Outputs of the classifier before its softmax.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end, 1 or more.

    Raises
    ------
    ValueError
        If a logit is not finite or the level is not between 0 and 1.
    """
    check_rows(logits, name="logits", least=2)
    weights = _intercept_weights(extrapolation.sizes)
    gains = _information_gains(logits)
    error = extrapolation.value * float(gains.std()) * float(np.linalg.norm(weights))
    low, high = normal_interval(extrapolation.value, error, level=level)
    return max(low, 1.0), high


def label_entropy_intervals(
    logits: Array, *, level: float = LEVEL
) -> tuple[Interval, Interval]:
    """Return the intervals of the marginal and of the conditional label entropy.

    Parameters
    ----------
    logits : array of shape (n, n_classes), float32 or float64
        Outputs of the classifier before its softmax.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of (float, float)
        The marginal's interval and the conditional's, in nats.

    Raises
    ------
    ValueError
        If there are fewer than two images, a logit is not finite, or the level is not
        between 0 and 1.
    """
    check_rows(logits, name="logits", least=2)
    surprises, entropies = _surprises_and_entropies(logits)
    marginal = mean_interval(surprises, level=level)
    conditional = mean_interval(entropies, level=level)
    return (max(marginal[0], 0.0), marginal[1]), (
        max(conditional[0], 0.0),
        conditional[1],
    )


def density_interval(manifold: Manifold, *, level: float = LEVEL) -> Interval:
    """Return the interval of the density, given the real balls.

    Parameters
    ----------
    manifold : Manifold
        From `precision_recall_density_coverage`.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end, 0 or more.

    Raises
    ------
    ValueError
        If there are fewer than two generated images, or the level is not within 0 to 1.
    """
    low, high = mean_interval(manifold.n_balls / manifold.k_density, level=level)
    return max(low, 0.0), high


def mean_feature_distance_interval(
    features1: Array, features2: Array, *, level: float = LEVEL
) -> Interval:
    """Return the interval of the distance between mean features.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of n1, n2 >= 2 images.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end, 0 or more, for the distance expected at these numbers.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, or the level is not within 0 to 1.
    """
    check_rows(features1, name="features1", least=2)
    check_rows(features2, name="features2", least=2)
    check_same_columns(features1, features2)
    mean1, mean2 = (f.mean(axis=0, dtype=np.float64) for f in (features1, features2))
    offset = mean1 - mean2
    distance = float(np.linalg.norm(offset))
    direction = offset / (distance or 1.0)
    influence = Influence(on1=features1 @ direction, on2=features2 @ direction)
    return delta_interval(distance, influence, level=level)


def pair_mean_interval(pair_mean: PairMean, *, level: float = LEVEL) -> Interval:
    """Return the interval of a mean over all pairs of two sets.

    Parameters
    ----------
    pair_mean : PairMean
        From `mean_euclidean_distance` or `mean_cosine_distance`.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end, 0 or more.

    Raises
    ------
    ValueError
        If a set has one image, or the level is not between 0 and 1.

    Notes
    -----
    Variance of a two-sample U-statistic to first order.
    """
    check_count(pair_mean.of_images1)
    check_count(pair_mean.of_images2)
    influence = Influence(on1=pair_mean.of_images1, on2=pair_mean.of_images2)
    return delta_interval(pair_mean.value, influence, level=level)


def _intercept_weights(sizes: NDArray[np.int64]) -> Vector:
    # The intercept is a sum of scores with these weights; a score of m images is, to
    # first order, the mean of the influences of the first m.
    inverse = 1 / sizes
    centred = inverse - inverse.mean()
    of_scores = 1 / len(sizes) - inverse.mean() * centred / (centred @ centred)
    steps = np.diff([0, *sizes])
    of_positions = np.cumsum((of_scores * inverse)[::-1])[::-1]
    return np.repeat(of_positions, steps)


def _univariate_influence(
    features: Array, offset: Vector, std: Vector, other_std: Vector
) -> Vector:
    mean = features.mean(axis=0, dtype=np.float64)
    share = np.divide(other_std, std, out=np.zeros_like(std), where=std > 0)
    influences = np.empty(len(features))
    for start in range(0, len(features), BLOCK_ROWS):
        rows = features[start : start + BLOCK_ROWS] - mean
        values = 2 * (rows @ offset) + rows**2 @ (1 - share)
        influences[start : start + BLOCK_ROWS] = values / features.shape[1]
    return influences


def _surprises_and_entropies(logits: Array) -> tuple[Vector, Vector]:
    # For each image -sum p(y|x) log p(y), whose mean is H(y), and H(p(y|x)).
    marginal = label_sums(logits)[0] / len(logits)
    with np.errstate(divide="ignore"):
        logs = np.where(marginal > 0, np.log(marginal), 0.0)
    surprises, entropies = np.empty(len(logits)), np.empty(len(logits))
    for start in range(0, len(logits), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        probabilities, entropies[rows] = label_probabilities(logits[rows])
        surprises[rows] = -(probabilities @ logs)
    return surprises, entropies


def _information_gains(logits: Array) -> Vector:
    # KL(p(y|x) || p(y)) of each image.
    surprises, entropies = _surprises_and_entropies(logits)
    return surprises - entropies

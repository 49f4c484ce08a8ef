"""The literature's known failures of the metrics, checked on arrays, as data."""

import numpy as np
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows
from metrics.extrapolation import Extrapolation
from metrics.findings import Finding
from metrics.inception_score import entropy, label_sums
from metrics.neighbours import nearest_across, nearest_within
from metrics.pairs import PreparedSet, Vector, prepare_sets

# FID is off by more than this share of itself at the given number of images.
LARGE_BIAS = 0.05
# A classifier at home with the images is surer than this share of log(n_classes).
UNSURE = 0.5
# Features closer than this share of the images' spread belong to one image.
SAME_IMAGE = 1e-3
# Neighbours closer than this share of the real images' are near-duplicates.
NEAR_DUPLICATE = 0.1
GAMED_SHARE = 0.5


def few_images(n_real: int, n_fake: int, *, n_columns: int) -> list[Finding]:
    """Return a finding where a side has too few images for the feature dimension.

    Parameters
    ----------
    n_real, n_fake : int
        Number of images of either side.
    n_columns : int
        Dimension of the features.

    Returns
    -------
    list of Finding
        ``too-few-images``, or nothing.

    Notes
    -----
    With no more images than dimensions the covariance is singular: most of the Fréchet
    distance is then the sample's, not the model's.
    """
    fewest = min(n_real, n_fake)
    if fewest > n_columns:
        return []
    return [
        Finding(
            "too-few-images",
            f"A side has {fewest} images for {n_columns} features: with no more images "
            "than features the Fréchet distance is mostly sampling bias; use at least "
            f"{n_columns + 1}, better 10,000, or rely on KID.",
        )
    ]


def unequal_counts(n_real: int, n_fake: int) -> list[Finding]:
    """Return a finding where the two sides hold different numbers of images.

    Parameters
    ----------
    n_real, n_fake : int
        Number of images of either side.

    Returns
    -------
    list of Finding
        ``unequal-counts``, or nothing.
    """
    if n_real == n_fake:
        return []
    return [
        Finding(
            "unequal-counts",
            f"There are {n_real} real and {n_fake} generated images: FID, recall, "
            "coverage and PRD depend on the counts, so compare only with results of "
            "the same counts.",
        )
    ]


def frechet_bias(distance: float, extrapolation: Extrapolation) -> list[Finding]:
    """Return a finding where FID is far from its value at infinitely many images.

    Parameters
    ----------
    distance : float
        FID at this number of images.
    extrapolation : Extrapolation
        From `frechet_distance_infinity` of the same features.

    Returns
    -------
    list of Finding
        ``fid-bias``, or nothing where the bias is within a twentieth of FID.
    """
    bias = distance - extrapolation.value
    if distance <= 0 or bias <= LARGE_BIAS * distance:
        return []
    return [
        Finding(
            "fid-bias",
            f"Of the FID of {distance:.4g}, about {bias:.4g} is the bias of "
            f"{int(extrapolation.sizes[-1])} images: FID_infinity is "
            f"{extrapolation.value:.4g}; models differ in this bias too.",
        )
    ]


def outside_domain(real_logits: Array) -> list[Finding]:
    """Return a finding where the classifier does not know the real images themselves.

    Parameters
    ----------
    real_logits : array of shape (n, n_classes), float32 or float64
        Outputs of the Inception Score's classifier for the real images.

    Returns
    -------
    list of Finding
        ``inception-score-domain``, or nothing.

    Raises
    ------
    ValueError
        If a logit is not finite.
    """
    check_rows(real_logits, name="real_logits")
    conditional = label_sums(real_logits)[1] / len(real_logits)
    largest = float(np.log(real_logits.shape[1]))
    if conditional <= UNSURE * largest:
        return []
    return [
        Finding(
            "inception-score-domain",
            f"The classifier is unsure of the real images themselves: their mean label "
            f"entropy is {conditional:.2f} of at most {largest:.2f} nats; the "
            "Inception Score says little of images outside its domain.",
        )
    ]


def gamed_inception_score(
    *, real: Array, fake: Array, real_logits: Array, fake_logits: Array
) -> list[Finding]:
    """Return a finding where near-duplicate samples reach the real Inception Score.

    Parameters
    ----------
    real, fake : array of shape (n_real, d) and (n_fake, d), float32 or float64
        Features of at least two images of either side.
    real_logits, fake_logits : array of shape (n_real, c) and (n_fake, c), float
        Outputs of the classifier for the same images.

    Returns
    -------
    list of Finding
        ``inception-score-gamed``, or nothing.

    Raises
    ------
    ValueError
        If a value is not finite, or a side has one image.

    Notes
    -----
    One sure image of each class, repeated, has the largest score there is [1]_.
    Flagged where the score is no lower than that of the real images while half of the
    samples have another sample ten times closer than real images have one another.

    References
    ----------
    .. [1] Barratt and Sharma, "A note on the Inception Score", arXiv 1801.01973 (2018).
    """
    score, real_score = (_log_score(logits) for logits in (fake_logits, real_logits))
    if score < real_score:
        return []
    real_set, fake_set = _prepared(real, fake)
    usual = float(np.median(_nearest_distances(real_set)))
    share = float((_nearest_distances(fake_set) < NEAR_DUPLICATE * usual).mean())
    if share < GAMED_SHARE:
        return []
    return [
        Finding(
            "inception-score-gamed",
            f"The Inception Score of {np.exp(score):.2f} reaches that of the real "
            f"images, {np.exp(real_score):.2f}, but {share:.0%} of the samples are "
            "near-duplicates of another: look at recall and coverage.",
        )
    ]


def duplicates(features: Array, *, name: str) -> list[Finding]:
    """Return a finding where a set holds the same image more than once.

    Parameters
    ----------
    features : array of shape (n, d), float32 or float64
        Features of at least two images.
    name : str
        What the message calls the set.

    Returns
    -------
    list of Finding
        ``duplicates``, or nothing.

    Raises
    ------
    ValueError
        If a value is not finite, or there is one image.
    """
    (prepared,) = _prepared(features)
    same = _nearest_distances(prepared) <= SAME_IMAGE * _spread(prepared)
    n_same = int(same.sum())
    if not n_same:
        return []
    return [
        Finding(
            "duplicates",
            f"{n_same} of the {len(same)} images of {name} have a copy in the same "
            "set: neighbour-based metrics shrink their balls, and intervals are too "
            "narrow.",
        )
    ]


def overlap(real: Array, fake: Array) -> list[Finding]:
    """Return a finding where the same image stands on both sides.

    Parameters
    ----------
    real, fake : array of shape (n_real, d) and (n_fake, d), float32 or float64
        Features of at least two images of either side.

    Returns
    -------
    list of Finding
        ``overlap``, or nothing.

    Raises
    ------
    ValueError
        If a value is not finite, or a side has one image.
    """
    real_set, fake_set = _prepared(real, fake)
    squared, _ = nearest_across(fake_set, real_set, k=1)
    n_same = int((np.sqrt(squared) <= SAME_IMAGE * _spread(real_set)).sum())
    if not n_same:
        return []
    return [
        Finding(
            "overlap",
            f"{n_same} of the {len(fake)} generated images are also among the real "
            "ones: copies look perfect to every metric here but authenticity.",
        )
    ]


def _prepared(*sets: Array) -> list[PreparedSet]:
    for features in sets:
        check_rows(features, name="features", least=2)
    return prepare_sets(*sets)


def _nearest_distances(prepared: PreparedSet) -> NDArray[np.float64]:
    squared, _ = nearest_within(prepared, k=1)
    distances: Vector = np.sqrt(squared[:, 0])
    return distances


def _spread(prepared: PreparedSet) -> float:
    # Root mean squared distance of two images: √2 that from the centre.
    return float(np.sqrt(2 * prepared.squared_norms.mean()))


def _log_score(logits: Array) -> float:
    total, entropy_sum = label_sums(logits)
    return entropy(total / len(logits)) - entropy_sum / len(logits)

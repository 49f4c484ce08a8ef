"""Plain distances between two feature sets, and from images to their nearest real."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows, check_same_columns
from metrics.neighbours import nearest_across, nearest_within
from metrics.pairs import Indices, Vector, cross_blocks, prepare_sets


@dataclass(frozen=True, eq=False)
class PairMean:
    """A mean over all pairs of one image from either set.

    Attributes
    ----------
    value : float
        The mean.
    of_images1 : array of shape (n1,), float64
        Mean over the pairs that each image of the first set takes part in.
    of_images2 : array of shape (n2,), float64
        The same for the second set.
    """

    value: float
    of_images1: Vector
    of_images2: Vector


@dataclass(frozen=True, eq=False)
class NearestReal:
    """The nearest real image of every generated one, and what it says of copying.

    Attributes
    ----------
    distances : array of shape (n_fake,), float64
        Euclidean distance to the nearest real image, in feature units.
    indices : array of shape (n_fake,), int64
        That real image.
    median : float
        Median of the distances: 0 means copies, high means far from all real images.
    is_authentic : array of shape (n_fake,), bool
        Whether an image is farther from its nearest real image than that one is from
        its own nearest other real image.
    authenticity : float
        Share of authentic images, 0 to 1; about one half for fresh real images, lower
        where samples are near-copies.
    """

    distances: Vector
    indices: Indices
    median: float
    is_authentic: NDArray[np.bool_]
    authenticity: float


def mean_feature_distance(features1: Array, features2: Array) -> float:
    """Return the Euclidean distance between the mean features of two sets.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of the two sets.

    Returns
    -------
    float
        |mean1 - mean2| in feature units; 0 when equal, lower is better. Its square is
        the first term of the Fréchet distance.

    Raises
    ------
    ValueError
        If shapes disagree or a value is not finite.
    """
    _check_sets(features1, features2)
    mean1, mean2 = (f.mean(axis=0, dtype=np.float64) for f in (features1, features2))
    return float(np.linalg.norm(mean1 - mean2))


def mean_euclidean_distance(features1: Array, features2: Array) -> PairMean:
    """Return the Euclidean distance between images, averaged over all pairs.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of the two sets.

    Returns
    -------
    PairMean
        Mean of |x - y| in feature units, and each image's part. Not 0 for equal sets:
        compare it with the same mean between two real sets.

    Raises
    ------
    ValueError
        If shapes disagree or a value is not finite.

    Notes
    -----
    Distances in float32 blocks (see `metrics.pairs`), sums in float64. Exact to
    about 1e-6, but for pairs nearly equal, which lie within 1e-3 of the norms.
    """
    _check_sets(features1, features2)
    sums1, sums2 = np.zeros(len(features1)), np.zeros(len(features2))
    for block in cross_blocks(*prepare_sets(features1, features2)):
        values = np.maximum(block.values, 0, out=block.values)
        distances = np.sqrt(values, out=values)
        sums1[block.rows1] += distances.sum(axis=1, dtype=np.float64)
        sums2[block.rows2] += distances.sum(axis=0, dtype=np.float64)
    return PairMean(
        value=float(sums1.sum()) / (len(sums1) * len(sums2)),
        of_images1=sums1 / len(sums2),
        of_images2=sums2 / len(sums1),
    )


def mean_cosine_distance(features1: Array, features2: Array) -> PairMean:
    """Return one less the cosine between images, averaged over all pairs.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of the two sets.

    Returns
    -------
    PairMean
        Mean of 1 - x·y / (|x| |y|), 0 to 2, and each image's part; lower is better.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, or a row is zero.

    Notes
    -----
    The mean over pairs is a product of means of unit vectors: no pair is visited.
    """
    _check_sets(features1, features2)
    units1, units2 = _unit_rows(features1), _unit_rows(features2)
    of_images1 = 1 - units1 @ units2.mean(axis=0)
    of_images2 = 1 - units2 @ units1.mean(axis=0)
    return PairMean(
        value=float(of_images1.mean()), of_images1=of_images1, of_images2=of_images2
    )


def nearest_real(real: Array, fake: Array) -> NearestReal:
    """Return the nearest real image of every generated image.

    Parameters
    ----------
    real, fake : array of shape (n_real, d) and (n_fake, d), float32 or float64
        Features of at least two real images and of the generated images.

    Returns
    -------
    NearestReal
        Distances, and the share of images that are no near-copies.

    Raises
    ------
    ValueError
        If there is one real image, shapes disagree, or a value is not finite.

    Notes
    -----
    Authenticity asks whether a sample is closer to a training image than other real
    images are: compare with the images that the generator was trained on, else it
    cannot show copying.

    References
    ----------
    .. [1] Alaa et al., "How faithful is your synthetic data? Sample-level metrics for
       evaluating and auditing generative models", ICML (2022), section 3.3.
    """
    check_rows(real, name="real", least=2)
    check_rows(fake, name="fake")
    check_same_columns(real, fake, name1="real", name2="fake")
    real_set, fake_set = prepare_sets(real, fake)
    squared, indices = nearest_across(fake_set, real_set, k=1)
    own_squared, _ = nearest_within(real_set, k=1)
    is_authentic = squared[:, 0] > own_squared[indices[:, 0], 0]
    distances = np.sqrt(squared[:, 0])
    return NearestReal(
        distances=distances,
        indices=indices[:, 0],
        median=float(np.median(distances)),
        is_authentic=is_authentic,
        authenticity=float(is_authentic.mean()),
    )


def _unit_rows(features: Array) -> Vector:
    wide = features.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    if not norms.all():
        raise ValueError(
            "features must have no zero row for a cosine, got "
            f"{int((norms == 0).sum())} of {len(norms)}"
        )
    wide /= norms
    return wide


def _check_sets(features1: Array, features2: Array) -> None:
    check_rows(features1, name="features1")
    check_rows(features2, name="features2")
    check_same_columns(features1, features2)

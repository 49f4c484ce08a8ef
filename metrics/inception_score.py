"""The Inception Score and its two parts, from the logits of a classifier."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows, check_same_columns

BLOCK_ROWS = 4096

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InceptionScore:
    """Inception Score over splits, and what it is made of.

    Attributes
    ----------
    mean, std : float
        Mean and standard deviation of the score over the splits; a score lies between
        1 and the number of classes, higher is better.
    label_entropy_marginal : float
        Entropy of the label distribution over all images, in nats: diversity.
    label_entropy_conditional : float
        Mean entropy of the labels of an image, in nats: how unsure the classifier is.
    label_distribution : array of shape (n_classes,), float64
        Mean probability of each class over all images.
    """

    mean: float
    std: float
    label_entropy_marginal: float
    label_entropy_conditional: float
    label_distribution: Vector


def inception_score(
    logits: Array,
    *,
    n_splits: int = 10,
    split_size: int | None = None,
    order: NDArray[np.integer] | None = None,
    ddof: int = 0,
) -> InceptionScore:
    """Return the Inception Score over splits of the images.

    Parameters
    ----------
    logits : array of shape (n, n_classes), float32 or float64
        Outputs of the classifier before its softmax.
    n_splits : int
        Number of splits; split i holds the images from i n // n_splits on.
    split_size : int, optional
        Instead of `n_splits`: consecutive splits of exactly this many images, the last
        one shorter where n is no multiple.
    order : array of shape (m,), int, optional
        Order of the images before they are split, say a permutation; a selection uses
        those images only. By default the order given.
    ddof : int
        The standard deviation divides by the number of splits less this.

    Returns
    -------
    InceptionScore
        Mean, standard deviation and parts; the parts are over all images, not splits.

    Raises
    ------
    ValueError
        If there are fewer images than splits, `ddof` leaves nothing to divide by, or a
        logit is not finite.

    Notes
    -----
    log IS = H(mean p) - mean H(p), in float64, block by block. Few images per split
    bias the score low, since a small marginal is fitted to them: 10 splits of 50,000
    are the published convention. The published order is that of the files; shuffling
    makes splits alike and hides an ordering by class.

    References
    ----------
    .. [1] Salimans et al., "Improved techniques for training GANs", NeurIPS (2016).
    .. [2] Barratt and Sharma, "A note on the Inception Score", arXiv 1801.01973 (2018).
    """
    check_rows(logits, name="logits")
    if order is not None:
        logits = logits[order]
    edges = split_edges(len(logits), n_splits=n_splits, split_size=split_size)
    if len(edges) - 1 <= ddof:
        raise ValueError(
            f"ddof must be below the number of splits, {len(edges) - 1}, got {ddof}"
        )
    sums = [label_sums(logits[start:stop]) for start, stop in pairwise(edges)]
    scores = np.exp(
        [
            entropy(total / count) - entropy_sum / count
            for (total, entropy_sum), count in zip(sums, np.diff(edges), strict=True)
        ]
    )
    distribution = np.sum([total for total, _ in sums], axis=0) / len(logits)
    return InceptionScore(
        mean=float(scores.mean()),
        std=float(scores.std(ddof=ddof)),
        label_entropy_marginal=entropy(distribution),
        label_entropy_conditional=sum(value for _, value in sums) / len(logits),
        label_distribution=distribution,
    )


def inception_score_two_samples(logits: Array, marginal_logits: Array) -> float:
    """Return the Inception Score of one sample against the labels of another.

    Parameters
    ----------
    logits : array of shape (n, n_classes), float32 or float64
        Outputs for the images judged.
    marginal_logits : array of shape (m, n_classes), float32 or float64
        Outputs for the images, often the real ones, that give the marginal.

    Returns
    -------
    float
        The exponential of mean KL(p(y|x) || q(y)) with q from `marginal_logits`, 1 or
        more. Beside the plain score it shows what images gain by labels that the
        others lack.

    Raises
    ------
    ValueError
        If the class counts differ, or a logit is not finite.

    Notes
    -----
    Infinite where q gives no probability at all to a class that an image may have,
    which float64 softmax outputs reach only with logits some 700 apart.
    """
    check_rows(logits, name="logits")
    check_rows(marginal_logits, name="marginal_logits")
    check_same_columns(logits, marginal_logits, name1="logits", name2="marginal_logits")
    total, entropy_sum = label_sums(logits)
    distribution = total / len(logits)
    marginal = label_sums(marginal_logits)[0] / len(marginal_logits)
    used = distribution > 0
    with np.errstate(divide="ignore"):
        cross_entropy = -float(distribution[used] @ np.log(marginal[used]))
    return float(np.exp(cross_entropy - entropy_sum / len(logits)))


def split_edges(n_images: int, *, n_splits: int, split_size: int | None) -> list[int]:
    """Return where splits begin and end.

    Parameters
    ----------
    n_images : int
        Number of images.
    n_splits : int
        Number of splits, used where `split_size` is None.
    split_size : int or None
        Images per split.

    Returns
    -------
    list of int
        First index of every split, and n_images at the end.

    Raises
    ------
    ValueError
        If a split would be empty.
    """
    if split_size is not None:
        if split_size < 1:
            raise ValueError(f"split_size must be 1 or more, got {split_size}")
        return [*range(0, n_images, split_size), n_images]
    if not 1 <= n_splits <= n_images:
        raise ValueError(
            f"n_splits must be from 1 to the number of images, {n_images}, "
            f"got {n_splits}"
        )
    return [index * n_images // n_splits for index in range(n_splits + 1)]


def label_sums(logits: Array) -> tuple[Vector, float]:
    """Return the sum over images of label probabilities and of label entropies.

    Parameters
    ----------
    logits : array of shape (n, n_classes), float32 or float64
        Outputs of the classifier before its softmax.

    Returns
    -------
    probabilities : array of shape (n_classes,), float64
        Sum of p(y|x) over the images.
    entropies : float
        Sum of H(p(y|x)) over the images, in nats.
    """
    total, entropy_sum = np.zeros(logits.shape[1]), 0.0
    for start in range(0, len(logits), BLOCK_ROWS):
        probabilities, entropies = label_probabilities(
            logits[start : start + BLOCK_ROWS]
        )
        total += probabilities.sum(axis=0)
        entropy_sum += float(entropies.sum())
    return total, entropy_sum


def label_probabilities(logits: Array) -> tuple[NDArray[np.float64], Vector]:
    """Return the label probabilities of each image and their entropy.

    Parameters
    ----------
    logits : array of shape (n, n_classes), float32 or float64
        Outputs of the classifier before its softmax.

    Returns
    -------
    probabilities : array of shape (n, n_classes), float64
        Softmax of the logits.
    entropies : array of shape (n,), float64
        H(p(y|x)) in nats.

    Notes
    -----
    With z the logits less their largest and s = sum exp z, H = log s - sum p z: no
    logarithm of a probability, so none of zero.
    """
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    probabilities = np.exp(shifted)
    totals = probabilities.sum(axis=1, keepdims=True)
    probabilities /= totals
    entropies: Vector = np.log(totals[:, 0]) - np.einsum(
        "ij,ij->i", probabilities, shifted
    )
    return probabilities, entropies


def entropy(distribution: Vector) -> float:
    """Return the entropy of a distribution over labels.

    Parameters
    ----------
    distribution : array of shape (n_classes,), float64
        Probabilities that sum to 1.

    Returns
    -------
    float
        Entropy in nats, 0 to log(n_classes).
    """
    positive = distribution[distribution > 0]
    return -float(positive @ np.log(positive))

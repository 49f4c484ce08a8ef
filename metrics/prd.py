"""Precision and recall for distributions: a curve from histograms over clusters."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows, check_same_columns
from metrics.clustering import Labels, cluster_repeatedly, membership
from metrics.kernel_distance import resample_counts

N_CLUSTERS = 20
N_RUNS = 10
N_ANGLES = 1001
BETA = 8.0
# The first and last angle stay this far from the axes, where the slope has no value.
EDGE_ANGLE = 1e-10

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall of a distribution against another, traded off.

    Attributes
    ----------
    precision, recall : array of shape (n_angles,), float64
        Points of the curve, each 0 to 1, from high recall weight to high precision
        weight.
    f8 : float
        Largest F score that weighs recall 8 times: coverage, 0 to 1.
    f1_8 : float
        Largest F score that weighs precision 8 times: quality, 0 to 1.
    f8_replicates, f1_8_replicates : array of shape (n_replicates,), float64
        Both with the images resampled, their clusters as found.
    """

    precision: Vector
    recall: Vector
    f8: float
    f1_8: float
    f8_replicates: Vector
    f1_8_replicates: Vector


def precision_recall_curve(  # noqa: PLR0913 - the published convention's settings
    real: Array,
    fake: Array,
    *,
    rng: np.random.Generator,
    n_clusters: int = N_CLUSTERS,
    n_runs: int = N_RUNS,
    n_angles: int = N_ANGLES,
    n_replicates: int = 0,
) -> PrecisionRecallCurve:
    """Return the curve of precision against recall of a distribution, and F scores.

    Parameters
    ----------
    real, fake : array of shape (n_real, d) and (n_fake, d), float32 or float64
        Features of the real and of the generated images; equal numbers are advised,
        since clusters follow the larger set.
    rng : numpy.random.Generator
        Source of the clusterings, then of the replicates.
    n_clusters : int
        Clusters of the union of both sets.
    n_runs : int
        Clusterings over which the curve is averaged.
    n_angles : int
        Points of the curve.
    n_replicates : int
        Number of bootstrap replicates.

    Returns
    -------
    PrecisionRecallCurve
        The curve, F_8 (recall) and F_1/8 (precision); higher is better.

    Raises
    ------
    ValueError
        If there are fewer images than clusters, shapes disagree, or a value is not
        finite.

    Notes
    -----
    With p and q the shares of real and of generated images by cluster, the point of
    slope s has precision Σ min(s p, q) and recall Σ min(p, q / s) [1]_. The curve is
    the mean over the runs, the F scores are those of the mean curve. What tables of
    2019, HYPE's among them, print as "precision" is F_1/8.

    Histograms of 20 clusters see whole modes, not the quality of single images.

    References
    ----------
    .. [1] Sajjadi et al., "Assessing generative models via precision and recall",
       NeurIPS (2018), equations 1, 6 and 7.
    """
    check_rows(real, name="real", least=2)
    check_rows(fake, name="fake", least=2)
    check_same_columns(real, fake, name1="real", name2="fake")
    labels = cluster_repeatedly(
        np.concatenate([real, fake]), n_clusters=n_clusters, n_runs=n_runs, rng=rng
    )
    shares = [
        _cluster_shares(part, n_clusters=n_clusters, n_replicates=n_replicates, rng=rng)
        for part in (labels[: len(real)], labels[len(real) :])
    ]
    angles = np.linspace(EDGE_ANGLE, np.pi / 2 - EDGE_ANGLE, n_angles)
    curves = [
        _curve(of_real, of_fake, np.tan(angles))
        for of_real, of_fake in zip(*shares, strict=True)
    ]
    f8 = np.array([f_score(*curve, beta=BETA) for curve in curves])
    f1_8 = np.array([f_score(*curve, beta=1 / BETA) for curve in curves])
    return PrecisionRecallCurve(
        precision=curves[0][0],
        recall=curves[0][1],
        f8=float(f8[0]),
        f1_8=float(f1_8[0]),
        f8_replicates=f8[1:],
        f1_8_replicates=f1_8[1:],
    )


def f_score(precision: Vector, recall: Vector, *, beta: float) -> float:
    """Return the largest F score along a curve.

    Parameters
    ----------
    precision, recall : array of shape (n_angles,), float64
        Points of the curve.
    beta : float
        How many times as much recall weighs as precision.

    Returns
    -------
    float
        Maximum of (1 + beta²) precision recall / (beta² precision + recall), 0 to 1.
    """
    below = beta**2 * precision + recall
    scores = np.divide(
        (1 + beta**2) * precision * recall,
        below,
        out=np.zeros_like(below),
        where=below > 0,
    )
    return float(scores.max())


def _cluster_shares(
    labels: Labels, *, n_clusters: int, n_replicates: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    # Share of each cluster in each run, (1 + n_replicates, n_runs, n_clusters); the
    # first with every image once.
    n_images, n_runs = labels.shape
    counts = resample_counts(n_images, n_replicates, rng=rng)
    weights = np.hstack([np.ones((n_images, 1)), counts])
    member = membership(labels, n_clusters=n_clusters).astype(np.float64)
    shares: Vector = (weights.T @ member) / n_images
    return shares.reshape(-1, n_runs, n_clusters)


def _curve(of_real: Vector, of_fake: Vector, slopes: Vector) -> tuple[Vector, Vector]:
    # Shares of shape (n_runs, n_clusters); mean over the runs.
    scaled = slopes[:, np.newaxis, np.newaxis] * of_real
    precision = np.minimum(scaled, of_fake).sum(axis=2)
    recall = precision / slopes[:, np.newaxis]
    return precision.mean(axis=1).clip(0, 1), recall.mean(axis=1).clip(0, 1)

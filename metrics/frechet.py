"""The Fréchet distance between two Gaussians, from moments or from features."""

import numpy as np
import torch
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows, check_same_columns
from metrics.moments import Moments, column_moments, moments

__all__ = [
    "Moments",
    "frechet_distance",
    "frechet_distance_of_features",
    "frechet_distance_univariate",
    "moments",
]

FloatMatrix = NDArray[np.float64]

# Eigenvalues come with rounding of about one unit of the largest; where their square
# roots could carry it into the distance, the slower factored route is taken. Spectra
# that decay smoothly stay four orders of magnitude or more below this estimate.
ROUNDING = float(np.finfo(np.float64).eps)
TRUSTED_RELATIVE_ERROR = 1e-7


def frechet_distance(
    mean1: FloatMatrix, cov1: FloatMatrix, mean2: FloatMatrix, cov2: FloatMatrix
) -> float:
    """Return the squared Fréchet distance between two Gaussians.

    Parameters
    ----------
    mean1 : array of shape (d,), float64
        Mean of the features of one side.
    cov1 : array of shape (d, d), float64
        Covariance of that side, symmetric positive semi-definite.
    mean2 : array of shape (d,), float64
        Mean of the features of the other side.
    cov2 : array of shape (d, d), float64
        Covariance of the other side.

    Returns
    -------
    float
        |mean1 - mean2|² + tr(cov1 + cov2 - 2 (cov1 cov2)^½), in squared feature units;
        0 when equal, no upper bound, lower is better.

    Raises
    ------
    ValueError
        If shapes disagree or a value is not finite.

    Notes
    -----
    With cov1 = L Lᵀ the trace of the root is the sum of the square roots of the
    eigenvalues of the symmetric Lᵀ cov2 L: no dense square root, no imaginary part, no
    term added to the diagonal. Where a covariance is singular, or so nearly that the
    roots of tiny eigenvalues would carry rounding into the result, both covariances
    are factored, and the trace is the sum of the singular values of the product of
    the factors, which keeps its digits.

    References
    ----------
    .. [1] Dowson and Landau, "The Fréchet distance between multivariate normal
       distributions", J. Multivariate Anal. 12 (1982).
    .. [2] Heusel et al., "GANs trained by a two time-scale update rule converge to a
       local Nash equilibrium", NeurIPS (2017).
    """
    for name, mean, cov in (("1", mean1, cov1), ("2", mean2, cov2)):
        _check_moments(name, mean, cov)
    if mean1.shape != mean2.shape:
        raise ValueError(
            f"mean1 and mean2 must have the same length, got {mean1.size} and "
            f"{mean2.size}"
        )
    if np.array_equal(mean1, mean2) and np.array_equal(cov1, cov2):
        return 0.0
    offset = float(((mean1 - mean2) ** 2).sum())
    spread = float(np.trace(cov1)) + float(np.trace(cov2))
    root, error = _trace_of_root(cov1, cov2)
    distance = offset + spread - 2 * root
    if error is None or error > TRUSTED_RELATIVE_ERROR * max(distance, 0):
        factor1, factor2 = covariance_factor(cov1), covariance_factor(cov2)
        distance = offset + spread - 2 * nuclear_norm(factor1, factor2)
    return max(distance, 0.0)


def frechet_distance_of_features(features1: Array, features2: Array) -> float:
    """Return the squared Fréchet distance between Gaussians fitted to two feature sets.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of n1, n2 >= 2 images.

    Returns
    -------
    float
        As `frechet_distance` of their moments; squared feature units, lower is better.

    Raises
    ------
    ValueError
        If shapes disagree, a side has one row, or a value is not finite.

    Notes
    -----
    With fewer images than dimensions the covariance is singular and is not formed: its
    factor is the centred features themselves, and tr (C1 C2)^½ is the sum of the
    singular values of F1 F2ᵀ, exactly, for any factors C = Fᵀ F.
    """
    check_rows(features1, name="features1", least=2)
    check_rows(features2, name="features2", least=2)
    check_same_columns(features1, features2)
    n_columns = features1.shape[1]
    if min(len(features1), len(features2)) > n_columns:
        gauss1, gauss2 = moments(features1), moments(features2)
        return frechet_distance(gauss1.mean, gauss1.cov, gauss2.mean, gauss2.cov)
    mean1, factor1 = gaussian_factor(features1)
    mean2, factor2 = gaussian_factor(features2)
    distance = (
        float(((mean1 - mean2) ** 2).sum())
        + float((factor1**2).sum())
        + float((factor2**2).sum())
        - 2 * nuclear_norm(factor1, factor2)
    )
    return max(distance, 0.0)


def frechet_distance_univariate(features1: Array, features2: Array) -> FloatMatrix:
    """Return the squared Fréchet distance of each feature by itself.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of n1, n2 >= 2 images.

    Returns
    -------
    array of shape (d,), float64
        (mean1 - mean2)² + (std1 - std2)² for each dimension, with ddof 1; squared
        feature units, lower is better. It ignores how features vary together.

    Raises
    ------
    ValueError
        If shapes disagree, a side has one row, or a value is not finite.
    """
    check_rows(features1, name="features1", least=2)
    check_rows(features2, name="features2", least=2)
    check_same_columns(features1, features2)
    (mean1, std1), (mean2, std2) = (
        column_moments(features) for features in (features1, features2)
    )
    return frechet_distance_univariate_of_moments(mean1, std1, mean2, std2)


def frechet_distance_univariate_of_moments(
    mean1: FloatMatrix, std1: FloatMatrix, mean2: FloatMatrix, std2: FloatMatrix
) -> FloatMatrix:
    """Return the squared Fréchet distance of each feature by itself.

    Parameters
    ----------
    mean1, std1, mean2, std2 : array of shape (d,), float64
        Mean and standard deviation of each feature on either side.

    Returns
    -------
    array of shape (d,), float64
        (mean1 - mean2)² + (std1 - std2)²; squared feature units, lower is better.
    """
    distances: FloatMatrix = (mean1 - mean2) ** 2 + (std1 - std2) ** 2
    return distances


def gaussian_factor(features: Array) -> tuple[FloatMatrix, FloatMatrix]:
    """Return the mean of features and a factor F of their covariance Fᵀ F.

    Parameters
    ----------
    features : array of shape (n, d), float32 or float64
        Features of n >= 2 images.

    Returns
    -------
    mean : array of shape (d,), float64
        Mean of the features.
    factor : array of shape (k, d), float64
        The centred features over √(n - 1) where n <= d; else a factor of the
        covariance with at most d rows.
    """
    if len(features) > features.shape[1]:
        gauss = moments(features)
        return gauss.mean, covariance_factor(gauss.cov)
    mean = features.mean(axis=0, dtype=np.float64)
    return mean, (features - mean) / np.sqrt(len(features) - 1)


def covariance_factor(cov: FloatMatrix) -> FloatMatrix:
    """Return F with cov = Fᵀ F, of as many rows as cov has positive eigenvalues.

    Parameters
    ----------
    cov : array of shape (d, d), float64
        A covariance, symmetric positive semi-definite up to rounding.

    Returns
    -------
    array of shape (k, d), float64
        The Cholesky factor where there is one (k = d), else from the eigenvectors.
    """
    matrix = torch.tensor(cov)
    lower, failed = torch.linalg.cholesky_ex(matrix)
    if not failed.item():
        triangle: FloatMatrix = lower.T.numpy()
        return triangle
    values, vectors = torch.linalg.eigh(matrix)
    kept = values > values.abs().max() * (len(values) * ROUNDING)
    factor: FloatMatrix = (vectors[:, kept] * values[kept].sqrt()).T.numpy()
    return factor


def nuclear_norm(factor1: FloatMatrix, factor2: FloatMatrix) -> float:
    """Return tr (C1 C2)^½ for C1 = F1ᵀ F1 and C2 = F2ᵀ F2.

    Parameters
    ----------
    factor1, factor2 : array of shape (k1, d) and (k2, d), float64
        Factors of the covariances.

    Returns
    -------
    float
        The sum of the singular values of F1 F2ᵀ.
    """
    if not factor1.size or not factor2.size:
        return 0.0
    cross = torch.from_numpy(factor1) @ torch.from_numpy(factor2).T
    return float(torch.linalg.svdvals(cross).sum())


def _trace_of_root(cov1: FloatMatrix, cov2: FloatMatrix) -> tuple[float, float | None]:
    # The trace and its likely error, None where cov1 has no Cholesky factor. Errors of
    # the eigenvalues are independent in sign, so they add up as squares.
    lower, failed = torch.linalg.cholesky_ex(torch.tensor(cov1))
    if failed.item():
        return 0.0, None
    congruence = lower.T @ torch.tensor(cov2) @ lower
    values = torch.linalg.eigvalsh(congruence)
    noise = ROUNDING * float(values.abs().max())
    if noise == 0:
        return 0.0, 0.0
    error = noise * float((1 / values.clamp(min=noise)).sum().sqrt())
    return float(values.clamp(min=0).sqrt().sum()), error


def _check_moments(side: str, mean: FloatMatrix, cov: FloatMatrix) -> None:
    if mean.ndim != 1 or cov.shape != (mean.size, mean.size):
        raise ValueError(
            f"mean{side} and cov{side} must have shapes (d,) and (d, d), got "
            f"{mean.shape} and {cov.shape}"
        )
    if not np.isfinite(mean).all() or not np.isfinite(cov).all():
        raise ValueError(
            f"mean{side} and cov{side} must be finite, got NaN or infinity"
        )

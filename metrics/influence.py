"""How much each image moves the Fréchet distance: its first-order influence."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows, check_same_columns
from metrics.frechet import gaussian_factor

BLOCK_ROWS = 4096
# Directions in which both sides hardly vary carry no share of the distance.
SMALLEST_SINGULAR_VALUE = 1e-6

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Influence:
    """First-order influence of every image on a distance between two sets.

    Attributes
    ----------
    on1 : array of shape (n1,), float64
        Influence of the images of the first set, in units of the distance: the
        derivative with respect to the image's weight, times n1.
    on2 : array of shape (n2,), float64
        The same for the second set.
    """

    on1: Vector
    on2: Vector

    def standard_error(self, *, weights2: Vector | None = None) -> float:
        """Return the standard error of the distance by the delta method.

        Parameters
        ----------
        weights2 : array of shape (n2,), float64, optional
            Weights with which the second set's influences enter; 1 / n2 by default.

        Returns
        -------
        float
            Square root of var(on1) / n1 + var(on2) Σ weights2².
        """
        n1, n2 = len(self.on1), len(self.on2)
        share2 = 1 / n2 if weights2 is None else float(weights2 @ weights2)
        variance = self.on1.var(ddof=1) / n1 + self.on2.var(ddof=1) * share2
        return float(np.sqrt(variance))


def frechet_influence(features1: Array, features2: Array) -> Influence:
    """Return the influence of every image on the Fréchet distance.

    Parameters
    ----------
    features1, features2 : array of shape (n1, d) and (n2, d), float32 or float64
        Features of n1, n2 >= 2 images.

    Returns
    -------
    Influence
        For an image with features x of the second set, less a constant,
        |x - mean2|² - 2 (mean1 - mean2)·(x - mean2) - (x - mean2)ᵀ T (x - mean2)
        with T the linear optimal transport map from the second Gaussian to the first;
        the same with the sides exchanged for the first set.

    Raises
    ------
    ValueError
        If shapes disagree, a side has one row, or a value is not finite.

    Notes
    -----
    The gradient of the distance in cov2 is 1 - T [1]_. With factors C = Fᵀ F and
    F1 F2ᵀ = U S Vᵀ, xᵀ T x = |S^-½ Uᵀ F1 x|², also where covariances are singular.

    References
    ----------
    .. [1] Rippl, Munk and Sturm, "Limit laws of the empirical Wasserstein distance:
       Gaussian distributions", J. Multivariate Anal. 151 (2016).
    """
    check_rows(features1, name="features1", least=2)
    check_rows(features2, name="features2", least=2)
    check_same_columns(features1, features2)
    mean1, factor1 = gaussian_factor(features1)
    mean2, factor2 = gaussian_factor(features2)
    cross = torch.from_numpy(factor1) @ torch.from_numpy(factor2).T
    squares, left = torch.linalg.eigh(cross @ cross.T)
    singular = squares.clamp(min=0).sqrt()
    # Identical images have a factor without rows: nothing is transported.
    largest = singular.max() if len(singular) else singular.new_zeros(())
    kept = singular > SMALLEST_SINGULAR_VALUE * largest
    singular, left = singular[kept], left[:, kept]
    right = cross.T @ left / singular
    map2 = (left / singular.sqrt()).T.numpy() @ factor1
    map1 = (right / singular.sqrt()).T.numpy() @ factor2
    offset = mean1 - mean2
    return Influence(
        on1=_influences(features1, mean1, offset, map1),
        on2=_influences(features2, mean2, -offset, map2),
    )


def _influences(
    features: Array, mean: Vector, offset: Vector, transport: Vector
) -> Vector:
    influences = np.empty(len(features))
    for start in range(0, len(features), BLOCK_ROWS):
        rows = features[start : start + BLOCK_ROWS] - mean
        moved = rows @ transport.T
        influences[start : start + BLOCK_ROWS] = (
            np.einsum("ij,ij->i", rows, rows)
            + 2 * (rows @ offset)
            - np.einsum("ij,ij->i", moved, moved)
        )
    influences -= influences.mean()
    return influences

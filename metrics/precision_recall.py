"""Improved precision and recall, density and coverage, from one walk over all pairs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.arrays import Array, check_rows, check_same_columns
from metrics.neighbours import nearest_within
from metrics.pairs import (
    Boundary,
    Flags,
    Vector,
    cross_blocks,
    prepare_sets,
    within_radii,
)


@dataclass(frozen=True, eq=False)
class Manifold:
    """Precision, recall, density and coverage, and what each image contributes.

    Attributes
    ----------
    precision : float
        Share of generated images inside the real manifold, 0 to 1.
    recall : float
        Share of real images inside the generated manifold, 0 to 1.
    density : float
        Mean number of real balls that a generated image lies in, over k; 1 is expected
        for equal distributions, and it may exceed 1.
    coverage : float
        Share of real balls that hold a generated image, 0 to 1.
    fake_is_inside : array of shape (n_fake,), bool
        Whether each generated image lies in a real ball.
    real_is_inside : array of shape (n_real,), bool
        Whether each real image lies in a generated ball.
    n_balls : array of shape (n_fake,), int64
        Number of real balls that each generated image lies in, for the density.
    real_is_covered : array of shape (n_real,), bool
        Whether each real ball holds a generated image.
    k_density : int
        The neighbour that sets the radii for density and coverage.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    fake_is_inside: Flags
    real_is_inside: Flags
    n_balls: NDArray[np.int64]
    real_is_covered: Flags
    k_density: int


def precision_recall_density_coverage(
    real: Array,
    fake: Array,
    *,
    k_precision: int = 3,
    k_density: int = 5,
    boundary: Boundary = "closed",
) -> Manifold:
    """Return improved precision and recall, density and coverage.

    Parameters
    ----------
    real, fake : array of shape (n_real, d) and (n_fake, d), float32 or float64
        Features of the real and of the generated images.
    k_precision : int
        The neighbour whose distance is the radius of a ball, for precision and recall.
    k_density : int
        The same for density and coverage.
    boundary : {"closed", "open"}
        Whether a point on a ball's edge is inside, for precision and recall; for
        density and coverage it is outside. They differ for duplicate images only.

    Returns
    -------
    Manifold
        The four numbers and each image's part in them; higher is better.

    Raises
    ------
    ValueError
        If a side has no more images than k, shapes disagree, or a value is not finite.

    Notes
    -----
    A ball around each image reaches to its k-th nearest other image of its set; the
    union of the balls is the set's manifold. Precision and recall are those of [1]_
    with k = 3, density and coverage those of [2]_ with k = 5. The original precision
    and recall [3]_ are elsewhere (`metrics.prd`).

    Memory beyond the features is a float32 copy of either side and a few blocks. See
    `metrics.pairs` for the numerics.

    References
    ----------
    .. [1] Kynkäänniemi et al., "Improved precision and recall metric for assessing
       generative models", NeurIPS (2019).
    .. [2] Naeem et al., "Reliable fidelity and diversity metrics for generative
       models", ICML (2020).
    .. [3] Sajjadi et al., "Assessing generative models via precision and recall",
       NeurIPS (2018).
    """
    check_rows(real, name="real")
    check_rows(fake, name="fake")
    check_same_columns(real, fake, name1="real", name2="fake")
    _check_neighbours(len(real), name="real", k=max(k_precision, k_density))
    _check_neighbours(len(fake), name="fake", k=k_precision)
    real_set, fake_set = prepare_sets(real, fake)
    real_squared, _ = nearest_within(real_set, k=max(k_precision, k_density))
    fake_squared, _ = nearest_within(fake_set, k=k_precision)
    radii_precision: Vector = real_squared[:, k_precision - 1]
    radii_recall: Vector = fake_squared[:, k_precision - 1]
    radii_density: Vector = real_squared[:, k_density - 1]

    fake_is_inside = np.zeros(len(fake), dtype=np.bool_)
    real_is_inside = np.zeros(len(real), dtype=np.bool_)
    n_balls = np.zeros(len(fake), dtype=np.int64)
    real_is_covered = np.zeros(len(real), dtype=np.bool_)
    for block in cross_blocks(fake_set, real_set):
        fakes, reals = block.rows1, block.rows2
        inside = within_radii(block, radii_precision, axis=1, boundary=boundary)
        fake_is_inside[fakes] |= inside.any(axis=1)
        inside = within_radii(block, radii_recall, axis=0, boundary=boundary)
        real_is_inside[reals] |= inside.any(axis=0)
        inside = within_radii(block, radii_density, axis=1, boundary="open")
        n_balls[fakes] += inside.sum(axis=1)
        real_is_covered[reals] |= inside.any(axis=0)
    return Manifold(
        precision=float(fake_is_inside.mean()),
        recall=float(real_is_inside.mean()),
        density=float(n_balls.mean()) / k_density,
        coverage=float(real_is_covered.mean()),
        fake_is_inside=fake_is_inside,
        real_is_inside=real_is_inside,
        n_balls=n_balls,
        real_is_covered=real_is_covered,
        k_density=k_density,
    )


def _check_neighbours(n_images: int, *, name: str, k: int) -> None:
    if not 1 <= k < n_images:
        raise ValueError(
            f"k must be from 1 to below the number of {name} images, {n_images}, "
            f"got {k}"
        )

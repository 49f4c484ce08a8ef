"""Which images deceive: error rates per image, shrunk towards their class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln
from scipy.stats import beta

from hypeweb.science.answers import EvaluatorAnswers, class_cells

MAX_CONCENTRATION = 1e4


@dataclass(frozen=True, eq=False)
class ImageRates:
    """Error rates of the images of one class, one entry per image.

    Attributes
    ----------
    image_ids : ndarray of shape (n_images,), int64
        The arm's number of every image.
    n_wrong, n_judged : ndarray of shape (n_images,), int64
        Wrong and all judgments.
    rate : ndarray of shape (n_images,), float64
        Shrunk share of wrong judgments.
    low, high : ndarray of shape (n_images,), float64
        Posterior interval of each.
    mean, concentration : float
        Of the beta distribution that the images' true rates follow; a high
        concentration says that images hardly differ.
    """

    image_ids: NDArray[np.int64]
    n_wrong: NDArray[np.int64]
    n_judged: NDArray[np.int64]
    rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: float
    concentration: float


def image_rates(
    evaluators: Sequence[EvaluatorAnswers], *, of_real: bool, level: float = 0.95
) -> ImageRates | None:
    """Return how often each image of a class deceived, shrunk for few judgments.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        The arm's evaluators, all with `sample`.
    of_real : bool
        The real images, taken for generated; else the generated, taken for real.
    level : float
        Posterior probability of the intervals.

    Returns
    -------
    ImageRates or None
        None where no image of the class was judged.

    Raises
    ------
    ValueError
        If an evaluator has no `sample`.

    Notes
    -----
    Beta-binomial: the images' true rates follow a beta distribution fitted to all
    images of the class by maximum likelihood; an image judged twice moves little from
    their mean, one judged often keeps its own share. Differences between evaluators
    are left out, so intervals are narrow where few people judged an image.

    References
    ----------
    .. [1] Efron and Morris, "Stein's paradox in statistics", Scientific American 236
       (1977).
    """
    if not evaluators:
        return None
    cells = class_cells(evaluators, of_real=of_real)
    if cells.n_images == 0:
        return None
    wrong = np.bincount(cells.image, cells.wrong, cells.n_images)
    judged = np.bincount(cells.image, cells.judged, cells.n_images)
    mean, concentration = _fit_beta_binomial(
        wrong.astype(np.float64), judged.astype(np.float64)
    )
    a = mean * concentration + wrong
    b = (1 - mean) * concentration + judged - wrong
    return ImageRates(
        image_ids=cells.image_ids,
        n_wrong=wrong.astype(np.int64),
        n_judged=judged.astype(np.int64),
        rate=np.asarray(a / (a + b)),
        low=np.asarray(beta(a, b).ppf((1 - level) / 2)),
        high=np.asarray(beta(a, b).ppf((1 + level) / 2)),
        mean=mean,
        concentration=concentration,
    )


def _fit_beta_binomial(
    wrong: NDArray[np.float64], judged: NDArray[np.float64]
) -> tuple[float, float]:
    """Return mean and concentration of the images' rates."""
    # Half an error and half a hit keep the mean off the borders.
    mean = float((wrong.sum() + 0.5) / (judged.sum() + 1))
    if (judged <= 1).all():
        return mean, MAX_CONCENTRATION

    def negative_log_likelihood(
        parameters: NDArray[np.float64],
    ) -> float:
        share = 1 / (1 + np.exp(-parameters[0]))
        a, b = share * np.exp(parameters[1]), (1 - share) * np.exp(parameters[1])
        return -float((betaln(a + wrong, b + judged - wrong) - betaln(a, b)).sum())

    start = np.array([np.log(mean / (1 - mean)), np.log(10.0)])
    found = minimize(
        negative_log_likelihood,
        start,
        method="L-BFGS-B",
        bounds=[(-12, 12), (np.log(0.1), np.log(MAX_CONCENTRATION))],
    )
    return float(1 / (1 + np.exp(-found.x[0]))), float(np.exp(found.x[1]))

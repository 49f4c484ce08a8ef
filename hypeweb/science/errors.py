"""Error rates of an arm and their bootstrap replicates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from hypeweb.science.answers import Cells, EvaluatorAnswers, class_cells, class_counts
from hypeweb.science.bootstrap import (
    OVER_EVALUATORS,
    evaluator_sums,
    rescale_deviations,
    two_way_sums,
)

Resample = Literal["auto", "evaluators", "evaluators-and-images"]

OVER_BOTH = "bootstrap over evaluators and images, rescaled percentile"
NORMAL = "normal approximation over evaluators and images, too many for a bootstrap"
MANY_CELLS = 1_000_000


@dataclass(frozen=True, eq=False)
class ErrorReplicates:
    """The three error rates of an arm and what they would be in other samples.

    Attributes
    ----------
    values : ndarray of shape (3,), float64
        Fakes, reals and total error; NaN where nothing was judged.
    replicates : ndarray of shape (n_bootstrap, 3), float64
        The same in every resample; no rows with fewer than two evaluators.
    method : str
        How they were drawn, in words.
    """

    values: NDArray[np.float64]
    replicates: NDArray[np.float64]
    method: str


def images_are_shared(evaluators: Sequence[EvaluatorAnswers]) -> bool:
    """Return whether some image was judged by more than one evaluator.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        The arm's evaluators.

    Returns
    -------
    bool
        False too where an evaluator's images are not known.
    """
    seen = [
        np.unique(answers.sample)
        for answers in evaluators
        if answers.sample is not None
    ]
    if len(seen) < len(evaluators) or not seen:
        return False
    together = np.concatenate(seen)
    return np.unique(together).size < together.size


def error_rates(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return fakes, reals and total error from summed counts.

    Parameters
    ----------
    sums : ndarray of shape (n, 4), float64
        Wrong and all judgments of generated images, wrong and all of real images.

    Returns
    -------
    ndarray of shape (n, 3), float64
        The total is the mean of the other two, or the one that exists; NaN where
        nothing was judged.
    """
    with np.errstate(invalid="ignore"):
        fakes, reals = sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]
    total = (fakes + reals) / 2
    total = np.where(np.isnan(fakes), reals, np.where(np.isnan(reals), fakes, total))
    return np.stack([fakes, reals, total], axis=1)


def error_replicates(
    evaluators: Sequence[EvaluatorAnswers],
    *,
    rng: np.random.Generator,
    n_bootstrap: int = 10_000,
    resample: Resample = "auto",
) -> ErrorReplicates:
    """Return an arm's error rates and their bootstrap replicates.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        The arm's evaluators, each with at least one judgment.
    rng : numpy.random.Generator
        Source of randomness.
    n_bootstrap : int
        Number of resamples.
    resample : {"auto", "evaluators", "evaluators-and-images"}
        What is drawn anew; "auto" draws images too where evaluators share some.

    Returns
    -------
    ErrorReplicates
        Without replicates where there are fewer than two evaluators.

    Raises
    ------
    ValueError
        If images are to be resampled and an evaluator has no `sample`.

    Notes
    -----
    The two-way replicates are the pigeonhole bootstrap's, with deviations rescaled to
    the two-way cluster-robust variance and widened by t / z for the number of
    evaluators; unscaled they would cover 97 to 98 % instead of 95 %. Very large tables
    get normal replicates with that variance, the three rates drawn apart.

    References
    ----------
    .. [1] Cameron, Gelbach and Miller, "Robust inference with multiway clustering",
       J. Business & Economic Statistics 29 (2011).
    .. [2] Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007).
    """
    counts = class_counts(evaluators)
    values = error_rates(counts.sum(axis=0, keepdims=True))[0]
    if len(evaluators) < 2:  # noqa: PLR2004 a spread needs two
        return ErrorReplicates(values, np.empty((0, 3)), "no interval: one evaluator")
    if resample == "evaluators" or (
        resample == "auto" and not images_are_shared(evaluators)
    ):
        sums = evaluator_sums(counts, n_bootstrap=n_bootstrap, rng=rng)
        return ErrorReplicates(values, error_rates(sums), OVER_EVALUATORS)
    cells = [class_cells(evaluators, of_real=of_real) for of_real in (False, True)]
    variances = _two_way_variances(cells, values)
    if max(c.n_evaluators * c.n_images for c in cells) > MANY_CELLS:
        draws = rng.normal(values, np.sqrt(variances), size=(n_bootstrap, 3))
        return ErrorReplicates(values, draws, NORMAL)
    sums = two_way_sums([c.table() for c in cells], n_bootstrap=n_bootstrap, rng=rng)
    widening = stdtrit(len(evaluators) - 1, 0.975) / ndtri(0.975)
    replicates = rescale_deviations(
        error_rates(sums),
        values=values,
        variances=variances * widening**2,
    )
    return ErrorReplicates(values, np.clip(replicates, 0, 1), OVER_BOTH)


def _cluster_variances(
    influence: NDArray[np.float64],
) -> NDArray[np.float64]:
    n = influence.shape[0]
    return np.asarray((influence**2).sum(axis=0) * n / max(n - 1, 1))


def _two_way_variances(
    cells: Sequence[Cells], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the variances of the three rates with evaluators and images random."""
    people = np.zeros((cells[0].n_evaluators, 3))
    images, single = np.zeros(3), np.zeros(3)
    n_classes = sum(c.n_images > 0 for c in cells)
    for column, c in enumerate(cells):
        if c.n_images == 0:
            continue
        weights = np.zeros(3)
        weights[column], weights[2] = 1, 1 / n_classes
        influence = (c.wrong - values[column] * c.judged) / c.judged.sum()
        by_image = np.bincount(c.image, influence, c.n_images).astype(np.float64)
        people += np.outer(np.bincount(c.evaluator, influence, len(people)), weights)
        images += weights**2 * _cluster_variances(by_image[:, None])
        single += weights**2 * (influence**2).sum()
    over_people = _cluster_variances(people)
    # The sum is an estimate and may fall below what either side alone shows.
    return np.maximum(over_people + images - single, np.maximum(over_people, images))

"""Sensitivity and bias apart: d', criterion and share of "real" answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hypeweb.science.answers import EvaluatorAnswers, class_counts
from hypeweb.science.bootstrap import require_level
from hypeweb.science.estimates import Estimate, mean_over_evaluators


@dataclass(frozen=True)
class Detection:
    """How well evaluators tell real from fake, and towards which answer they lean.

    Attributes
    ----------
    dprime : Estimate
        Mean over evaluators, in standard deviations; 0 is chance, higher is better.
    criterion : Estimate
        Mean over evaluators; above 0 they say "fake" too seldom.
    said_real : Estimate
        Mean over evaluators of the share of "real" answers.
    """

    dprime: Estimate
    criterion: Estimate
    said_real: Estimate


def dprime_and_criterion(
    counts: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return d' and criterion of every evaluator.

    Parameters
    ----------
    counts : ndarray of shape (n, 4), float64
        Wrong and all judgments of generated images, wrong and all of real images.

    Returns
    -------
    dprime : ndarray of shape (n,), float64
        Sensitivity z(H) - z(F), with H the share of generated images called fake and F
        that of real ones.
    criterion : ndarray of shape (n,), float64
        Bias -(z(H) + z(F)) / 2.

    Notes
    -----
    Log-linear correction: half an answer is added to either kind in either class, so
    that nobody is infinitely good. It pulls d' towards 0, the more the fewer the
    trials.

    References
    ----------
    .. [1] Hautus, "Corrections for extreme proportions and their biasing effects on
       estimated values of d'", Behavior Research Methods 27 (1995).
    """
    hits = (counts[:, 1] - counts[:, 0] + 0.5) / (counts[:, 1] + 1)
    false_alarms = (counts[:, 2] + 0.5) / (counts[:, 3] + 1)
    z_hits, z_false_alarms = ndtri(hits), ndtri(false_alarms)
    return z_hits - z_false_alarms, -(z_hits + z_false_alarms) / 2


def detection(
    evaluators: Sequence[EvaluatorAnswers],
    *,
    rng: np.random.Generator,
    n_bootstrap: int = 10_000,
    level: float = 0.95,
) -> Detection:
    """Return sensitivity and bias of an arm's evaluators, with intervals.

    Parameters
    ----------
    evaluators : sequence of EvaluatorAnswers
        The arm's evaluators; d' and criterion use those who judged both classes.
    rng : numpy.random.Generator
        Source of randomness.
    n_bootstrap : int
        Number of resamples of evaluators.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Detection
        Without values where nobody judged what they need.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.

    References
    ----------
    .. [1] Macmillan and Creelman, "Detection Theory: A User's Guide" (2005).
    """
    require_level(level)
    counts = class_counts(evaluators)
    n_each = counts[:, 1] + counts[:, 3]
    counts, n_each = counts[n_each > 0], n_each[n_each > 0]
    said_real = (counts[:, 0] + counts[:, 3] - counts[:, 2]) / n_each
    both = (counts[:, 1] > 0) & (counts[:, 3] > 0)
    dprime, criterion = dprime_and_criterion(counts[both])
    n_both = int(n_each[both].sum())
    estimates = [
        mean_over_evaluators(
            values, n_judgments=n, rng=rng, n_bootstrap=n_bootstrap, level=level
        )
        for values, n in (
            (dprime, n_both),
            (criterion, n_both),
            (said_real, int(n_each.sum())),
        )
    ]
    return Detection(*estimates)

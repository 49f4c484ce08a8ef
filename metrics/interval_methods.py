"""Ways to a confidence interval: normal, Wilson, order statistics, bootstrap, delta."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom

from metrics.influence import Influence

LEVEL = 0.95

Interval = tuple[float, float]
Vector = NDArray[np.float64]


def normal_interval(
    estimate: float, standard_error: float, *, level: float = LEVEL
) -> Interval:
    """Return the normal interval around an estimate.

    Parameters
    ----------
    estimate : float
        The estimate.
    standard_error : float
        Its standard error, in the same unit.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1.
    """
    reach = _quantile(level) * standard_error
    return estimate - reach, estimate + reach


def proportion_interval(flags: NDArray[np.bool_], *, level: float = LEVEL) -> Interval:
    """Return Wilson's interval for the share of images that something is true of.

    Parameters
    ----------
    flags : array of shape (n,), bool
        Whether it is true of each image.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end, within 0 to 1.

    Raises
    ------
    ValueError
        If there is no image, or the level is not between 0 and 1.

    Notes
    -----
    For precision (`Manifold.fake_is_inside`), recall and coverage it takes the balls as
    given. Drawing the images that set them anew adds about a third to the width.

    References
    ----------
    .. [1] Wilson, "Probable inference, the law of succession, and statistical
       inference", JASA 22 (1927).
    """
    n_images = len(flags)
    if not n_images:
        raise ValueError("an interval needs at least one image, got none")
    z = _quantile(level)
    share = float(np.mean(flags))
    weight = z**2 / n_images
    middle = (share + weight / 2) / (1 + weight)
    reach = z / (1 + weight) * np.sqrt((share * (1 - share) + weight / 4) / n_images)
    # At shares of 0 and 1 rounding would lead past the end or short of it.
    low = min(max(float(middle - reach), 0.0), share)
    return low, max(min(float(middle + reach), 1.0), share)


def mean_interval(values: Vector, *, level: float = LEVEL) -> Interval:
    """Return the normal interval of a mean over images.

    Parameters
    ----------
    values : array of shape (n,), float64
        The value of each of n >= 2 images, or pairs of images.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end.

    Raises
    ------
    ValueError
        If there are fewer than two images, or the level is not between 0 and 1.
    """
    check_count(values)
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    return normal_interval(float(values.mean()), float(error), level=level)


def median_interval(values: Vector, *, level: float = LEVEL) -> Interval:
    """Return the interval of a median between two order statistics.

    Parameters
    ----------
    values : array of shape (n,), float64
        The value of each image.
    level : float
        Confidence level, between 0 and 1; with few images the interval is the range.

    Returns
    -------
    tuple of float
        Low and high end, themselves values.

    Raises
    ------
    ValueError
        If there are fewer than two images, or the level is not between 0 and 1.

    Notes
    -----
    The number of values below the median is binomial, whatever their distribution.
    """
    check_count(values)
    _quantile(level)
    below = int(binom.ppf((1 - level) / 2, len(values), 0.5))
    lower = max(below - 1, 0)
    ordered = np.sort(values)
    return float(ordered[lower]), float(ordered[len(values) - 1 - lower])


def bootstrap_interval(
    estimate: float, replicates: Vector, *, level: float = LEVEL
) -> Interval:
    """Return the normal interval with the standard deviation of bootstrap replicates.

    Parameters
    ----------
    estimate : float
        The estimate from the images themselves.
    replicates : array of shape (n_replicates,), float64
        The estimate from each resampling, say `PrecisionRecallCurve.f8_replicates`.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end.

    Raises
    ------
    ValueError
        If there are fewer than two replicates, or the level is not between 0 and 1.

    Notes
    -----
    Percentiles of the replicates would carry the bias of resampling: a resampled set
    has fewer distinct images, so its histogram is rougher and its F score lower.

    References
    ----------
    .. [1] Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 6.
    """
    check_count(replicates)
    return normal_interval(estimate, float(replicates.std(ddof=1)), level=level)


def delta_interval(
    estimate: float, influence: Influence, *, level: float = LEVEL
) -> Interval:
    """Return the delta method's interval of a distance between two sets.

    Parameters
    ----------
    estimate : float
        The distance, which cannot be negative.
    influence : Influence
        First-order influence of every image on it.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of float
        Low and high end, 0 or more.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1.

    References
    ----------
    .. [1] van der Vaart, "Asymptotic Statistics" (1998), chapters 3 and 20.
    """
    low, high = normal_interval(estimate, influence.standard_error(), level=level)
    return max(low, 0.0), high


def _quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    return float(ndtri((1 + level) / 2))


def check_count(values: Vector) -> None:
    """Raise unless there are enough values for a spread.

    Parameters
    ----------
    values : array of shape (n,), float64
        The values.

    Raises
    ------
    ValueError
        If there are fewer than two.
    """
    if len(values) < 2:  # noqa: PLR2004 - a spread needs two
        raise ValueError(f"an interval needs 2 or more values, got {len(values)}")

"""Psychometric functions: how the share of correct answers grows with exposure."""

import numpy as np
from numpy.typing import NDArray

GUESS = 0.5
TARGET = 0.75


def weibull_correct(
    exposure_ms: NDArray[np.float64] | np.float64,
    *,
    threshold_ms: float,
    slope: float,
    lapse: float,
) -> NDArray[np.float64]:
    """Return the chance of a correct answer at each exposure.

    Parameters
    ----------
    exposure_ms : ndarray of any shape, float64
        How long the image was seen, in milliseconds.
    threshold_ms : float
        Exposure at which the chance is 0.75, lapses included.
    slope : float
        Shape of the Weibull function.
    lapse : float
        Share of answers wrong whatever the exposure, below 0.25.

    Returns
    -------
    ndarray of the shape of `exposure_ms`, float64
        0.5 + (0.5 - lapse) (1 - exp(-k (x / threshold)^slope)), with k such that the
        chance at the threshold is 0.75.

    References
    ----------
    .. [1] Wichmann and Hill, "The psychometric function: I", Perception &
       Psychophysics 63 (2001).
    """
    span = 1 - GUESS - lapse
    at_threshold = -np.log1p(-(TARGET - GUESS) / span)
    seen = -np.expm1(-at_threshold * (exposure_ms / threshold_ms) ** slope)
    return np.asarray(GUESS + span * seen, dtype=np.float64)

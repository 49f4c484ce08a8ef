"""How far bfloat16 moves features, seen on a few images rather than supposed."""

import numpy as np

from metrics.extractors import Extractor
from metrics.features import Reading, extract_features
from metrics.findings import Finding
from metrics.images import ImageSource, SubsetSource

# Beyond this share of their length, rounded features are worth a word.
LARGE_SHIFT = 0.005
IMAGES_TRIED = 16


def rounding_shift(
    source: ImageSource,
    rounded: Extractor,
    exact: Extractor,
    *,
    layer: str,
    reading: Reading,
) -> float:
    """Return how far a network's arithmetic moves the features of a few images.

    Parameters
    ----------
    source : ImageSource
        The images; the first 16 are tried.
    rounded, exact : Extractor
        The same network in bfloat16 and in float32.
    layer : str
        The layer to compare.
    reading : Reading
        How images are read.

    Returns
    -------
    float
        Length of the difference over the length of the exact features, both of all
        images tried together.

    Raises
    ------
    MetricsError
        If an image is broken.
    """
    few = SubsetSource(source, range(min(IMAGES_TRIED, len(source))))
    here, there = (
        extract_features(few, network, frozenset({layer}), reading=reading).layers[
            layer
        ]
        for network in (rounded, exact)
    )
    length = float(np.linalg.norm(there))
    return float(np.linalg.norm(here - there)) / length if length else 0.0


def check_rounding(shift: float) -> list[Finding]:
    """Return a finding where rounding moves features by more than 0.5 %.

    Parameters
    ----------
    shift : float
        From `rounding_shift`.

    Returns
    -------
    list of Finding
        ``bfloat16``, or nothing.
    """
    if shift <= LARGE_SHIFT:
        return []
    return [
        Finding(
            "bfloat16",
            f"bfloat16 moves the features of the first images by {shift:.1%}, and the "
            "metrics with them: use it to look, and fp32 for numbers to report.",
        )
    ]

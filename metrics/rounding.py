"""How far bfloat16 moves features, seen on a few images rather than supposed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.extractors import Extractor
from metrics.features import FeatureSet, Reading, extract_features
from metrics.findings import Finding
from metrics.images import ImageSource, SubsetSource
from metrics.processor import bfloat16_units

IMAGES_TRIED = 16


def rounding_shift(
    source: ImageSource, rounded: FeatureSet, exact: Extractor, *, reading: Reading
) -> dict[str, float]:
    """Return how far a network's arithmetic moved the features of a few images.

    Parameters
    ----------
    source : ImageSource
        The images; the first 16 that could be used are tried.
    rounded : FeatureSet
        Their features in bfloat16.
    exact : Extractor
        The same network in float32.
    reading : Reading
        How images are read.

    Returns
    -------
    dict of str to float
        By layer, the logits among them: length of the difference over the length of
        the exact features, both of all images tried together.

    Raises
    ------
    MetricsError
        If an image is broken.
    """
    few = SubsetSource(source, rounded.source_rows()[:IMAGES_TRIED].tolist())
    layers = frozenset(rounded.layers)
    there = extract_features(few, exact, layers, reading=reading).layers
    return {
        layer: _share(rounded.layers[layer][:IMAGES_TRIED], there[layer])
        for layer in sorted(layers)
    }


def check_rounding(shifts: Mapping[str, float], *, device: str) -> list[Finding]:
    """Return a finding wherever features were rounded.

    Parameters
    ----------
    shifts : mapping of str to float
        By network and layer, from `rounding_shift`; empty where none was rounded.
    device : str
        Where the networks ran: not every processor is faster in bfloat16.

    Returns
    -------
    list of Finding
        ``bfloat16``, or nothing. There is no harmless shift: metrics move by several
        times that of the features, each by its own factor.
    """
    if not shifts:
        return []
    told = ", ".join(f"{name} by {shift:.2%}" for name, shift in shifts.items())
    slow = "" if bfloat16_units(device) else f" The {device} here is faster in fp32."
    return [
        Finding(
            "bfloat16",
            f"bfloat16 moves the features of the first images ({told}), distances "
            "between sets by up to some times as much, and a KID near 0 by ten times "
            f"as much: use it to look, and fp32 for numbers to report.{slow}",
        )
    ]


def _share(here: NDArray[Any], there: NDArray[Any]) -> float:
    length = float(np.linalg.norm(there))
    return float(np.linalg.norm(here - there)) / length if length else 0.0

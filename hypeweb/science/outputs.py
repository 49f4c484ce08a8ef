"""From a generator's numbers to 8-bit images, and what can be wrong with them."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

ValueRange = Literal["signed", "unit", "byte"]
Layout = Literal["nchw", "nhwc"]

LIMITS: dict[ValueRange, tuple[float, float]] = {
    "signed": (-1.0, 1.0),
    "unit": (0.0, 1.0),
    "byte": (0.0, 255.0),
}
N_CHANNELS = (1, 3)
# A linear last layer overshoots a little; clipping a few values by little is harmless.
SLACK = 0.02
MAX_BEYOND = 0.05
# Less contrast than this is no image in the stated range.
MIN_SPREAD = 0.03


class OutputError(ValueError):
    """Values that are no images as stated; the message says what came."""


def to_images(
    values: NDArray[np.floating], *, value_range: ValueRange, layout: Layout
) -> NDArray[np.uint8]:
    """Return a batch of a generator's output as RGB images.

    Parameters
    ----------
    values : NDArray of shape (n, c, h, w) or (n, h, w, c), floating
        The output; c is 1 or 3.
    value_range : {"signed", "unit", "byte"}
        Black to white is -1 to 1, 0 to 1, or 0 to 255.
    layout : {"nchw", "nhwc"}
        Where the channels are.

    Returns
    -------
    NDArray[np.uint8] of shape (n, h, w, 3)
        Rounded to the nearest of 256 levels, clipped; one channel becomes three.

    Raises
    ------
    OutputError
        If the shape is none of images, a value is not finite, or more than 5 % of the
        values lie beyond the range by more than 2 % of its width.
    """
    images = _channels_last(values, layout)
    low, high = LIMITS[value_range]
    if not np.isfinite(images).all():
        n_bad = int((~np.isfinite(images)).sum())
        raise OutputError(f"{n_bad} of {images.size} values are NaN or infinite")
    slack = SLACK * (high - low)
    beyond = float(((images < low - slack) | (images > high + slack)).mean())
    if beyond > MAX_BEYOND:
        raise OutputError(
            f"{beyond:.0%} of the values lie outside [{low:g}, {high:g}]: they go from "
            f"{images.min():.4g} to {images.max():.4g}"
        )
    levels = (images.astype(np.float64) - low) * (255 / (high - low))
    pixels = np.rint(levels).clip(0, 255).astype(np.uint8)
    return np.repeat(pixels, 3, axis=3) if pixels.shape[3] == 1 else pixels


def check_variety(values: NDArray[np.floating], *, value_range: ValueRange) -> None:
    """Raise where a batch of different latents came out without any difference.

    Parameters
    ----------
    values : NDArray of shape (n, ...), floating
        Finite output for n different latents.
    value_range : {"signed", "unit", "byte"}
        As in `to_images`.

    Raises
    ------
    OutputError
        If the values cover less than 3 % of the range, or all n images are the same.
    """
    low, high = LIMITS[value_range]
    least, most = float(values.min()), float(values.max())
    if most == least:
        raise OutputError(f"every value is {most:.4g}: the output is constant")
    if most - least < MIN_SPREAD * (high - low):
        raise OutputError(
            f"the values go from {least:.4g} to {most:.4g} only, of [{low:g}, {high:g}]"
        )
    if len(values) > 1 and np.array_equal(
        values, np.broadcast_to(values[:1], values.shape)
    ):
        raise OutputError("all images are the same, whatever z is")


def _channels_last(
    values: NDArray[np.floating], layout: Layout
) -> NDArray[np.floating]:
    axis = {"nchw": 1, "nhwc": 3}[layout]
    other = 4 - axis
    if values.ndim != 4 or 0 in values.shape:  # noqa: PLR2004 - a batch of images
        raise OutputError(
            f"the output has shape {values.shape}, not that of a batch of images"
        )
    if values.shape[axis] not in N_CHANNELS:
        hint = (
            f"; it looks like {'NHWC' if other == 3 else 'NCHW'}"  # noqa: PLR2004
            if values.shape[other] in N_CHANNELS
            else ""
        )
        raise OutputError(
            f"the output has shape {values.shape}, so in {layout.upper()} "
            f"{values.shape[axis]} channels instead of 1 or 3{hint}"
        )
    return np.moveaxis(values, axis, 3)

"""The pixel distance between paired images, and why not to trust it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PixelDistance:
    """Mean absolute difference of pixel values over pairs of images.

    Attributes
    ----------
    value : float
        Mean over the pairs, 0 to 255.
    of_pairs : array of shape (n,), float64
        The difference of each pair.
    """

    value: float
    of_pairs: NDArray[np.float64]


def pixel_distance(
    images1: NDArray[np.uint8], images2: NDArray[np.uint8]
) -> PixelDistance:
    """Return the mean absolute difference of pixel values between paired images.

    Parameters
    ----------
    images1, images2 : array of shape (n, height, width, channels), uint8
        Image i of one side is compared with image i of the other.

    Returns
    -------
    PixelDistance
        In 8-bit grey levels, 0 to 255; lower is better. Shifting an image by one pixel
        changes it as much as replacing the image may: it measures registration, not
        what people see.

    Raises
    ------
    ValueError
        If the shapes differ, the arrays are not uint8, or there is no image.
    """
    for name, images in (("images1", images1), ("images2", images2)):
        if images.dtype != np.uint8:
            raise ValueError(f"{name} must be uint8, got {images.dtype}")
    if images1.shape != images2.shape or not images1.size:
        raise ValueError(
            f"images must come in pairs of one shape, got {images1.shape} and "
            f"{images2.shape}"
        )
    of_pairs = np.empty(len(images1))
    for index, (image1, image2) in enumerate(zip(images1, images2, strict=True)):
        # Unsigned: the larger less the smaller.
        gap = np.maximum(image1, image2) - np.minimum(image1, image2)
        of_pairs[index] = gap.mean(dtype=np.float64)
    return PixelDistance(value=float(of_pairs.mean()), of_pairs=of_pairs)

"""Masks: images that keep what a picture is made of and lose what it shows."""

import numpy as np
from numpy.typing import NDArray


def phase_scramble(
    image: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return an image with the same amplitude spectrum and random phases.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        The image to scramble.
    rng : numpy.random.Generator
        Source of the phases.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        The scrambled image, clipped to 0..255.

    Raises
    ------
    ValueError
        If the image has another shape or type.

    Notes
    -----
    One field of phases, that of a white-noise image and so of a real signal, is added
    to all three channels: the colours' relation at each frequency survives.

    References
    ----------
    .. [1] Greene and Oliva, "The briefest of glances", Psychological Science 20 (2009),
       on masking scenes with images of the same statistics.
    """
    _require_image(image)
    noise = np.fft.fft2(rng.standard_normal(image.shape[:2]))
    phases = noise / np.maximum(np.abs(noise), np.finfo(np.float64).tiny)
    phases[0, 0] = 1  # the mean colour stays
    spectrum = np.fft.fft2(image.astype(np.float64), axes=(0, 1))
    scrambled = np.fft.ifft2(spectrum * phases[:, :, None], axes=(0, 1)).real
    return np.clip(np.rint(scrambled), 0, 255).astype(np.uint8)


def block_scramble(
    image: NDArray[np.uint8], *, n_per_side: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return an image cut into equal blocks that change places and turn.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        The image to scramble.
    n_per_side : int
        Blocks per side, at most the image's own side; a rest of the division at the
        right and the lower edge stays where it is.
    rng : numpy.random.Generator
        Source of the order and the flips.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        The scrambled image: the same pixels in other places.

    Raises
    ------
    ValueError
        If the image has another shape or type, or a block would be empty.
    """
    _require_image(image)
    height, width = image.shape[0] // n_per_side, image.shape[1] // n_per_side
    if not height or not width:
        raise ValueError(
            f"n_per_side must be at most {min(image.shape[:2])} for this image, "
            f"got {n_per_side}."
        )
    places = [
        np.s_[row : row + height, column : column + width]
        for row in range(0, height * n_per_side, height)
        for column in range(0, width * n_per_side, width)
    ]
    scrambled = image.copy()
    for place, origin in zip(places, rng.permutation(len(places)), strict=True):
        block = image[places[origin]]
        scrambled[place] = block[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    return scrambled


def _require_image(image: NDArray[np.uint8]) -> None:  # numpydoc ignore=GL08
    channels = 3
    if image.dtype != np.uint8 or image.ndim != channels or image.shape[2] != channels:
        raise ValueError(
            "image must be uint8 of shape (height, width, 3), got "
            f"{image.dtype} of shape {image.shape}."
        )

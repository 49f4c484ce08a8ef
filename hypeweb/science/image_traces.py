"""Traces that frames, grey scales and compression leave on an image's pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Below this side the border is a large part of the picture, and too few blocks fit.
MIN_SIDE = 32
BLOCK = 8

# Grey levels: a line is of one colour within JPEG's ringing, and a frame ends where
# most of a line leaves that colour at once.
ONE_COLOUR = 16
FLAT_SHARE = 0.02
STILL_FLAT_SHARE = 0.1
ENDED_SHARE = 0.5

# A resampling filter alone changes differences at the border by 4 %, which nobody
# sees; a step counts from half as large again as the differences beside it.
LEAST_LOG_STEP = np.log(1.5)


@dataclass(frozen=True)
class ImageTraces:
    """What can be measured of one image without looking at what it shows.

    Attributes
    ----------
    is_grey : float
        1 where the three channels are equal in every pixel, else 0.
    chroma : float
        Mean distance between the largest and the smallest channel, in grey levels.
    border_mean, border_spread : float
        Mean and standard deviation of the outermost pixels, in grey levels.
    framed_sides : float
        Number of sides, 0 to 4, with a band of one colour that ends along a line.
    border_step : float
        Log ratio of the difference between the outermost two lines of pixels to that
        between the next two, as far as it exceeds a factor of 1.5, summed over the
        sides; 0 on average where the border is like the rest.
    blocks_at_corner : float
        How much differences at the borders of 8 by 8 blocks, counted from the upper
        left corner, exceed the others, in standard errors; 0 on average without
        blocks.
    blocks_anywhere : float
        Size of the largest such excess or lack among the eight grids each way.

    Notes
    -----
    The last four are 0 in images with a side under `MIN_SIDE`: the outermost pixels
    of an image of 8 by 8 are nearly half of its content.
    """

    is_grey: float
    chroma: float
    border_mean: float
    border_spread: float
    framed_sides: float
    border_step: float
    blocks_at_corner: float
    blocks_anywhere: float


def image_traces(image: NDArray[np.uint8]) -> ImageTraces:
    """Return the traces of an image.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        A decoded image, RGB.

    Returns
    -------
    ImageTraces
        Finite numbers, whatever the image's size.

    Raises
    ------
    ValueError
        If the image has another shape or type, or no pixel.

    References
    ----------
    .. [1] Fan and de Queiroz, "Identification of bitmap compression history: JPEG
       detection and quantizer estimation", IEEE Trans. Image Processing 12 (2003), on
       differences across and within 8 by 8 blocks.
    .. [2] Grommelt et al., "Fake or JPEG? Revealing common biases in generated image
       detection datasets", arXiv:2403.17608 (2024).
    """
    _require_image(image)
    height, width = image.shape[:2]
    is_large = min(height, width) >= MIN_SIDE
    border = np.concatenate(
        [image[0], image[-1], image[1:-1, 0], image[1:-1, -1]]
    ).astype(np.float64)
    chroma = image.max(axis=2).astype(np.int16) - image.min(axis=2)
    at_corner, anywhere = block_strength(image) if is_large else (0.0, 0.0)
    return ImageTraces(
        is_grey=float(not chroma.any()),
        chroma=float(chroma.mean()),
        border_mean=float(border.mean()),
        border_spread=float(border.std()),
        framed_sides=float(_n_framed_sides(image)) if is_large else 0.0,
        border_step=_border_step(image) if is_large else 0.0,
        blocks_at_corner=at_corner,
        blocks_anywhere=anywhere,
    )


def block_strength(image: NDArray[np.uint8]) -> tuple[float, float]:
    """Return how strongly an image is divided into blocks of 8 by 8 pixels.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        At least three blocks in either direction.

    Returns
    -------
    at_corner : float
        Excess at the grid that begins at the upper left corner, in standard errors.
    anywhere : float
        Size of the largest excess or lack of all grids, in standard errors.

    Raises
    ------
    ValueError
        If the image has another shape or type, or fewer blocks.

    Notes
    -----
    The differences are those of four neighbours, |a - b - c + d| on the luma, which
    straight edges and slow changes leave small. Their mean along each line between
    two pixels, less that of the two lines beside it, is compared between the lines
    of one phase and all others as in a two-sample t statistic: an image with more
    texture is not blockier for it. Both directions are averaged. The grid at the
    corner is that of an image compressed at its present size, the others those of
    one cropped afterwards. Coarse compression raises the differences between
    blocks, fine compression lowers them.
    """
    _require_image(image)
    if min(image.shape[:2]) < 3 * BLOCK:
        raise ValueError(
            f"The image must have at least {3 * BLOCK} pixels each way, got "
            f"{image.shape[0]} x {image.shape[1]}."
        )
    luma = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    phases = np.stack([_phase_strengths(luma), _phase_strengths(luma.T)])
    anywhere = np.abs(phases).max(axis=1)
    return float(phases[:, -1].mean()), float(anywhere.mean())


def _phase_strengths(  # numpydoc ignore=PR01,RT01
    luma: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Return the strength of the eight column grids; the last begins at the edge."""
    crossed = np.abs(np.diff(np.diff(luma, axis=1), axis=0))
    across = crossed.mean(axis=0, dtype=np.float64)
    excess = across[1:-1] - (across[:-2] + across[2:]) / 2
    # A single line is an edge of the content, not a grid: it counts for no more
    # than the usual ones.
    limit = 6 * float(np.median(np.abs(excess)))
    excess = np.clip(excess, -limit, limit)
    phase = (np.arange(excess.size) + 1) % BLOCK
    strengths = np.zeros(BLOCK)
    for number in range(BLOCK):
        on, off = excess[phase == number], excess[phase != number]
        spread = np.sqrt(off.var() * (1 / on.size + 1 / off.size))
        if spread > 0:
            strengths[number] = (on.mean() - off.mean()) / spread
    return strengths


def _border_step(image: NDArray[np.uint8]) -> float:  # numpydoc ignore=GL08
    total = 0.0
    for turned in _sides(image):
        lines = turned[:3].astype(np.float64)
        outer, inner = np.abs(np.diff(lines, axis=0)).mean(axis=(1, 2))
        # One grey level keeps flat borders, and the noise on them, near 0.
        step = np.log((outer + 1) / (inner + 1))
        total += float(np.sign(step) * max(abs(step) - LEAST_LOG_STEP, 0.0))
    return total


def _n_framed_sides(image: NDArray[np.uint8]) -> int:  # numpydoc ignore=GL08
    return sum(_is_framed(turned) for turned in _sides(image))


def _is_framed(lines: NDArray[np.uint8]) -> bool:  # numpydoc ignore=PR01,RT01
    """Say whether the upper side is a flat band that most of one line ends at once."""
    band = lines[: len(lines) // 4].astype(np.int16)
    colour = np.median(band[0], axis=0)
    left = (np.abs(band - colour) > ONE_COLOUR).any(axis=2).mean(axis=1)
    if left[0] > FLAT_SHARE or not (left > STILL_FLAT_SHARE).any():
        return False
    return bool(left[np.argmax(left > STILL_FLAT_SHARE)] >= ENDED_SHARE)


def _sides(  # numpydoc ignore=PR01,RT01
    image: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], ...]:
    """Return the image four times, each with another side on top."""
    turned = image.transpose(1, 0, 2)
    return image, image[::-1], turned, turned[::-1]


def _require_image(image: NDArray[np.uint8]) -> None:  # numpydoc ignore=GL08
    channels = 3
    is_rgb = image.ndim == channels and image.shape[2] == channels
    if image.dtype != np.uint8 or not is_rgb or not image.size:
        raise ValueError(
            "image must be uint8 of shape (height, width, 3), got "
            f"{image.dtype} of shape {image.shape}."
        )

"""Decode one image file into the pixels that people see.

Browsers show an image upright and in 8-bit colours; the metrics must judge those same
pixels. What had to be converted is noted, so that it can be told.
"""

import io
import struct
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from metrics.errors import BrokenImageError

MAX_PIXELS = 100_000_000
"""The largest image accepted; a 20,000 x 20,000 file is four times this."""

MAX_FILE_BYTES = 512 * 1024 * 1024
"""The largest encoded image accepted, before and after unpacking an archive."""

_ORIENTATION = 0x0112
_WIDE_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
# What the decoders of Pillow raise on damaged data.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    EOFError,
    struct.error,
)


@dataclass(frozen=True)
class DecodedImage:
    """The pixels of one image and how they came about.

    Attributes
    ----------
    pixels : NDArray of uint8, shape (height, width, 3)
        RGB values from 0 to 255.
    encoding : str
        The file's format as Pillow names it (``PNG``, ``JPEG``), or ``RAW``.
    conversions : tuple of str
        What was converted, of ``cmyk``, ``palette``, ``alpha``, ``16-bit``,
        ``exif-rotated`` and ``other``; empty for plain 8-bit RGB or gray.
    """

    pixels: NDArray[np.uint8]
    encoding: str
    conversions: tuple[str, ...] = ()


def decode_image(data: bytes, *, name: str) -> DecodedImage:
    """Return the upright 8-bit RGB pixels of an encoded image.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        How an error names the file.

    Returns
    -------
    DecodedImage
        Pixels of shape (height, width, 3), uint8. An EXIF orientation is applied, as
        browsers do; an alpha channel is dropped, as the other libraries do; 16-bit
        values are divided by 257.

    Raises
    ------
    BrokenImageError
        If the file is not an image, is truncated, animated, or larger than
        `MAX_PIXELS`.
    """
    if len(data) > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES >> 20
        message = f"{name} has {len(data) >> 20} MiB; at most {limit} MiB are accepted"
        raise BrokenImageError(message)
    with warnings.catch_warnings():
        # Pillow warns of large or odd files; both are judged here.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data))
        except Image.DecompressionBombError:
            raise BrokenImageError(_too_large(name)) from None
        except _DAMAGE:
            message = f"{name} is not an image that can be read; remove or replace it"
            raise BrokenImageError(message) from None
        return _decode_opened(image, name)


def _too_large(name: str, size: str = "too many pixels to be opened") -> str:
    return (
        f"{name} has {size}; at most {MAX_PIXELS // 1_000_000} megapixels are "
        "accepted: scale it down or remove it"
    )


def _decode_opened(image: Image.Image, name: str) -> DecodedImage:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise BrokenImageError(_too_large(name, f"{width} x {height} pixels"))
    try:
        _check_single(image, name)
        _check_range(image, name)
        encoding = image.format or "RAW"
        image.load()
        rotated = image.getexif().get(_ORIENTATION, 1) not in (0, 1)
        conversions = _conversions(image)
        if rotated:
            conversions = (*conversions, "exif-rotated")
            image = ImageOps.exif_transpose(image)
        return DecodedImage(_rgb(image), encoding, conversions)
    except BrokenImageError:
        raise
    except Image.DecompressionBombError:
        raise BrokenImageError(_too_large(name)) from None
    except _DAMAGE:
        message = f"{name} is truncated or damaged; export it again or remove it"
        raise BrokenImageError(message) from None


def _check_single(image: Image.Image, name: str) -> None:
    """Refuse several frames; counting them reads their headers."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        message = (
            f"{name} is animated or paged ({frames} frames); one picture a file is "
            "expected: save the frames as files or remove it"
        )
        raise BrokenImageError(message)


def _check_range(image: Image.Image, name: str) -> None:
    if image.mode == "F":
        message = (
            f"{name} has floating-point pixels, which have no agreed range; save it "
            "with 8 or 16 bits a colour"
        )
        raise BrokenImageError(message)


def _conversions(image: Image.Image) -> tuple[str, ...]:
    if image.mode in ("RGB", "L", "1"):
        return ("alpha",) if "transparency" in image.info else ()
    if image.mode == "P":
        return ("palette", "alpha") if "transparency" in image.info else ("palette",)
    if image.mode in _WIDE_MODES:
        return ("16-bit",)
    names = {"CMYK": "cmyk", "RGBA": "alpha", "LA": "alpha", "PA": "alpha"}
    return (names.get(image.mode, "other"),)


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Return RGB pixels; Pillow itself would clip 16-bit values at 255."""
    if image.mode in _WIDE_MODES:
        wide = np.asarray(image).astype(np.int64).clip(0, 65535)
        gray = ((wide + 128) // 257).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    return np.array(image.convert("RGB"), dtype=np.uint8)

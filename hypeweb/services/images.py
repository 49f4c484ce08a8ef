"""One pipeline for every image, real or generated alike."""

import hashlib
import io
import struct
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.Image import Resampling

from hypeweb.services.png_files import write_png

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
)


# What Pillow's decoders were seen to raise on damaged files.
DECODER_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    SyntaxError,
    LookupError,
    OverflowError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


class UnusableImageError(Exception):
    """A file that cannot become a sample; the reason groups what the detail tells."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason} ({detail})" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Encoded:
    """A sample's bytes: RGB, PNG, no metadata."""

    png: bytes
    content_hash: str
    width: int
    height: int


@dataclass(frozen=True)
class Source:
    """The file an image came from, for the leak audit."""

    size_bytes: int
    width: int
    height: int
    format: str


def read(data: bytes) -> tuple[Image.Image, Source]:
    """Return an RGB image, upright, with transparency over white; and its origin."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            source = Source(len(data), image.width, image.height, image.format or "")
            _check_header(image)
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _as_rgb(image), source
    except UnidentifiedImageError:
        raise UnusableImageError("is not an image") from None
    except DECODER_ERRORS as error:
        raise UnusableImageError("cannot be decoded", str(error)) from error


def decode(data: bytes) -> Image.Image:
    """Return an RGB image, upright, with transparency over white."""
    return read(data)[0]


def encode(image: Image.Image, *, size: int | None) -> Encoded:
    """Return the stored form: cropped to a centred square of `size` where given."""
    if size is not None and image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Resampling.BICUBIC)
    png = write_png(np.asarray(image))
    return Encoded(png, hashlib.sha256(png).hexdigest(), image.width, image.height)


def _check_header(image: Image.Image) -> None:
    """Refuse, before a pixel is read, what is too large or not one picture."""
    width, height = image.size
    if width * height > settings.MAX_IMAGE_PIXELS:
        raise UnusableImageError(
            f"has more than the {settings.MAX_IMAGE_PIXELS} pixels allowed",
            f"{width} x {height}",
        )
    if getattr(image, "n_frames", 1) > 1:
        raise UnusableImageError("is animated")


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        values = np.asarray(image, dtype=np.float64)
        if image.mode == "F" or values.min() < 0 or values.max() >= 2**16:
            raise UnusableImageError("is not of 8 or 16 bit", f"mode {image.mode}")
        return Image.fromarray((values / 257 + 0.5).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")

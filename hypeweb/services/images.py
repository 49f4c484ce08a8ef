"""One pipeline for every image, real or generated alike."""

import hashlib
import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from django.conf import settings
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.Image import Resampling

from hypeweb.services.png_files import write_pngs

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
    return encode_all([image], size=size)[0]


def encode_all(images: Sequence[Image.Image], *, size: int | None) -> list[Encoded]:
    """Return the stored forms of several images, which is faster for small ones."""
    fitted = [_fit(image, size) for image in images]
    return [
        Encoded(png, hashlib.sha256(png).hexdigest(), width, height)
        for (width, height), alike in groupby(fitted, lambda image: image.size)
        for png in write_pngs(np.stack([np.asarray(image) for image in alike]))
    ]


def _fit(image: Image.Image, size: int | None) -> Image.Image:
    if size is None or image.size == (size, size):
        return image
    return ImageOps.fit(image, (size, size), Resampling.BICUBIC)


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

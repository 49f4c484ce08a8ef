import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from metrics import decoding
from metrics.decoding import DecodedImage, decode_image
from metrics.errors import BrokenImageError

RED_LEFT = np.zeros((2, 3, 3), dtype=np.uint8)
RED_LEFT[:, 0] = (255, 0, 0)


def encoded(image, image_format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def png_header(width, height):
    """Return a PNG that claims a size and holds no pixels."""
    chunks = [
        b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT",
        b"IEND",
    ]
    packed = [
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def same(found, *, pixels, encoding="PNG", conversions=()):
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.pixels.dtype == np.uint8
    assert (found.encoding, found.conversions) == (encoding, conversions)


def test_decode_image_returns_rgb_pixels_unchanged():
    found = decode_image(encoded(Image.fromarray(RED_LEFT)), name="a.png")

    same(found, pixels=RED_LEFT)


def test_decode_image_repeats_gray():
    gray = np.array([[0, 7], [200, 255]], dtype=np.uint8)

    found = decode_image(encoded(Image.fromarray(gray)), name="a.png")

    same(found, pixels=np.repeat(gray[:, :, None], 3, axis=2))


def test_decode_image_converts_palette():
    data = encoded(Image.fromarray(RED_LEFT).quantize(2))

    same(decode_image(data, name="a.png"), pixels=RED_LEFT, conversions=("palette",))


def test_decode_image_drops_alpha():
    image = Image.fromarray(RED_LEFT).convert("RGBA")
    image.putalpha(10)

    found = decode_image(encoded(image), name="a.png")

    same(found, pixels=RED_LEFT, conversions=("alpha",))


def test_decode_image_scales_16_bit_by_257():
    wide = np.array([[0, 257, 65535, 128]], dtype=np.uint16)

    found = decode_image(encoded(Image.fromarray(wide)), name="a.png")

    same(
        found,
        pixels=np.repeat(np.array([[[0], [1], [255], [0]]], np.uint8), 3, axis=2),
        conversions=("16-bit",),
    )


def test_decode_image_converts_cmyk():
    image = Image.new("CMYK", (4, 4), (0, 0, 0, 0))

    found = decode_image(encoded(image, "TIFF"), name="a.tif")

    white = np.full((4, 4, 3), 255, np.uint8)
    same(found, pixels=white, encoding="TIFF", conversions=("cmyk",))


def test_decode_image_applies_exif_rotation():
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down

    data = encoded(Image.fromarray(RED_LEFT), exif=exif)

    same(
        decode_image(data, name="a.png"),
        pixels=RED_LEFT[::-1, ::-1],
        conversions=("exif-rotated",),
    )


def test_decode_image_takes_one_pixel():
    found = decode_image(encoded(Image.new("RGB", (1, 1), (1, 2, 3))), name="a.png")

    assert isinstance(found, DecodedImage)
    assert found.pixels.tolist() == [[[1, 2, 3]]]


def test_decode_image_refuses_text():
    with pytest.raises(BrokenImageError, match=r"^a\.png is not an image that can be"):
        decode_image(b"hello", name="a.png")


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_decode_image_refuses_truncated_files(image_format):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), image_format)

    with pytest.raises(BrokenImageError, match=r"^a\.img is "):
        decode_image(data[: len(data) // 2], name="a.img")


def test_decode_image_refuses_animations():
    frames = [Image.new("RGB", (4, 4), (value, 0, 0)) for value in (0, 100, 200)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    with pytest.raises(BrokenImageError, match=r"animated or paged \(3 frames\)"):
        decode_image(data, name="a.gif")


@pytest.mark.parametrize("image_format", ["GIF", "TIFF"])
def test_decode_image_refuses_damaged_frames(image_format):
    frames = [Image.new("RGB", (4, 4), (value, 0, 0)) for value in (0, 100, 200)]
    data = encoded(frames[0], image_format, save_all=True, append_images=frames[1:])

    for place in range(100, len(data)):
        flipped = data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :]
        for damaged in (data[:place], flipped):
            try:
                decode_image(damaged, name="a.img")
            except BrokenImageError as error:
                assert str(error).startswith("a.img is ")  # noqa: PT017


def test_decode_image_refuses_huge_images_before_decoding():
    with pytest.raises(BrokenImageError, match=r"^a\.png has .*at most 100 megapixels"):
        decode_image(png_header(20_000, 20_000), name="a.png")


def test_decode_image_refuses_medium_huge_images():
    with pytest.raises(BrokenImageError, match="has 11000 x 10000 pixels"):
        decode_image(png_header(11_000, 10_000), name="a.png")


def test_decode_image_refuses_heavy_files(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_FILE_BYTES", 3)

    with pytest.raises(BrokenImageError, match="at most 0 MiB are accepted"):
        decode_image(b"four", name="a.png")


def test_decode_image_refuses_floating_point():
    data = encoded(Image.new("F", (2, 2)), "TIFF")

    with pytest.raises(BrokenImageError, match=r"^a\.tif has floating-point pixels"):
        decode_image(data, name="a.tif")

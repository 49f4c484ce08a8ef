import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from metrics.resize import RESIZES, resize_images, resize_matrix

SIZES = [(32, 32), (256, 300), (1, 1), (299, 299), (512, 5)]


def noise(size, n=2):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n, *size, 3), dtype=np.uint8)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def tensorflow_bilinear(image, size):
    """Interpolate one gray image pixel by pixel, as TensorFlow 1 did."""
    found = np.zeros(size)
    scales = [
        np.float32(source / target)
        for source, target in zip(image.shape, size, strict=True)
    ]
    for row in range(size[0]):
        y = np.float32(row) * scales[0]
        top, bottom = int(y), min(int(y) + 1, image.shape[0] - 1)
        for column in range(size[1]):
            x = np.float32(column) * scales[1]
            left, right = int(x), min(int(x) + 1, image.shape[1] - 1)
            above = image[top, left] + (image[top, right] - image[top, left]) * (
                x - left
            )
            below = image[bottom, left] + (
                image[bottom, right] - image[bottom, left]
            ) * (x - left)
            found[row, column] = above + (below - above) * (y - top)
    return found


@pytest.mark.parametrize("source", [(7, 5), (40, 50), (21, 21), (1, 3)])
def test_resize_images_legacy_is_tensorflows_grid(source):
    images = noise(source, n=1)

    found = resize_images(images, size=(21, 17), method="legacy")

    expected = tensorflow_bilinear(images[0, 0].numpy().astype(float), (21, 17))
    # float32 weights: a few units in the seventh digit of 255
    np.testing.assert_allclose(found[0, 0], expected, atol=1e-4)


@pytest.mark.parametrize("source", SIZES)
def test_resize_images_clean_is_pillows_bicubic(source):
    images = noise(source)

    found = resize_images(images, size=(64, 48), method="clean")

    for image, resized in zip(images, found, strict=True):
        for channel in range(3):
            expected = Image.fromarray(image[channel].numpy().astype(np.float32))
            expected = expected.resize((48, 64), Image.Resampling.BICUBIC)
            # float32 sums: a few units in the seventh digit of 255
            np.testing.assert_allclose(
                resized[channel], np.asarray(expected).clip(0, 255), atol=1e-4
            )


@pytest.mark.parametrize("source", SIZES)
@pytest.mark.parametrize("antialias", [False, True])
def test_resize_images_agrees_with_torch(source, antialias):
    images = noise(source)

    found = resize_images(
        images, size=(64, 48), method="antialias" if antialias else "pytorch"
    )

    expected = functional.interpolate(
        images.float(),
        size=(64, 48),
        mode="bilinear",
        align_corners=False,
        antialias=antialias,
    )
    # torch computes the antialias weights in float32
    torch.testing.assert_close(found, expected, atol=1e-2, rtol=0)


@pytest.mark.parametrize("method", RESIZES)
def test_resize_images_does_not_depend_on_the_batch(method):
    images = noise((30, 20), n=5)

    together = resize_images(images, size=(9, 50), method=method)

    for image, row in zip(images, together, strict=True):
        alone = resize_images(image[None], size=(9, 50), method=method)
        torch.testing.assert_close(alone[0], row, atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", RESIZES)
@pytest.mark.parametrize(("source", "target"), [(3, 8), (8, 3), (1, 4), (5, 5)])
def test_resize_matrix_rows_sum_to_one(method, source, target):
    matrix = resize_matrix(source, target, method)

    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize("method", RESIZES)
def test_resize_images_of_the_wanted_size_changes_nothing(method):
    images = noise((8, 9))

    found = resize_images(images, size=(8, 9), method=method)

    torch.testing.assert_close(found, images.float(), atol=0, rtol=0)


def test_resize_images_refuses_other_shapes():
    with pytest.raises(ValueError, match="images must be"):
        resize_images(torch.zeros(3, 4, 4), size=(2, 2), method="clean")

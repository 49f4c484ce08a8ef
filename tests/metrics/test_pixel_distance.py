import numpy as np
import pytest

from metrics.pixel_distance import pixel_distance


def test_distance_is_the_mean_absolute_difference():
    images1 = np.zeros((2, 1, 2, 3), dtype=np.uint8)
    images2 = images1.copy()
    images2[0, 0, 0, 0] = 255
    images1[1, 0, 1] = 4

    found = pixel_distance(images1, images2)

    np.testing.assert_allclose(found.of_pairs, [255 / 6, 4 * 3 / 6])
    assert found.value == pytest.approx((255 / 6 + 2) / 2)
    assert pixel_distance(images2, images1).value == found.value
    assert pixel_distance(images1, images1).value == 0


def test_a_shift_by_one_pixel_ruins_it():
    stripes = np.zeros((1, 4, 8, 3), dtype=np.uint8)
    stripes[:, :, ::2] = 255

    found = pixel_distance(stripes, np.roll(stripes, 1, axis=2))

    assert found.value == 255


def test_distance_says_what_is_wrong():
    images = np.zeros((2, 4, 4, 3), dtype=np.uint8)

    with pytest.raises(ValueError, match=r"^images2 must be uint8, got float64$"):
        pixel_distance(images, images / 255)
    with pytest.raises(ValueError, match=r"pairs of one shape, got \(2, 4, 4, 3\) and"):
        pixel_distance(images, images[:1])
    with pytest.raises(ValueError, match=r"^images must come in pairs of one shape"):
        pixel_distance(images[:0], images[:0])

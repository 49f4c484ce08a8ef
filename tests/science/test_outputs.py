import numpy as np
import pytest

from hypeweb.science.outputs import LIMITS, OutputError, check_variety, to_images


def batch(value_range="signed", *, shape=(4, 3, 2, 5)):
    low, high = LIMITS[value_range]
    return np.random.default_rng(0).uniform(low, high, shape).astype(np.float32)


@pytest.mark.parametrize("value_range", LIMITS)
def test_the_limits_are_black_and_white(value_range):
    low, high = LIMITS[value_range]
    values = np.array([low, (low + high) / 2, high], np.float32).reshape(1, 1, 1, 3)
    images = to_images(values, value_range=value_range, layout="nchw")
    assert images.tolist() == [[[[0, 0, 0], [128, 128, 128], [255, 255, 255]]]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_level_survives(dtype):
    levels = np.arange(256).reshape(1, 1, 16, 16)
    values = (levels / 127.5 - 1).astype(dtype)
    images = to_images(values, value_range="signed", layout="nchw")
    assert np.array_equal(images[0, :, :, 0], levels[0, 0])


def test_both_layouts_give_the_same_images():
    values = batch()
    first = to_images(values, value_range="signed", layout="nchw")
    last = to_images(np.moveaxis(values, 1, 3), value_range="signed", layout="nhwc")
    assert first.shape == (4, 2, 5, 3)
    assert np.array_equal(first, last)


def test_a_little_overshoot_is_clipped():
    values = batch() * 1.03
    images = to_images(values, value_range="signed", layout="nchw")
    assert (images.min(), images.max()) == (0, 255)


@pytest.mark.parametrize(
    ("values", "value_range", "layout", "sentence"),
    [
        (batch() * 3, "signed", "nchw", r"6\d % of the values lie outside \[-1, 1\]"),
        (batch("signed"), "unit", "nchw", r"4\d% of the values lie outside \[0, 1\]"),
        (batch()[0], "signed", "nchw", r"shape \(3, 2, 5\), not that of a batch"),
        (batch(), "signed", "nhwc", r"NHWC 5 channels .* it looks like NCHW"),
        (
            batch(shape=(4, 2, 5, 3)),
            "signed",
            "nchw",
            r"NCHW 2 channels .* it looks like NHWC",
        ),
        (batch(shape=(4, 2, 5, 7)), "signed", "nchw", "2 channels instead of 1 or 3$"),
        (np.full((1, 1, 2, 2), np.nan), "unit", "nchw", "4 of 4 values are NaN"),
    ],
)
def test_what_is_no_image_is_refused(values, value_range, layout, sentence):
    with pytest.raises(OutputError, match=sentence.replace(" %", "%")):
        to_images(values, value_range=value_range, layout=layout)


def test_a_varied_batch_passes():
    check_variety(batch(), value_range="signed")
    check_variety(batch(shape=(1, 3, 2, 2)), value_range="signed")


@pytest.mark.parametrize(
    ("values", "value_range", "sentence"),
    [
        (np.full((2, 1, 2, 2), 0.5), "unit", "every value is 0.5: .* constant"),
        (batch("unit"), "byte", r"from 0.* to 0.9.* only, of \[0, 255\]"),
        (np.repeat(batch()[:1], 4, axis=0), "signed", "all images are the same"),
    ],
)
def test_a_batch_without_difference_is_refused(values, value_range, sentence):
    with pytest.raises(OutputError, match=sentence):
        check_variety(values, value_range=value_range)

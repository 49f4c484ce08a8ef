import io

import numpy as np
import pytest
from PIL import Image

from hypeweb.science.image_traces import MIN_SIDE, block_strength, image_traces
from hypeweb.science.leaks import measure_auc


def texture(rng, side=96, *, slope=1.4):
    """An image with a photograph's falling spectrum, in grey-tinted colour."""
    n = 2 * side
    frequency = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.fftfreq(n))
    frequency[0, 0] = 1 / n

    def field():
        noise = np.fft.fft2(rng.standard_normal((n, n))) / frequency**slope
        real = np.fft.ifft2(noise).real[:side, :side]
        return (real - real.mean()) / real.std()

    shared = field()
    channels = [0.9 * shared + 0.3 * field() for _ in range(3)]
    noise = rng.standard_normal((side, side, 3))
    values = 128 + 40 * np.stack(channels, axis=-1) + noise
    return np.clip(values, 0, 255).astype(np.uint8)


def jpeg(image, *, quality=75):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def auc(reals, fakes):
    values = np.array([*reals, *fakes])
    return measure_auc(values, np.arange(values.size) < len(reals)).value


def test_grey_is_exactly_equal_channels():
    grey = np.full((8, 8, 3), 90, np.uint8)
    almost = grey.copy()
    almost[0, 0, 1] += 1
    assert image_traces(grey).is_grey == 1
    assert image_traces(almost).is_grey == 0
    assert image_traces(grey).chroma == 0
    assert image_traces(almost).chroma == pytest.approx(1 / 64)


def test_border_is_the_outermost_pixels():
    image = np.zeros((4, 4, 3), np.uint8)
    image[1:3, 1:3] = 200
    image[0] = 60  # 4 of the 12 pixels
    traces = image_traces(image)
    assert traces.border_mean == pytest.approx(20)
    assert traces.border_spread == pytest.approx(60 * (1 / 3 * 2 / 3) ** 0.5)


@pytest.mark.parametrize(("width", "n_sides"), [(0, 0), (1, 4), (5, 4)])
def test_a_frame_is_counted_on_each_side(width, n_sides):
    image = texture(np.random.default_rng(0), 64)
    if width:
        image[:width] = image[-width:] = 255
        image[:, :width] = image[:, -width:] = 255
    assert image_traces(image).framed_sides == n_sides


def test_a_letterbox_has_two_sides_and_survives_compression():
    image = texture(np.random.default_rng(1), 64)
    image[:10] = image[-10:] = 0
    assert image_traces(image).framed_sides == 2
    assert image_traces(jpeg(image, quality=85)).framed_sides == 2


def test_an_object_on_one_colour_has_no_frame():
    """Its outline leaves the background bit by bit, not along a line."""
    image = np.full((64, 64, 3), 255, np.uint8)
    rows, columns = np.mgrid[:64, :64]
    image[(rows - 32) ** 2 + (columns - 32) ** 2 < 29**2] = 40
    assert image_traces(image).framed_sides == 0


def test_a_dark_line_at_the_border_is_a_step():
    rng = np.random.default_rng(2)
    plain = [texture(rng, 48) for _ in range(12)]
    lined = [image.copy() for image in plain]
    for image in lined:
        image[0] //= 2
    steps = [
        [image_traces(image).border_step for image in images]
        for images in (lined, plain)
    ]
    assert auc(*steps) > 0.95
    assert abs(np.mean(steps[1])) < 0.1


def test_resizing_alone_leaves_no_step():
    """The site's own resizing, and that of most data sets, must not be a leak."""
    rng = np.random.default_rng(7)
    for filter_ in (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS):
        for side in (40, 96, 200):
            large = Image.fromarray(texture(rng, side))
            small = np.asarray(large.resize((64, 64), filter_))
            assert image_traces(small).border_step == 0


@pytest.mark.slow
def test_blocks_of_compression_are_seen_at_the_corner_grid():
    rng = np.random.default_rng(3)
    plain = [block_strength(texture(rng))[0] for _ in range(25)]
    for quality in (60, 75, 85):
        packed = [block_strength(jpeg(texture(rng), quality=quality))[0]]
        packed += [
            block_strength(jpeg(texture(rng), quality=quality))[0] for _ in range(24)
        ]
        assert auc(packed, plain) > 0.9


@pytest.mark.slow
def test_blocks_of_an_image_cropped_later_are_seen_at_another_grid():
    rng = np.random.default_rng(4)
    plain = [block_strength(texture(rng))[1] for _ in range(25)]
    cropped = [jpeg(texture(rng, 101))[3:99, 5:101] for _ in range(25)]
    assert auc([block_strength(image)[1] for image in cropped], plain) > 0.9
    at_corner = [block_strength(image)[0] for image in cropped]
    assert max(at_corner) < 3


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.3, 2.0])
def test_other_content_alone_leaves_no_trace(slope):
    """Rougher or smoother images than the reals: content, no leak."""
    rng = np.random.default_rng(5)
    one = [image_traces(texture(rng, 48)) for _ in range(150)]
    other = [image_traces(texture(rng, 48, slope=slope)) for _ in range(150)]
    for name in ("framed_sides", "border_step", "blocks_at_corner", "blocks_anywhere"):
        found = auc([getattr(t, name) for t in one], [getattr(t, name) for t in other])
        # three standard errors of an AUC of 150 by 150
        assert abs(found - 0.5) < 0.1, name


def test_small_images_have_no_geometry():
    rng = np.random.default_rng(6)
    traces = image_traces(texture(rng, MIN_SIDE - 1))
    geometry = (traces.framed_sides, traces.border_step)
    assert (*geometry, traces.blocks_at_corner, traces.blocks_anywhere) == (0, 0, 0, 0)
    assert image_traces(texture(rng, MIN_SIDE)).blocks_anywhere > 0


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (40, 33, 3), (300, 32, 3)])
@pytest.mark.parametrize("value", [0, 255])
def test_flat_images_of_any_shape_have_finite_traces(shape, value):
    traces = image_traces(np.full(shape, value, np.uint8))
    assert traces.border_mean == value
    assert traces.border_step == traces.blocks_anywhere == traces.framed_sides == 0


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3)),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_what_is_no_rgb_image_is_refused(image):
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        image_traces(image)


def test_blocks_need_three_blocks():
    with pytest.raises(ValueError, match="at least 24 pixels each way, got 23 x 40"):
        block_strength(np.zeros((23, 40, 3), np.uint8))

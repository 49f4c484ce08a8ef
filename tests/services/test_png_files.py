import hashlib
import io
import platform

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from hypeweb.services.png_files import write_png, write_pngs


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
        lambda size: arrays(np.uint8, (*size, 3))
    )
)
def test_every_pixel_comes_back(pixels):
    data = write_png(pixels)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})
        assert np.array_equal(np.asarray(image), pixels)


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)).flatmap(
        lambda size: arrays(np.uint8, (*size, 3))
    )
)
def test_images_packed_together_are_as_if_alone(pixels):
    assert write_pngs(pixels) == [write_png(image) for image in pixels]


@pytest.mark.parametrize(("across", "down"), [(3, 0), (0, 3)])
def test_an_even_ramp_packs_to_almost_nothing(across, down):
    rows, columns = np.indices((64, 64))
    ramp = (across * columns + down * rows).astype(np.uint8)
    assert len(write_png(np.dstack([ramp] * 3))) < 600


@pytest.mark.skipif(platform.machine() != "x86_64", reason="packs otherwise there")
def test_the_bytes_are_the_same_on_every_machine():
    pixels = np.random.default_rng(0).normal(128, 9, (64, 64, 3)).astype(np.uint8)
    digest = hashlib.sha256(write_png(pixels)).hexdigest()
    assert digest == (
        "986d60d6eb404c7f2d67d43117955ebe3ca131b1abeb06e465d1ea2fcf3db0a8"
    )

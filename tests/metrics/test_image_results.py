import numpy as np
import pytest

from metrics.evaluation import Options, evaluate
from metrics.images import ArraySource

OPTIONS = Options(
    extractor="digits",
    metrics=("precision", "nearest_real_distance_median"),
    replicates=0,
)


@pytest.fixture
def pixels(make_images):
    return make_images(40, seed=1)


def test_copies_are_found_at_their_places_whatever_the_order(pixels):
    order = np.random.default_rng(3).permutation(40)
    found = evaluate(
        ArraySource("real", pixels), ArraySource("fake", pixels[order]), OPTIONS
    ).images
    assert found.nearest.places.tolist() == order.tolist()
    assert found.nearest.distances.tolist() == [0.0] * 40
    assert not found.nearest.is_authentic.any()
    assert found.is_inside.all()
    assert found.fake_places.tolist() == found.real_places.tolist() == list(range(40))
    assert found.fake_labels.tolist() == found.real_labels[order].tolist()


def test_an_image_unlike_all_others_lies_outside(pixels):
    fake = pixels.copy()
    fake[7] = 255
    found = evaluate(
        ArraySource("real", pixels), ArraySource("fake", fake), OPTIONS
    ).images
    assert np.flatnonzero(~found.is_inside).tolist() == [7]
    assert np.argmax(found.nearest.distances) == 7


def test_a_limit_keeps_the_numbers_of_the_whole_source(pixels):
    limited = Options(**{**OPTIONS.__dict__, "limit": 10})
    found = evaluate(
        ArraySource("real", pixels), ArraySource("fake", pixels), limited
    ).images
    assert len(found.fake_places) == 10
    assert found.fake_places.max() > 10
    assert set(found.nearest.places) <= set(found.real_places)


def test_what_nobody_asked_for_is_none(pixels):
    options = Options(extractor="digits", metrics=("fid",), replicates=0)
    found = evaluate(
        ArraySource("real", pixels), ArraySource("fake", pixels), options
    ).images
    assert (found.nearest, found.is_inside) == (None, None)

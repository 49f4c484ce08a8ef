import pytest

from hypeweb.models import SampleSet, Study
from hypeweb.services import screens


def study_of(width, height=None, **fields):
    real_set = SampleSet(width=width, height=height or width)
    return Study(real_set=real_set, min_width_px=600, min_height_px=500, **fields)


@pytest.mark.parametrize(
    ("width", "height", "scale", "stage_px"),
    [
        (28, 28, 13, 364),
        (32, 32, 12, 384),
        (256, 256, 1, 256),
        (64, 32, 6, 384),
        (1024, 1024, 1, 1024),
    ],
)
def test_images_are_enlarged_in_whole_steps_and_never_shrunk(
    width, height, scale, stage_px
):
    study = study_of(width, height)
    assert screens.scale_of(study) == scale
    assert screens.stage_px(study) == stage_px


def test_a_study_asks_for_what_it_says_or_for_what_its_images_need():
    small = screens.requirements_of(study_of(100, 20, min_refresh_hz=60))
    assert (small.min_width, small.min_height) == (600, 500)
    assert small.min_refresh_hz == 60
    large = screens.requirements_of(study_of(1024, 768, needs_keyboard=False))
    assert (large.min_width, large.min_height) == (1072, 1024)
    assert not large.needs_keyboard

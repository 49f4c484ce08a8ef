"""What a timed study asks of a screen, so that everybody sees its images alike."""

from dataclasses import dataclass

from hypeweb.models import Study

# Images are shown at a whole multiple of their pixels, up to about this side.
STAGE_PX = 384
# What the task page needs around the image: its margins, question and buttons.
AROUND_WIDTH_PX = 48
AROUND_HEIGHT_PX = 256


@dataclass(frozen=True)
class Requirements:
    """What a timed study asks of a screen."""

    min_width: int
    min_height: int
    min_refresh_hz: int
    needs_keyboard: bool


def scale_of(study: Study) -> int:
    """Return how many pixels of the page one pixel of an image takes, each way."""
    real_set = study.real_set
    return max(1, STAGE_PX // max(real_set.width, real_set.height, 1))


def stage_px(study: Study) -> int:
    """Return the longer side of an image as shown, in pixels of the page."""
    return scale_of(study) * max(study.real_set.width, study.real_set.height)


def requirements_of(study: Study) -> Requirements:
    """Return the study's own demands, or more where its images need more room."""
    scale, real_set = scale_of(study), study.real_set
    return Requirements(
        min_width=max(study.min_width_px, scale * real_set.width + AROUND_WIDTH_PX),
        min_height=max(study.min_height_px, scale * real_set.height + AROUND_HEIGHT_PX),
        min_refresh_hz=study.min_refresh_hz,
        needs_keyboard=study.needs_keyboard,
    )

"""What evaluators are told: a study's public facts, the task, their own result."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from hypeweb.models import Session, Study
from hypeweb.services.sessions import Result

# Images are shown at a whole multiple of their pixels, up to about this side.
STAGE_PX = 384
# The publication's 10 minutes for 100 untimed images and 60 for 450 timed ones.
SECONDS_UNTIMED = 6
SECONDS_TIMED = 8


@dataclass(frozen=True)
class Facts:
    """The public facts of a study: never which image is what."""

    name: str
    question: str
    is_timed: bool
    n_trials: int
    percent_real: int
    n_blocks: int
    images_per_block: int
    feedback: bool
    minutes: int
    has_fixed_language: bool
    contact: str
    debrief_text: str
    pay_text: str = ""


@dataclass(frozen=True)
class Task:
    """What the trial page needs to know before its first trial."""

    protocol: str
    countdown_ms: int
    mask_ms: int
    feedback: bool
    stage_px: int
    image_rendering: str
    n_trials: int


@dataclass(frozen=True)
class Requirements:
    """What a timed study asks of a screen."""

    min_width: int
    min_height: int
    min_refresh_hz: int
    needs_keyboard: bool


@dataclass(frozen=True)
class Debrief:
    """A person's own result in words."""

    n_answered: int
    n_correct: int
    percent_correct: int
    reals_correct_text: str
    fakes_correct_text: str
    hype_time_text: str


def facts_of(study: Study) -> Facts:
    """Return what may be told before a session."""
    seconds = SECONDS_TIMED if study.is_timed else SECONDS_UNTIMED
    return Facts(
        name=study.name,
        question=study.spoken_question,
        is_timed=study.is_timed,
        n_trials=study.n_trials,
        percent_real=50
        if study.is_timed
        else round(100 * study.n_real / study.n_trials),
        n_blocks=study.n_blocks if study.is_timed else 1,
        images_per_block=study.images_per_block if study.is_timed else study.n_trials,
        feedback=study.feedback,
        minutes=max(1, round(study.n_trials * seconds / 60)),
        has_fixed_language=study.has_fixed_language,
        contact=study.contact,
        debrief_text=study.debrief_text,
    )


def requirements_of(session: Session) -> Requirements | None:
    """Return what the screen check looks for; nothing where nobody is timed."""
    study = session.study
    if not study.is_timed or session.is_simulated:
        return None
    return Requirements(
        min_width=study.min_width_px,
        min_height=study.min_height_px,
        min_refresh_hz=study.min_refresh_hz,
        needs_keyboard=study.needs_keyboard,
    )


def task_of(session: Session) -> Task:
    """Return the settings of a session's task."""
    study = session.study
    return Task(
        protocol=study.protocol,
        countdown_ms=study.countdown_ms,
        mask_ms=study.mask_ms,
        feedback=study.feedback,
        stage_px=_stage_px(study),
        image_rendering=study.image_rendering,
        n_trials=study.n_trials,
    )


def debrief_of(result: Result) -> Debrief:
    """Put a result in words."""
    share = _("%(n_right)s of %(n_all)s recognised")
    return Debrief(
        n_answered=result.n_answered,
        n_correct=result.n_correct,
        percent_correct=result.percent_correct,
        reals_correct_text=share
        % {"n_right": result.n_reals_correct, "n_all": result.n_reals},
        fakes_correct_text=share
        % {"n_right": result.n_fakes_correct, "n_all": result.n_fakes},
        hype_time_text=""
        if result.hype_time_ms is None
        else f"{result.hype_time_ms:.0f} ms",
    )


def _stage_px(study: Study) -> int:
    side = max(study.real_set.width, study.real_set.height)
    return side * max(1, STAGE_PX // side)

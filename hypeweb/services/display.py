"""What evaluators are told: a study's public facts, the task, their own result."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from hypeweb.models import Session, Study
from hypeweb.services import designs, promises, qualifications, screens, sessions
from hypeweb.services.promises import SECONDS_TIMED, SECONDS_UNTIMED
from hypeweb.services.screens import Requirements
from hypeweb.services.sessions import Part, Result


@dataclass(frozen=True)
class Facts:
    """The public facts of a study: never which image is what."""

    name: str
    slug: str
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
    look_limit_s: int | None = None
    pay_text: str = ""
    qualification: "QualificationFacts | None" = None


@dataclass(frozen=True)
class QualificationFacts:
    """What may be told of a qualification before it."""

    n_trials: int
    percent_real: int
    reals_percent: int
    fakes_percent: int
    feedback: bool
    minutes: int


@dataclass(frozen=True)
class Task:
    """What the trial page needs to know before its first trial."""

    part: Part
    protocol: str
    countdown_ms: int
    mask_ms: int
    feedback: bool
    stage_px: int
    image_rendering: str
    n_trials: int
    required: Requirements | None
    idle_limit_min: int
    look_limit_s: int | None


@dataclass(frozen=True)
class Debrief:
    """A person's own result in words."""

    n_answered: int
    n_correct: int
    percent_correct: int
    reals_correct_text: str
    fakes_correct_text: str


def facts_of(study: Study) -> Facts:
    """Return what may be told before a session."""
    seconds = SECONDS_TIMED if study.is_timed else SECONDS_UNTIMED
    n_blocks = designs.n_blocks_each(study)
    n_trials = designs.n_trials_each(study)
    return Facts(
        name=study.name,
        slug=study.slug,
        question=study.spoken_question,
        is_timed=study.is_timed,
        n_trials=n_trials,
        percent_real=_percent_real(study),
        n_blocks=n_blocks,
        images_per_block=n_trials // n_blocks,
        feedback=study.feedback,
        minutes=max(1, round(n_trials * seconds / 60)),
        has_fixed_language=study.has_fixed_language,
        contact=study.contact,
        debrief_text=study.debrief_text,
        pay_text=promises.spoken_pay(study),
        look_limit_s=study.look_limit_s,
        qualification=_qualification_of(study) if study.asks_qualification else None,
    )


def _percent_real(study: Study) -> int:
    """Return the share of real images that a person sees, attention checks included."""
    if study.is_timed:
        return 50
    n_real = study.n_real + study.n_gold // 2
    return round(100 * n_real / (study.n_trials + study.n_gold))


def _qualification_of(study: Study) -> QualificationFacts:
    n_trials = study.qualification_n_trials
    return QualificationFacts(
        n_trials=n_trials,
        percent_real=round(100 * study.qualification_n_real / n_trials),
        reals_percent=study.qualification_reals_percent,
        fakes_percent=study.qualification_fakes_percent,
        feedback=study.qualification_feedback,
        minutes=max(1, round(n_trials * SECONDS_UNTIMED / 60)),
    )


def requirements_of(session: Session) -> Requirements | None:
    """Return what the screen check looks for; nothing where nobody is timed."""
    if not session.study.is_timed or session.is_simulated:
        return None
    return screens.requirements_of(session.study)


def task_of(session: Session) -> Task:
    """Return the settings of a session's task."""
    study, is_qualifying = session.study, session.is_qualifying
    return Task(
        part="qualification" if is_qualifying else "task",
        protocol=Study.Protocol.HYPE_INF if is_qualifying else study.protocol,
        countdown_ms=study.countdown_ms,
        mask_ms=study.mask_ms,
        feedback=study.qualification_feedback if is_qualifying else study.feedback,
        stage_px=screens.stage_px(study),
        required=None if is_qualifying else requirements_of(session),
        idle_limit_min=study.idle_limit_min,
        look_limit_s=None if is_qualifying else study.look_limit_s,
        image_rendering=study.image_rendering,
        n_trials=study.qualification_n_trials
        if is_qualifying
        else designs.n_trials_each(study),
    )


def attempts_of(session: Session, *, now: datetime) -> int:
    """Return how often an evaluator may still try to qualify."""
    return qualifications.n_attempts_left(session.study, session.evaluator, now=now)


def attempt_result_of(session: Session) -> Debrief | None:
    """Return how the latest attempt to qualify went, or None before the first."""
    attempt = qualifications.latest_of(session)
    if attempt is None:
        return None
    return debrief_of(sessions.result_of(session, qualification=attempt))


def debrief_of(result: Result) -> Debrief:
    """Put a result in words."""
    return Debrief(
        n_answered=result.n_answered,
        n_correct=result.n_correct,
        percent_correct=result.percent_correct,
        reals_correct_text=_recognised(result.n_reals_correct, result.n_reals),
        fakes_correct_text=_recognised(result.n_fakes_correct, result.n_fakes),
    )


def own_threshold(session: Session, result: Result) -> str:
    """Say how long a person had to see an image; nothing before the end, or untimed.

    It is the published score, the mean of the blocks' modes: at a limit of the study
    it says only that the person's own lies beyond.
    """
    study, own_ms = session.study, result.hype_time_ms
    if own_ms is None or session.state != Session.State.FINISHED:
        return ""
    seconds = {"seconds": number_format(own_ms / 1000, decimal_pos=2)}
    if own_ms >= study.max_ms:
        return (
            _(
                "You were still unsure after %(seconds)s seconds, the longest that "
                "this study shows an image."
            )
            % seconds
        )
    if own_ms <= study.min_ms:
        return (
            _(
                "%(seconds)s seconds, the shortest that this study shows an image, "
                "were enough for you."
            )
            % seconds
        )
    likeness = next(words for limit_ms, words in _likenesses() if own_ms < limit_ms)
    sentence = _("Your limit settled at %(seconds)s seconds: %(likeness)s.")
    return sentence % {**seconds, "likeness": likeness}


def _likenesses() -> tuple[tuple[float, str], ...]:
    """Return what exposures below a number of milliseconds last as long as."""
    return (
        (150, _("less than the blink of an eye")),
        (400, _("about the blink of an eye")),
        (700, _("about half a second")),
        (float("inf"), _("about a second, a good look")),
    )


def _recognised(n_right: int, n_all: int) -> str:
    if not n_all:
        return _("none seen")
    percent = round(100 * n_right / n_all)
    return _("%(percent)d %%, %(n_right)d of %(n_all)d recognised") % {
        "percent": percent,
        "n_right": n_right,
        "n_all": n_all,
    }

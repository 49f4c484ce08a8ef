"""An evaluator's walk: join, start a part, one trial after another, the end."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Literal

import numpy as np
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils.translation import gettext as _

from hypeweb.models import (
    Evaluator,
    Judgment,
    Mask,
    Pool,
    Qualification,
    Sample,
    Session,
    Study,
    Trial,
)
from hypeweb.models.sessions import Truth
from hypeweb.science.exposures import Reported, departs_from_plan
from hypeweb.science.scoring import block_mode
from hypeweb.science.staircase import Rule, next_exposure
from hypeweb.services import (
    admissions,
    designs,
    draws,
    limits,
    places,
    pools,
    qualifications,
    screens,
    shown_counts,
    studies,
    tokens,
)
from hypeweb.services.errors import ConflictError, DomainError

# The two parts of a walk; which trials of the task are gold is told nobody.
Part = Literal["qualification", "task"]
# What the trial page may say of an exposure, and what the server adds.
EXPOSURE_FLAGS = frozenset(
    {
        "hidden",
        "blurred",
        "resized",
        "left_fullscreen",
        "covered",
        "long_gap",
        "missed_target",
        "late_frame",
        "paint_differs",
        "unmeasured",
    }
)
# An answer long after its image disappeared by the study's time limit.
LATE = "late"
# An answer to an image that no page asked for.
NOT_SENT = "not_sent"
# With one of these the person did not see what was planned.
VOIDING_FLAGS = frozenset(EXPOSURE_FLAGS | {"shown_again", LATE, NOT_SENT}) - {
    "late_frame"
}
# Screens refresh a little below their nominal rate: 59.94 Hz is 60.
NOMINAL_SHARE = 0.98
# Repeats added to a block, at most this share of it.
MAX_REPEATED_SHARE = 0.2
# What every answer reads of its session and study; rarer things are read when needed.
# Django spends more time on a statement with every column of a study than PostgreSQL.
READ_OFTEN = (
    *("study_id", "arm_id", "evaluator_id", "qualification_id", "state"),
    *("population", "seed", "started_at", "last_seen_at"),
    *(
        f"study__{name}"
        for name in (
            *("protocol", "n_blocks", "images_per_block", "n_masks", "mask_ms"),
            "design",
            *("min_refresh_hz", "idle_limit_min", "duration_limit_min"),
            "time_limit_s",
            *("feedback", "qualification_feedback"),
            *(field.name for field in fields(Rule)),
        )
    ),
)
READ_OF_ANSWERED = (
    *("session_id", "number", "block", "purpose", "qualification_id", "sample_id"),
    *("arm_id", "truth", "planned_ms", "n_shown", "issued_at"),
    *("judgment__answer", "judgment__is_correct", "judgment__is_void"),
    "judgment__exposure_flags",
)


class SessionEndedError(ConflictError):
    """An answer to a session that takes no more."""


@dataclass(frozen=True)
class IssuedTrial:
    """What the browser is told of the trial it shows: nothing of its truth."""

    part: Part
    number: int
    n_trials: int
    block: int
    n_blocks: int
    number_in_block: int
    block_size: int
    nonce: str
    image_token: str
    planned_ms: int | None
    mask_tokens: tuple[str, ...]


@dataclass(frozen=True)
class Exposure:
    """What the browser measured of one timed exposure."""

    shown_ms: float | None = None
    target_frames: int | None = None
    shown_frames: int | None = None
    refresh_hz: float | None = None
    n_long_gaps: int | None = None
    element_timing_ms: float | None = None
    stamps_ms: tuple[float, ...] | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screen:
    """What the screen check measured before a timed session."""

    width: int
    height: int
    refresh_hz: float
    zoom: float | None = None
    device_pixel_ratio: float | None = None
    jitter_ms: float | None = None
    n_long_gaps: int | None = None
    fullscreen: bool | None = None
    touch: bool | None = None
    element_timing: bool | None = None
    isolated: bool | None = None


@dataclass(frozen=True)
class Answer:
    """What an evaluator said of the trial a nonce names."""

    nonce: str
    answer: Truth
    rt_ms: float
    exposure: Exposure = Exposure()


@dataclass(frozen=True)
class Recorded:
    """The reply to an answer: whether it was right, and what comes next."""

    is_correct: bool
    has_feedback: bool
    is_late: bool
    next_trial: IssuedTrial | None
    has_finished: bool


@dataclass(frozen=True)
class Result:
    """A person's own result, for the debrief."""

    n_answered: int
    n_correct: int
    n_reals: int
    n_reals_correct: int
    n_fakes: int
    n_fakes_correct: int
    hype_time_ms: float | None

    @property
    def percent_correct(self) -> int:
        return round(100 * self.n_correct / self.n_answered) if self.n_answered else 0


def session_of(evaluator: Evaluator, study: Study) -> Session | None:
    """Return the session an evaluator began in a study: one person, one session."""
    return Session.objects.filter(study=study, evaluator=evaluator).first()


@transaction.atomic
def join_study(
    *,
    study: Study,
    population: Session.Population,
    now: datetime,
    evaluator: Evaluator | None = None,
    pool: Pool | None = None,
) -> Session:
    """Open a session in the seat that the fewest took; a known evaluator's is kept.

    Without a pool people come through the study's own link, previews through none.
    """
    study = Study.objects.select_for_update(of=("self",)).get(pk=study.pk)
    begun = session_of(evaluator, study) if evaluator else None
    if begun is not None:
        return begun
    if population == Session.Population.PREVIEW:
        found = studies.showing_blockers(study)
        if found:
            raise DomainError(" ".join(found))
    elif not study.is_open:
        raise ConflictError(
            _(
                "This study is not open for new evaluators. Ask the person who "
                "invited you, or come back later."
            )
        )
    else:
        pool = _open_pool(study, pool)
        if evaluator is not None:
            admissions.check(study, evaluator, now=now)
    seed = tokens.make_seed()
    # Nobody joins a full study, but only who qualified takes a place.
    seat = places.choose_seat(
        study, population, pool=pool, now=now, rng=np.random.default_rng(seed)
    )
    evaluator = evaluator or _new_evaluator(population)
    admitted = qualifications.admission(study, evaluator, now=now)
    return Session.objects.create(
        study=study,
        pool=pool,
        arm=seat.arm if admitted.is_admitted else None,
        sequence=seat.sequence if admitted.is_admitted else None,
        qualification=admitted.qualification,
        evaluator=evaluator,
        token=tokens.make(),
        population=population,
        seed=seed,
        consent_text=study.spoken_consent,
        consented_at=now,
        last_seen_at=now,
    )


@transaction.atomic
def start_session(
    *, session: Session, now: datetime, screen: Screen | None = None
) -> None:
    """Begin the part at hand and draw its images; a second call changes nothing."""
    # The study's row is the lock under which images are drawn in equal shares.
    study = Study.objects.select_for_update(of=("self",)).get(pk=session.study_id)
    session = _lock(session)
    if session.state not in {Session.State.CONSENTED, Session.State.NO_PLACE}:
        return
    if not (study.is_running or session.is_preview):
        raise ConflictError(_("This study has ended. Thank you for your interest."))
    if not qualifications.still_holds(session, now=now):
        # The session's page asks for the qualification again.
        session.qualification = session.arm = session.sequence = None
        session.save(update_fields=["qualification", "arm", "sequence"])
        return
    if session.state == Session.State.NO_PLACE:
        # The session's page goes on to the start, where the place is taken.
        if _take_place(session, study, now=now):
            session.state, session.finished_at = Session.State.CONSENTED, None
            session.settled_at = None
        session.save(
            update_fields=["arm", "sequence", "state", "finished_at", "settled_at"]
        )
        return
    _check_screen(session, screen)
    session.last_seen_at = now
    session.screen = asdict(screen) if screen else None
    shown_counts.take_back(study, session.population)
    if session.is_qualifying:
        _begin_qualification(session, now=now)
    elif _take_place(session, study, now=now):
        _begin_task(session, now=now)
    session.save()


@transaction.atomic
def issue_trial(*, session: Session, now: datetime) -> IssuedTrial | None:
    """Return the first unanswered trial, the same one until it is answered."""
    session = _lock_to_answer(session)
    limits.end_if_late(session, now=now)
    return _issue(session, _first_unanswered(session), now=now)


def record_judgment(*, session: Session, answer: Answer, now: datetime) -> Recorded:
    """Store the answer to the open trial; the same answer again changes nothing."""
    try:
        with transaction.atomic():
            return _record(_lock_to_answer(session), answer, now=now)
    except SessionEndedError:
        # What refuses the answer is rolled back; that the session ended is kept.
        with transaction.atomic():
            limits.end_if_late(_lock_to_answer(session), now=now)
        raise


@transaction.atomic
def leave_session(*, session: Session, now: datetime) -> None:
    """End a session early; what was answered stays stored."""
    session = _lock(session)
    if session.state in {Session.State.CONSENTED, Session.State.RUNNING}:
        session.state, session.finished_at = Session.State.LEFT, now
        session.save(update_fields=["state", "finished_at"])


def result_of(
    session: Session, *, qualification: Qualification | None = None
) -> Result:
    """Count right answers, in all and by truth, and take the modes of the blocks.

    They are those of the task, or of an attempt to qualify.
    """
    right = Q(is_correct=True)
    real = Q(trial__truth=Truth.REAL)
    judged = Judgment.objects.filter(
        trial__session=session, trial__qualification=qualification, is_void=False
    )
    counts = judged.aggregate(
        n_answered=Count("pk"),
        n_correct=Count("pk", filter=right),
        n_reals=Count("pk", filter=real),
        n_reals_correct=Count("pk", filter=real & right),
        n_fakes=Count("pk", filter=~real),
        n_fakes_correct=Count("pk", filter=~real & right),
    )
    return Result(**counts, hype_time_ms=_own_hype_time(session))


def open_image(image_token: str, *, showing: str = "") -> tuple[Sample, Study] | None:
    """Return the sample behind an address, while its trial waits for an answer.

    Each showing is counted: a reload shows a timed image again, and the judgment says
    so. A page names its showing, so that what it asks for again because a reply was
    lost counts once; without a name every request is a showing of its own.
    """
    trial = (
        Trial.objects.select_related("sample", "session__study")
        .only("sample__content_hash", "session__study__response_bytes")
        .filter(
            image_token=image_token,
            issued_at__isnull=False,
            judgment__isnull=True,
            session__state=Session.State.RUNNING,
        )
        .order_by()
        .first()
    )
    if trial is None:
        return None
    shown = Trial.objects.filter(pk=trial.pk)
    if showing:
        shown = shown.exclude(showing=showing)
    shown.update(n_shown=F("n_shown") + 1, showing=showing)
    return trial.sample, trial.session.study


def _own_hype_time(session: Session) -> float | None:
    blocks: dict[int, list[int]] = {}
    for block, planned_ms in session.trials.filter(
        purpose=Trial.Purpose.SCORE,
        judgment__is_void=False,
        planned_ms__isnull=False,
    ).values_list("block", "planned_ms"):
        blocks.setdefault(block, []).append(planned_ms or 0)
    if not blocks:
        return None
    return sum(block_mode(block) for block in blocks.values()) / len(blocks)


def _lock(session: Session) -> Session:
    return (
        Session.objects.select_for_update(of=("self",))
        .select_related("study__real_set", "arm__sample_set", "evaluator")
        .get(pk=session.pk)
    )


def _open_pool(study: Study, pool: Pool | None) -> Pool:
    """Return the pool through which somebody joins; refuse one that takes nobody."""
    found = study.pools.filter(pk=pool.pk).first() if pool else pools.link_of(study)
    if found is None or not found.is_open:
        raise ConflictError(
            _(
                "This invitation takes nobody new at the moment. Ask the person who "
                "invited you, or come back later."
            )
        )
    return found


def _lock_to_answer(session: Session) -> Session:
    return (
        Session.objects.select_for_update(of=("self",))
        .select_related("study")
        .only(*READ_OFTEN)
        .get(pk=session.pk)
    )


def _first_unanswered(session: Session) -> Trial | None:
    return session.trials.filter(judgment__isnull=True).first()


def _new_evaluator(population: str) -> Evaluator:
    channels = {
        Session.Population.PEOPLE: Evaluator.Channel.LINK,
        Session.Population.SIMULATED: Evaluator.Channel.SIMULATED,
        Session.Population.PREVIEW: Evaluator.Channel.PREVIEW,
    }
    return Evaluator.objects.create(
        channel=channels[Session.Population(population)], token=tokens.make()
    )


def _check_screen(session: Session, screen: Screen | None) -> None:
    """Refuse, kindly, a screen on which a timed study cannot be shown."""
    study = session.study
    if not study.is_timed or session.is_simulated:
        return
    if screen is None:
        raise DomainError(
            _(
                "The screen check has not run. Go back, allow JavaScript for this "
                "page, and wait until it is done."
            )
        )
    required = screens.requirements_of(study)
    if screen.width < required.min_width or screen.height < required.min_height:
        raise DomainError(
            _(
                "The window is %(width)d x %(height)d pixels, and this study needs "
                "%(min_width)d x %(min_height)d. Go back, make the window larger, or "
                "use a larger screen."
            )
            % {
                "width": screen.width,
                "height": screen.height,
                "min_width": required.min_width,
                "min_height": required.min_height,
            }
        )
    if screen.refresh_hz < NOMINAL_SHARE * study.min_refresh_hz:
        raise DomainError(
            _(
                "The screen refreshes %(hz)d times a second, and this study needs "
                "%(min_hz)d. Go back, leave battery saving, or use another screen."
            )
            % {"hz": round(screen.refresh_hz), "min_hz": study.min_refresh_hz}
        )


def _begin_qualification(session: Session, *, now: datetime) -> None:
    Evaluator.objects.select_for_update().get(pk=session.evaluator_id)
    attempt = qualifications.begin(session, now=now)
    rng = np.random.default_rng([session.seed, attempt.attempt])
    drawn = draws.draw_qualification(session, rng)
    _add_trials(session, [(0, place) for place in drawn], qualification=attempt)
    session.state, session.started_at = Session.State.RUNNING, now


def _take_place(session: Session, study: Study, *, now: datetime) -> bool:
    """Give who holds no place an arm, or end the session where all are full."""
    if places.is_held(session, now=now):
        return True
    rng = np.random.default_rng(session.seed)
    try:
        seat = places.choose_seat(
            study, session.population, pool=session.pool, now=now, rng=rng
        )
    except ConflictError:
        session.state, session.finished_at = Session.State.NO_PLACE, now
        return False
    session.arm, session.sequence = seat.arm, seat.sequence
    return True


def _begin_task(session: Session, *, now: datetime) -> None:
    blocks = draws.draw_task(session, np.random.default_rng(session.seed))
    numbered = enumerate(blocks, start=1)
    _add_trials(
        session, [(block, place) for block, drawn in numbered for place in drawn]
    )
    session.state, session.started_at = Session.State.RUNNING, now


def _add_trials(
    session: Session,
    drawn: Sequence[tuple[int, draws.Place]],
    *,
    qualification: Qualification | None = None,
) -> None:
    first = 1 + session.trials.count()
    Trial.objects.bulk_create(
        Trial(
            session=session,
            number=number,
            block=block,
            purpose=place.purpose,
            qualification=qualification,
            arm_id=place.arm_id,
            sample_id=place.sample_id,
            truth=place.truth,
            nonce=tokens.make(),
            image_token=tokens.make(),
        )
        for number, (block, place) in enumerate(drawn, start=first)
    )


def _issue(
    session: Session, trial: Trial | None, *, now: datetime
) -> IssuedTrial | None:
    """Issue the first unanswered trial of a session that runs."""
    study = session.study
    if trial is None or session.state != Session.State.RUNNING:
        return None
    if trial.issued_at is None:
        trial.issued_at = now
        if study.is_timed and trial.qualification_id is None:
            trial.planned_ms = _planned_ms(study, trial)
        trial.save(update_fields=["issued_at", "planned_ms"])
    # Trials are answered in order, so all before the first unanswered one are.
    in_block = Q(block=trial.block)
    before_in_block = Q(block=trial.block, number__lt=trial.number)
    part = session.trials.order_by().filter(qualification=trial.qualification_id)
    counts = part.aggregate(
        n_trials=Count("pk"),
        n_before=Count("pk", filter=Q(block__lt=trial.block) | before_in_block),
        block_size=Count("pk", filter=in_block),
        n_before_in_block=Count("pk", filter=before_in_block),
    )
    return IssuedTrial(
        part="task" if trial.qualification_id is None else "qualification",
        number=1 + counts["n_before"],
        n_trials=counts["n_trials"],
        block=max(1, trial.block),
        n_blocks=designs.n_blocks_each(study) if trial.block else 1,
        number_in_block=1 + counts["n_before_in_block"],
        block_size=counts["block_size"],
        nonce=trial.nonce,
        image_token=trial.image_token,
        planned_ms=trial.planned_ms,
        mask_tokens=_masks(study, session, trial),
    )


def _planned_ms(study: Study, trial: Trial) -> int:
    """Replay the block's staircase from its judgments so far."""
    answered = Judgment.objects.filter(
        trial__session_id=trial.session_id,
        trial__block=trial.block,
        trial__purpose=Trial.Purpose.SCORE,
        is_void=False,
    ).order_by("trial__number")
    correct = list(answered.values_list("is_correct", flat=True))
    return next_exposure(studies.rule_of(study), correct)


def _masks(study: Study, session: Session, trial: Trial) -> tuple[str, ...]:
    if trial.planned_ms is None:
        return ()
    pool = list(Mask.objects.filter(study=study).values_list("token", flat=True))
    rng = np.random.default_rng([session.seed, trial.number])
    return tuple(rng.choice(pool, size=study.n_masks, replace=False).tolist())


def _record(session: Session, answer: Answer, *, now: datetime) -> Recorded:
    trial = (
        session.trials.select_related("judgment")
        .only(*READ_OF_ANSWERED)
        .filter(nonce=answer.nonce, issued_at__isnull=False)
        .first()
    )
    if trial is None:
        raise ConflictError(
            _(
                "This answer belongs to no open trial of this session. Reload the "
                "page to go on."
            )
        )
    judgment = getattr(trial, "judgment", None)
    is_new = judgment is None
    if judgment is None:
        judgment = _judge(session=session, trial=trial, answer=answer, now=now)
    elif judgment.answer != answer.answer:
        raise ConflictError(
            _(
                "This image was already answered, and the first answer stands. Reload "
                "the page to go on."
            )
        )
    following = _first_unanswered(session)
    if is_new:
        _go_on(session, trial, is_last=following is None, now=now)
    is_task = trial.qualification_id is None
    study = session.study
    has_feedback = study.feedback if is_task else study.qualification_feedback
    return Recorded(
        is_correct=judgment.is_correct,
        # A failed exposure's repeat has its truth, and may be the very next trial.
        has_feedback=has_feedback and not judgment.is_void,
        is_late=LATE in judgment.exposure_flags.split(","),
        # The page of one part cannot show the other's trials.
        next_trial=_issue(session, following, now=now)
        if is_task == (session.arm_id is not None)
        else None,
        has_finished=session.state == Session.State.FINISHED,
    )


def _judge(
    *, session: Session, trial: Trial, answer: Answer, now: datetime
) -> Judgment:
    if session.state != Session.State.RUNNING or limits.is_late(session, now=now):
        raise SessionEndedError(_("This session has ended; no more answers are taken."))
    assert trial.issued_at is not None  # noqa: S101 - chosen by record_judgment
    server_ms = (now - trial.issued_at).total_seconds() * 1000
    _check_clock(session, trial, server_ms=server_ms)
    exposure = answer.exposure
    flags = _flags(session, trial, answer, server_ms=server_ms)
    judgment = Judgment.objects.create(
        trial=trial,
        answer=answer.answer,
        is_correct=answer.answer == trial.truth,
        rt_ms=answer.rt_ms,
        server_ms=server_ms,
        shown_ms=exposure.shown_ms,
        target_frames=exposure.target_frames,
        shown_frames=exposure.shown_frames,
        refresh_hz=exposure.refresh_hz,
        n_long_gaps=exposure.n_long_gaps,
        element_timing_ms=exposure.element_timing_ms,
        stamps_ms=exposure.stamps_ms,
        exposure_flags=",".join(flags),
        is_void=not VOIDING_FLAGS.isdisjoint(flags),
        created_at=now,
    )
    if judgment.is_void:
        _repeat(session, trial)
    return judgment


def _go_on(session: Session, trial: Trial, *, is_last: bool, now: datetime) -> None:
    """Store that an answer was seen, and that the last one of a part ends it."""
    session.last_seen_at = now
    changed = ["last_seen_at"]
    if is_last:
        _end_part(session, trial.qualification, now=now)
        changed += ["state", "qualification", "finished_at"]
    session.save(update_fields=changed)


def _end_part(
    session: Session, qualification: Qualification | None, *, now: datetime
) -> None:
    """Finish after the task; go on, or out, after a qualification."""
    state, study = Session.State, session.study
    if qualification is None:
        session.state = state.FINISHED if _can_be_scored(session) else state.FEW_VALID
    elif qualifications.finish(qualification, study=study, now=now):
        session.state, session.qualification = state.CONSENTED, qualification
    elif qualifications.n_attempts_left(study, session.evaluator, now=now):
        session.state = state.CONSENTED
    else:
        session.state = state.SCREENED_OUT
    session.finished_at = None if session.state == state.CONSENTED else now


def _can_be_scored(session: Session) -> bool:
    """Return whether enough answers of every block are valid for it to say much."""
    study = session.study
    scored = session.trials.filter(purpose=Trial.Purpose.SCORE).order_by()
    n_valid = Count("pk", filter=Q(judgment__is_void=False))
    blocks = scored.values("block").annotate(n_valid=n_valid)
    fewest = study.min_valid_percent * study.block_size
    return all(100 * block["n_valid"] >= fewest for block in blocks)


def _flags(
    session: Session, trial: Trial, answer: Answer, *, server_ms: float
) -> list[str]:
    """Return what the browser said went wrong with a trial, and what we saw."""
    if trial.qualification_id is not None:
        return []
    if not trial.n_shown:
        return [NOT_SENT]
    if session.is_simulated:
        return []
    if trial.planned_ms is None:
        return _look_flags(session, trial, answer, server_ms=server_ms)
    exposure = answer.exposure
    flags = [flag for flag in exposure.flags if flag in EXPOSURE_FLAGS]
    if not exposure.shown_ms:
        flags.append("unmeasured")
    elif _departs(session.study, trial.planned_ms, exposure, exposure.shown_ms):
        flags.append("missed_target")
    if trial.n_shown > 1:
        flags.append("shown_again")
    return list(dict.fromkeys(flags))


def _look_flags(
    session: Session, trial: Trial, answer: Answer, *, server_ms: float
) -> list[str]:
    """Return what broke the time limit of an untimed trial, where there is one."""
    study = session.study
    if study.look_limit_s is None:
        return []
    flags = []
    since_issue = None if _follows_break(session, trial) else server_ms
    if limits.is_answer_late(study, rt_ms=answer.rt_ms, server_ms=since_issue):
        flags.append(LATE)
    if trial.n_shown > 1:
        flags.append("shown_again")
    return flags


def _follows_break(session: Session, trial: Trial) -> bool:
    """Return whether a trial was issued before a break, and its image shown after."""
    answered = session.trials.filter(block=trial.block, judgment__isnull=False)
    return trial.block > 1 and not answered.exists()


def _departs(
    study: Study, planned_ms: int, exposure: Exposure, shown_ms: float
) -> bool:
    """Return whether a report of an exposure cannot be that of the plan."""
    # No slower than the screen check lets in: a made-up rate widens no tolerance.
    slowest_hz = max(1.0, NOMINAL_SHARE * study.min_refresh_hz)
    reported = Reported(
        shown_ms=shown_ms,
        refresh_hz=max(slowest_hz, exposure.refresh_hz or 0.0),
        target_frames=exposure.target_frames,
        shown_frames=exposure.shown_frames,
        element_timing_ms=exposure.element_timing_ms,
    )
    return departs_from_plan(planned_ms, reported)


def _repeat(session: Session, trial: Trial) -> None:
    """Add a trial of the same truth, with another image, to the rest of the block.

    The new image changes places with one drawn at random from what is left of the
    block, so that the last trials of a block are not known to be repeats.
    """
    block = session.trials.filter(block=trial.block)
    n_repeats = block.filter(is_repeat=True).count()
    if n_repeats >= MAX_REPEATED_SHARE * session.study.block_size:
        return
    number = 1 + session.trials.count()
    rng = np.random.default_rng([session.seed, number])
    sample_id = draws.draw_again(session, trial, rng)
    if sample_id is None:
        return
    place = {"sample_id": sample_id, "truth": trial.truth, "purpose": trial.purpose}
    left = list(block.filter(issued_at__isnull=True))
    index = int(rng.integers(len(left) + 1))
    if index < len(left):
        other = left[index]
        theirs = {
            "sample_id": other.sample_id,
            "truth": other.truth,
            "purpose": other.purpose,
        }
        session.trials.filter(pk=other.pk).update(**place)
        place = theirs
    Trial.objects.create(
        session=session,
        number=number,
        block=trial.block,
        arm_id=trial.arm_id,
        is_repeat=True,
        nonce=tokens.make(),
        image_token=tokens.make(),
        **place,
    )


def _check_clock(session: Session, trial: Trial, *, server_ms: float) -> None:
    """Refuse an answer that came before its image can have been shown."""
    study = session.study
    if trial.planned_ms is None or session.is_simulated:
        return  # a simulated evaluator answers at once, and is marked so
    shortest_ms = trial.planned_ms + study.n_masks * study.mask_ms
    if server_ms < shortest_ms:
        raise ConflictError(
            _(
                "This answer came before the image can have been shown. Reload the "
                "page to go on."
            )
        )

"""How long a session may stand still, and take; how long an image may be looked at."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from hypeweb.models import Qualification, Session, Study
from hypeweb.models.studies import ANSWER_S

# Between issue and answer lie the feedback before, the image's way and the answer's.
TRAVEL_S = 15
# Who qualified may come back for the task so much later.
BETWEEN_PARTS = timedelta(days=7)


@dataclass(frozen=True)
class Oldest:
    """The earliest moments at which a running session can have been seen, and begun."""

    last_seen_at: datetime
    started_at: datetime


def oldest(study: Study, *, now: datetime) -> Oldest:
    """Return what a study's limits say of sessions that still run."""
    return Oldest(
        last_seen_at=now - timedelta(minutes=study.idle_limit_min),
        started_at=now - timedelta(minutes=study.duration_limit_min),
    )


def is_late(session: Session, *, now: datetime) -> bool:
    """Return whether a running session stood still, or took, longer than it may."""
    if session.state != Session.State.RUNNING or session.started_at is None:
        return False
    earliest = oldest(session.study, now=now)
    return (
        session.last_seen_at < earliest.last_seen_at
        or session.started_at < earliest.started_at
    )


def is_answer_late(study: Study, *, rt_ms: float, server_ms: float | None) -> bool:
    """Return whether an answer came too long after its image had to disappear.

    By the browser's clock, or by the server's own: a page that stood still, or whose
    clock was changed, gains no time to look an image up. None where a break lay between
    issue and image: then the server's says nothing.
    """
    if study.look_limit_s is None:
        return False
    latest_ms = 1000 * (study.look_limit_s + ANSWER_S)
    return rt_ms > latest_ms or (
        server_ms is not None and server_ms > latest_ms + 1000 * TRAVEL_S
    )


def end_if_late(session: Session, *, now: datetime) -> None:
    """End a session that is late; its row must be locked."""
    if is_late(session, now=now):
        session.state, session.finished_at = Session.State.LEFT, now
        session.save(update_fields=["state", "finished_at"])


def end_late(*, now: datetime) -> None:
    """End every session whose evaluator has gone without a word."""
    running = Session.objects.filter(state=Session.State.RUNNING)
    for study in Study.objects.filter(pk__in=running.values("study")):
        earliest = oldest(study, now=now)
        of_study = running.filter(study=study)
        for late in (
            of_study.filter(last_seen_at__lt=earliest.last_seen_at),
            of_study.filter(started_at__lt=earliest.started_at),
        ):
            late.update(state=Session.State.LEFT, finished_at=now)
    _end_between_parts(now=now)


def _end_between_parts(*, now: datetime) -> None:
    """End the sessions of who qualified and never went on, so that they are paid.

    Whoever was let try again may wait for as long as the study runs.
    """
    attempts = Qualification.objects.filter(session=OuterRef("pk"))
    is_over = Q(study__state=Study.State.CLOSED) | (
        Q(last_seen_at__lt=now - BETWEEN_PARTS)
        & ~Exists(attempts.filter(is_forgiven=True))
    )
    late = Session.objects.filter(
        is_over,
        Exists(attempts.filter(finished_at__isnull=False)),
        state=Session.State.CONSENTED,
        population=Session.Population.PEOPLE,
    )
    # The state is asked again of each row, which may have moved on meanwhile.
    Session.objects.filter(
        pk__in=list(late.values_list("pk", flat=True)), state=Session.State.CONSENTED
    ).update(state=Session.State.LEFT, finished_at=now)

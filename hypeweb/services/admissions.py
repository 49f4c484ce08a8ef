"""Who may begin a session of a study: no blocked person, nobody twice in a group."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from hypeweb.models import (
    Block,
    Evaluator,
    Payment,
    Project,
    Qualification,
    Session,
    Study,
)
from hypeweb.services import audit
from hypeweb.services.errors import ConflictError, DomainError

MAX_DAYS = 3650


def check(study: Study, evaluator: Evaluator, *, now: datetime) -> None:
    """Refuse whom the project blocks, and who took part in the study's group."""
    if is_blocked(study, evaluator, now=now):
        raise ConflictError(
            _(
                "You cannot take part in this study. Write to the person who invited "
                "you if you think that this is a mistake."
            )
        )
    if took_part(study, evaluator):
        raise ConflictError(
            _(
                "You have already taken part in a study of this group, and each person "
                "can take part in one of them only. Thank you for your interest."
            )
        )


def is_blocked(study: Study, evaluator: Evaluator, *, now: datetime) -> bool:
    return Block.objects.filter(
        project=study.project_id, evaluator=evaluator, until__gt=now
    ).exists()


def took_part(study: Study, evaluator: Evaluator) -> bool:
    """Return whether somebody has a session in another study of the group."""
    if not study.repeat_group:
        return False
    others = Session.objects.filter(
        evaluator=evaluator,
        study__project=study.project_id,
        study__repeat_group=study.repeat_group,
    ).exclude(study=study)
    return others.exclude(Q(population=Session.Population.PREVIEW)).exists()


@transaction.atomic
def block(
    *, session: Session, reason: str, days: int, actor: User, now: datetime
) -> Block:
    """Let a session's evaluator into no study of the project for a while."""
    if not reason.strip():
        raise DomainError("Give a reason for the block; the record keeps it.")
    if not 1 <= days <= MAX_DAYS:
        raise DomainError(f"A block lasts 1 to {MAX_DAYS} days, got {days}.")
    made, _is_new = Block.objects.update_or_create(
        project=session.study.project,
        evaluator=session.evaluator,
        defaults={
            "reason": reason.strip(),
            "until": now + timedelta(days=days),
            "created_by": actor,
            "created_at": now,
        },
    )
    audit.record(
        actor=actor,
        action="blocked",
        subject=session,
        detail=f"{days} days: {reason.strip()}",
    )
    return made


def blocks_of(projects: QuerySet[Project]) -> QuerySet[Block]:
    """Return the blocks of some projects."""
    return Block.objects.filter(project__in=projects).select_related(
        "project", "created_by"
    )


@transaction.atomic
def lift_block(*, found: Block, actor: User) -> None:
    audit.record(actor=actor, action="lifted block", subject=found, detail=found.reason)
    found.delete()


@transaction.atomic
def requalify(*, session: Session, actor: User) -> int:
    """Forget a session's failed attempts, so that its evaluator may try again.

    What was answered stays stored with the session; only who left or failed may come
    back, and nobody who has begun the task.
    """
    session = Session.objects.select_for_update(of=("self",)).get(pk=session.pk)
    if session.state != Session.State.SCREENED_OUT:
        raise ConflictError(
            "Only somebody who did not qualify may try again; this session is "
            f"{session.get_state_display()}."
        )
    extra = Payment.objects.filter(session=session, reason=Payment.Reason.EXTRA)
    if extra.exists():
        raise ConflictError(
            "This person was let try again before and is paid for that; further work "
            "could not be paid."
        )
    failed = Qualification.objects.filter(session=session).exclude(has_passed=True)
    n_forgiven = failed.update(is_forgiven=True)
    session.state, session.finished_at = Session.State.CONSENTED, None
    session.settled_at = None
    session.save(update_fields=["state", "finished_at", "settled_at"])
    audit.record(
        actor=actor,
        action="let try again",
        subject=session,
        detail=f"{n_forgiven} attempts",
    )
    return n_forgiven

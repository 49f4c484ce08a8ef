"""Rejecting work with a reason, and taking a rejection back."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from hypeweb.models import Enrolment, Payment, Session
from hypeweb.models.payments import Service
from hypeweb.services import accounts, audit, payments
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.recruiting import REFUSALS

Reason = Payment.Reason
MTURK = frozenset({Service.MTURK, Service.MTURK_SANDBOX})
# Prolific wants a reason that says something.
LEAST_LETTERS = {Service.PROLIFIC: 100}
MOST_LETTERS = 300


def reject(*, enrolment: Enrolment, reason: str, actor: User, now: datetime) -> None:
    """Refuse the base of a submission; the person reads the reason.

    What was already sent cannot be taken back. A bonus that is owed stays owed: it is
    for answers that were right.
    """
    why = reason.strip()
    least = LEAST_LETTERS.get(Service(enrolment.service), 1)
    if not least <= len(why) <= MOST_LETTERS:
        raise DomainError(
            f"The reason must be {least} to {MOST_LETTERS} characters long, got "
            f"{len(why)}; the person reads it."
        )
    with transaction.atomic():
        # Held so that nobody settles the session meanwhile.
        Session.objects.select_for_update(of=("self",)).get(pk=enrolment.session_id)
        base = (
            Payment.objects.select_for_update()
            .filter(session=enrolment.session, reason=Reason.BASE)
            .first()
        )
        if base is not None and base.state not in {
            Payment.State.OWED,
            Payment.State.FAILED,
        }:
            raise ConflictError(
                f"The base of this session is {base.get_state_display()}; it cannot be "
                "rejected any more."
            )
        _tell_rejection(enrolment, why)
        Enrolment.objects.filter(pk=enrolment.pk).update(
            rejection=why, status="Rejected", status_at=now, reinstated_at=None
        )
        if base is not None:
            Payment.objects.filter(pk=base.pk).update(
                state=Payment.State.FAILED, error=f"Rejected: {why}"
            )
        audit.record(
            actor=actor, action="rejected", subject=enrolment.session, detail=why
        )


@transaction.atomic
def take_back_rejection(*, enrolment: Enrolment, actor: User, now: datetime) -> None:
    """Owe a rejected base again; Mechanical Turk allows it for 30 days."""
    enrolment = Enrolment.objects.select_for_update(of=("self",)).get(pk=enrolment.pk)
    if not enrolment.rejection:
        raise ConflictError("This work is not rejected.")
    Enrolment.objects.filter(pk=enrolment.pk).update(rejection="", reinstated_at=now)
    for payment in Payment.objects.filter(
        session=enrolment.session, reason=Reason.BASE, state=Payment.State.FAILED
    ):
        payments.retry_failed(payment=payment)
        Payment.objects.filter(pk=payment.pk).update(approved_at=now)
    audit.record(
        actor=actor,
        action="took back rejection",
        subject=enrolment.session,
        detail=enrolment.rejection,
    )


@transaction.atomic
def approve(*, payment: Payment, actor: User, now: datetime) -> None:
    """Let one payment be sent."""
    Payment.objects.filter(
        pk=payment.pk, state=Payment.State.OWED, approved_at__isnull=True
    ).update(approved_at=now, next_attempt_at=None)
    audit.record(actor=actor, action="approved payment", subject=payment)


@transaction.atomic
def retry(*, payment: Payment, actor: User) -> None:
    """Try a payment again that a service refused."""
    enrolment = Enrolment.objects.filter(session=payment.session).first()
    if enrolment is not None and enrolment.rejection:
        raise ConflictError("This work was rejected; take the rejection back first.")
    payments.retry_failed(payment=payment)
    audit.record(actor=actor, action="tried payment again", subject=payment)


@transaction.atomic
def record_found(*, payment: Payment, actor: User, now: datetime) -> None:
    """Confirm a sent payment that somebody has found at the service by hand."""
    n_found = Payment.objects.filter(pk=payment.pk, state=Payment.State.SENT).update(
        state=Payment.State.CONFIRMED, confirmed_at=now, attempt=None, error=""
    )
    if not n_found:
        raise ConflictError("Only a payment that was sent can be found.")
    audit.record(actor=actor, action="found payment", subject=payment)


def _tell_rejection(enrolment: Enrolment, why: str) -> None:
    try:
        if enrolment.service in MTURK:
            accounts.mturk(Service(enrolment.service)).reject(
                enrolment.external_id, why=why
            )
        elif enrolment.service == Service.PROLIFIC:
            accounts.prolific().reject(enrolment.external_id, why=why, category="OTHER")
    except REFUSALS as error:
        raise ConflictError(
            f"The service refused the rejection: {payments.told(error)}"
        ) from error

"""What a service decided of somebody's work without us, taken into the ledger."""

from datetime import datetime

from django.db import transaction

from hypeweb.models import Enrolment, Payment, Session
from hypeweb.models.payments import Service
from hypeweb.services import audit, payments, prolific, spending
from hypeweb.services.payments import Debt

State = Payment.State
PAID = frozenset({"Approved", *prolific.PAID})
REJECTED = frozenset({"Rejected", "REJECTED"})
THERE = "Rejected at the service itself."


def take(enrolment: Enrolment, *, status: str, now: datetime) -> None:
    """Enter what a service did with a submission; a second time changes nothing."""
    if status in PAID:
        _take_approval(enrolment, now=now)
    elif status in REJECTED:
        _take_rejection(enrolment)


@transaction.atomic
def _take_approval(enrolment: Enrolment, *, now: datetime) -> None:
    """Confirm a base that the service paid and nobody here sent, owed or not.

    Somebody approved it there, or nobody decided in time. It is spent, whatever the
    limits say.
    """
    session = _lock(enrolment)
    base = _base_of(session) or payments.owe(
        session=session,
        debt=Debt(
            Payment.Reason.BASE,
            Service(enrolment.service),
            enrolment.posting.reward_cents
            if enrolment.posting
            else round(session.study.pay_base * 100),
            session.study.currency,
            f"Base of “{session.study}”."[:200],
        ),
        now=now,
    )
    if base is None or base.state in spending.MOVED:
        return  # what was sent is asked for by who sent it
    service = Service(base.service)
    base.fee_cents = spending.fee_cents(service, base.amount_cents, is_reward=True)
    spending.record_spent(base)
    base.state, base.confirmed_at, base.error = State.CONFIRMED, now, ""
    base.approved_at = base.approved_at or now
    base.is_by_service = True
    base.save()
    Enrolment.objects.filter(pk=enrolment.pk).update(rejection="")
    audit.record(actor=None, action="paid by its service", subject=base)


@transaction.atomic
def _take_rejection(enrolment: Enrolment) -> None:
    """Let a base fail whose work was rejected there; nobody here overrides that."""
    session = _lock(enrolment)
    taken = Enrolment.objects.filter(
        pk=enrolment.pk, rejection="", reinstated_at__isnull=True
    )
    base = _base_of(session)
    if base is not None and base.state in spending.MOVED:
        return
    if taken.update(rejection=THERE) and base is not None:
        Payment.objects.filter(pk=base.pk).update(state=State.FAILED, error=THERE)


def _lock(enrolment: Enrolment) -> Session:
    """Return the session of a submission, which nobody settles or rejects meanwhile."""
    return (
        Session.objects.select_for_update(of=("self",))
        .select_related("study")
        .get(pk=enrolment.session_id)
    )


def _base_of(session: Session) -> Payment | None:
    return (
        Payment.objects.select_for_update()
        .filter(session=session, reason=Payment.Reason.BASE)
        .first()
    )

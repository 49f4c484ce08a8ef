"""The ledger: what is owed, what may be spent, and each payment sent once.

A payment's cost is set aside under the limits (spending.py) before anything is sent.
While nobody knows whether an attempt paid, it counts as paid, and the service is asked
what its own records say before anything is sent again. See
docs/decisions/0010-paying-once.md.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from hypeweb.models import Account, Enrolment, Payment, Session
from hypeweb.models.payments import Service
from hypeweb.services import identities, spending
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.payers import Outcome, Payer

MAX_DOUBLINGS = 7
UNLISTED = (
    "{} accepted this payment and does not list it. It is not sent again; look for it "
    "there, and record it here or ask their support."
)
TWIN = (
    "An equal bonus of this submission is on its way. Prolific lists amounts alone, so "
    "that this one is sent when that one is listed there."
)
OPEN_STATES = (Payment.State.OWED, Payment.State.SENT)


class AttemptLostError(Exception):
    """Another worker took the payment over; this attempt must move no money."""


@dataclass(frozen=True)
class Debt:
    """What is owed for a reason, and what the evaluator reads of it."""

    reason: Payment.Reason
    service: Service
    cents: int
    currency: str
    detail: str


def owe(*, session: Session, debt: Debt, now: datetime) -> Payment | None:
    """Write down what a session is owed for a reason; a second time changes nothing."""
    if debt.cents == 0 or session.population != Session.Population.PEOPLE:
        return None
    budget = spending.open_budget(session.study)
    Account.objects.get_or_create(service=debt.service, currency=debt.currency)
    payment, _ = Payment.objects.get_or_create(
        session=session,
        reason=debt.reason,
        defaults={
            "service": debt.service,
            "amount_cents": debt.cents,
            "currency": debt.currency,
            "detail": debt.detail,
            "reference": uuid.uuid4(),
            "created_at": now,
            "approved_at": now if budget.is_automatic else None,
        },
    )
    return payment


def send_payment(payment_id: int, *, payer: Payer, now: Callable[[], datetime]) -> None:
    """Take a payment one step on; safe to call at any time, by anybody, again."""
    enrolment = Enrolment.objects.filter(session__payments=payment_id).first()
    begun = _begin(payment_id, payer=payer, now=now()) if enrolment else None
    if enrolment is None or begun is None:
        return
    payment, was_sent = begun
    if was_sent:
        if payer.has_paid(payment, enrolment):
            _settle(payment, Outcome("done"), now=now())
            return
        if not _may_send_again(payment, payer, now=now()):
            _let_go(payment, payer, now=now())
            return
    outcome = payer.send(
        payment, enrolment, remember=lambda made: _remember(payment, made, now=now())
    )
    _settle(payment, outcome, now=now())


def due(*, now: datetime) -> list[int]:
    """Return the payments that a worker should take a step on."""
    return list(
        Payment.objects.filter(
            Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
            state__in=OPEN_STATES,
            approved_at__isnull=False,
        )
        .exclude(service=Service.MANUAL)
        .exclude(session__enrolment=None)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


@transaction.atomic
def record_manual(*, payment: Payment, now: datetime) -> None:
    """Mark a payment made by hand as made."""
    payment = Payment.objects.select_for_update().get(pk=payment.pk)
    if payment.service != Service.MANUAL:
        raise DomainError(
            f"Payment {payment.pk} goes through {payment.get_service_display()}, "
            "which says itself when it is paid."
        )
    if payment.state == Payment.State.CONFIRMED:
        return
    if not spending.set_aside(payment):
        raise ConflictError(_over_limit(payment))
    Payment.objects.filter(pk=payment.pk).update(
        state=Payment.State.CONFIRMED,
        approved_at=payment.approved_at or now,
        attempted_at=now,
        confirmed_at=now,
        error="",
    )


@transaction.atomic
def retry_failed(*, payment: Payment) -> None:
    """Owe a refused payment again: nothing was paid."""
    Payment.objects.filter(pk=payment.pk, state=Payment.State.FAILED).update(
        state=Payment.State.OWED,
        n_attempts=0,
        attempted_at=None,
        next_attempt_at=None,
        error="",
    )


def told(error: Exception) -> str:
    """Return what went wrong in words that name no person."""
    return identities.scrubbed(str(error))[:500] or type(error).__name__


def _begin(
    payment_id: int, *, payer: Payer, now: datetime
) -> tuple[Payment, bool] | None:
    """Take a payment for one attempt; None where there is nothing to do.

    Returns the payment, and whether an earlier attempt may have paid it.
    """
    with transaction.atomic():
        payment = Payment.objects.select_for_update().filter(pk=payment_id).first()
        if payment is None or payment.state not in OPEN_STATES:
            return None
        if payment.approved_at is None:
            return None
        was_sent = payment.state == Payment.State.SENT
        if payment.attempt and payment.attempted_at:
            lease = timedelta(seconds=settings.PAYMENT_LEASE_SECONDS)
            if now - payment.attempted_at < lease:
                return None  # somebody is at it
        elif not was_sent:
            payment.fee_cents = payer.fee_cents(payment)
            if _twin_is_sent(payment):
                _hold(payment, TWIN, now=now)
                return None
            if not spending.set_aside(payment):
                _hold(payment, _over_limit(payment), now=now)
                return None
        payment.state = Payment.State.SENT
        payment.attempt = uuid.uuid4()
        payment.attempted_at = now
        payment.next_attempt_at = now + _wait_after(payment.n_attempts)
        payment.n_attempts += 1
        payment.save()
        return payment, was_sent


def _may_send_again(payment: Payment, payer: Payer, *, now: datetime) -> bool:
    """Return whether the service, which lists no payment, would list it by now."""
    if payment.is_accepted:
        return False
    return payment.moved_at is None or now - payment.moved_at >= payer.settles_within


def _let_go(payment: Payment, payer: Payer, *, now: datetime) -> None:
    """Leave a payment that was sent to be looked for again later."""
    moved_at = payment.moved_at
    late = moved_at is not None and now - moved_at >= payer.settles_within
    error = UNLISTED.format(payment.get_service_display()) if late else ""
    Payment.objects.filter(pk=payment.pk, attempt=payment.attempt).update(
        attempt=None, error=error
    )


def _remember(payment: Payment, transfer_id: str, *, now: datetime) -> None:
    """Store the service's own id before money moves, if the attempt is still ours."""
    held = Payment.objects.filter(pk=payment.pk, attempt=payment.attempt)
    if not held.update(transfer_id=transfer_id, moved_at=now):
        raise AttemptLostError(f"{payment} was taken over by another worker")


@transaction.atomic
def _settle(payment: Payment, outcome: Outcome, *, now: datetime) -> None:
    """Store what became of an attempt, unless somebody else took the payment over."""
    held = (
        Payment.objects.select_for_update()
        .filter(pk=payment.pk, attempt=payment.attempt, state=Payment.State.SENT)
        .first()
    )
    if held is None:
        return
    held.attempt, held.error = None, outcome.message
    if outcome.kind == "done":
        held.state, held.confirmed_at = Payment.State.CONFIRMED, now
    elif outcome.kind == "accepted":
        held.is_accepted, held.moved_at = True, held.moved_at or now
    else:
        spending.give_back(held)
        refused = outcome.kind == "refused"
        held.state = Payment.State.FAILED if refused else Payment.State.OWED
        held.transfer_id, held.moved_at = "", None
    held.save()


def _twin_is_sent(payment: Payment) -> bool:
    """Return whether an equal bonus is on its way, which Prolific's list may mean."""
    if payment.service != Service.PROLIFIC or payment.reason == Payment.Reason.BASE:
        return False
    bonuses = Payment.objects.exclude(reason=Payment.Reason.BASE)
    return bonuses.filter(
        session_id=payment.session_id,
        amount_cents=payment.amount_cents,
        state=Payment.State.SENT,
    ).exists()


def _hold(payment: Payment, why: str, *, now: datetime) -> None:
    """Leave a payment owed that may not be sent yet."""
    payment.attempted_at, payment.error = now, why
    payment.next_attempt_at = now + _wait_after(payment.n_attempts)
    payment.n_attempts += 1
    payment.save(
        update_fields=["attempted_at", "next_attempt_at", "error", "n_attempts"]
    )


def _over_limit(payment: Payment) -> str:
    return (
        "This payment would go above the hard spend limit of the study or of the "
        f"account at {payment.get_service_display()}. Raise the limit, and it is sent."
    )


def _wait_after(n_attempts: int) -> timedelta:
    """Return how long to wait after an attempt that follows so many others."""
    first = timedelta(seconds=settings.PAYMENT_RETRY_SECONDS)
    longest = timedelta(seconds=settings.PAYMENT_RETRY_LONGEST_SECONDS)
    doublings: int = 2 ** min(n_attempts + 1, MAX_DOUBLINGS)
    return min(longest, first * doublings)

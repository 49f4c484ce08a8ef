"""What may be spent: every cent is set aside under the limits before it can move.

A posting sets the reward of all its places aside: its service pays them by itself when
nobody decides in time. The base of who took a place then costs nothing more. Whatever
else is paid is set aside when it is sent. See docs/decisions/0010-paying-once.md.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q

from hypeweb.models import Account, Budget, Payment, Pool, Posting, Study
from hypeweb.models.payments import Service
from hypeweb.services import mturk, promises
from hypeweb.services.errors import ConflictError

MOVED = (Payment.State.SENT, Payment.State.CONFIRMED)
# After so long a call that adds places has come to its end.
EXTENDING = timedelta(minutes=10)
MTURK = frozenset({Service.MTURK, Service.MTURK_SANDBOX})


@dataclass(frozen=True)
class Found:
    """What a service says of a posting: its places, those not taken, submissions."""

    n_places: int
    n_open: int
    waiting: Collection[str]
    paid: Collection[str]


@dataclass(frozen=True)
class Limits:
    """The two limits that a payment counts under, held until the transaction ends."""

    budget: Budget
    account: Account

    def have_room(self, cents: int) -> bool:
        limits = (self.budget, self.account)
        return all(
            limit.left_cents is None or cents <= limit.left_cents for limit in limits
        )

    def move(self, cents: int) -> None:
        """Count cents as spent or set aside, or no more where they are below 0."""
        for limit in (self.budget, self.account):
            limit.committed_cents += cents
            most = limit.hard_cents
            above = 0 if most is None else limit.committed_cents - most
            limit.overspent_cents = max(0, above)
            limit.save(update_fields=["committed_cents", "overspent_cents"])


def fee_cents(service: Service, cents: int, *, is_reward: bool) -> int:
    """Return what a service takes on top of an amount."""
    if service in MTURK:
        return mturk.fee_cents(cents, is_reward=is_reward, n_assignments=1)
    if service == Service.PROLIFIC:
        return ceil(cents * settings.PROLIFIC_FEE_PERCENT / 100)
    return 0


def set_aside(payment: Payment) -> bool:
    """Set a payment's cost aside under both limits; False where it is too much."""
    posting = _lock_posting(payment)
    limits = _limits_of_payment(payment)
    cents = payment.cost_cents - _promised_cents(posting)
    if cents > 0 and not limits.have_room(cents):
        return False
    _take(payment, posting, limits, cents)
    return True


def record_spent(payment: Payment) -> None:
    """Count a payment that its service made by itself, above the limits too."""
    posting = _lock_posting(payment)
    cents = payment.cost_cents - _promised_cents(posting)
    _take(payment, posting, _limits_of_payment(payment), cents)


def give_back(payment: Payment) -> None:
    """Set aside no more what was not paid; its service may still pay its place."""
    posting = _lock_posting(payment) if payment.is_promised else None
    if posting is not None:
        posting.n_promised += 1
        posting.is_settled = False
        posting.save(update_fields=["n_promised", "is_settled"])
    cents = posting.place_cents if posting else 0
    _limits_of_payment(payment).move(cents - payment.cost_cents)
    payment.is_promised = False


def open_budget(study: Study) -> Budget:
    """Return what a study may spend, made from its settings where it is not there.

    A draft's is not stored: its settings may still change.
    """
    stated = None if study.budget is None else int(study.budget * 100)
    if study.state == Study.State.DRAFT:
        return Budget(study=study, hard_cents=stated)
    budget, _ = Budget.objects.get_or_create(
        study=study, defaults={"hard_cents": stated}
    )
    return budget


def promise_places(more: Sequence[tuple[Posting, int]]) -> None:
    """Set the rewards of more places of a pool aside, where there is room for all.

    The limits must also have room for the bonuses that people are promised on top,
    though those are set aside only when they are sent.
    """
    first, n_places = more[0][0], sum(n for _, n in more)
    study, service = first.pool.study, Service(first.pool.kind)
    limits = _limits_of(first)
    bonus_cents = _bonus_cents(study, service)
    each = first.place_cents + bonus_cents
    for limit, where, page in (
        (limits.budget, "the study", "of payments"),
        (limits.account, f"the account at {service.label}", "“Money”"),
    ):
        if limit.left_cents is None:
            continue
        free = max(0, limit.left_cents - _expected_cents(limit))
        fits = free // each
        if n_places > fits:
            advice = f"Ask for at most {_places(fits)}, or raise" if fits else "Raise"
            raise ConflictError(
                f"{_places(n_places)} cost {_money(n_places * each)} {study.currency}, "
                f"fees included: {_money(first.place_cents)} each for the reward and "
                f"{_money(bonus_cents)} for the bonus that is promised. Of the hard "
                f"limit of {where}, {_money(limit.hard_cents or 0)}, only "
                f"{_money(free)} are neither spent nor promised. {advice} the limit on "
                f"the page {page}."
            )
    limits.move(n_places * first.place_cents)
    for posting, n in more:
        posting.n_promised += n
        posting.save(update_fields=["n_promised"])


def release_places(posting: Posting, n_places: int) -> None:
    """Set the rewards of places aside no more that were never posted."""
    _hold(posting, max(0, posting.n_promised - n_places))


@transaction.atomic
def recount(posting_id: int, found: Found, *, now: datetime) -> None:
    """Hold what a posting sets aside against what its service says of it.

    What was said while more places were being added is too old to count.
    """
    posting = Posting.objects.select_for_update(of=("self",)).get(pk=posting_id)
    extended_at = posting.extended_at
    is_new = extended_at is not None and now - extended_at < EXTENDING
    if posting.n_places != found.n_places and is_new:
        return
    ours = set(posting.enrolments.values_list("external_id", flat=True))
    in_ledger = set(
        Payment.objects.filter(
            reason=Payment.Reason.BASE,
            state__in=MOVED,
            session__enrolment__posting=posting,
        ).values_list("session__enrolment__external_id", flat=True)
    )
    due = {*found.waiting, *found.paid}
    posting.n_strangers = len(due - ours)
    posting.is_settled = (
        posting.state == Posting.State.ENDED
        and not found.n_open
        and not set(found.waiting) - in_ledger
    )
    posting.n_places = found.n_places
    posting.save(update_fields=["n_strangers", "is_settled", "n_places"])
    _hold(posting, found.n_open + len(due - in_ledger))


def cents_of_place(pool: Pool, reward_cents: int) -> int:
    """Return what one place of a posting costs, fee included."""
    fee = fee_cents(Service(pool.kind), reward_cents, is_reward=True)
    return reward_cents + fee


def _hold(posting: Posting, n_promised: int) -> None:
    """Set aside what so many places cost: the service pays them, limits or not."""
    more = n_promised - posting.n_promised
    if more:
        _limits_of(posting).move(more * posting.place_cents)
        posting.n_promised = n_promised
        posting.save(update_fields=["n_promised"])


def _take(
    payment: Payment, posting: Posting | None, limits: Limits, cents: int
) -> None:
    limits.move(cents)
    payment.is_promised = bool(posting and posting.n_promised)
    if posting is not None and payment.is_promised:
        posting.n_promised -= 1
        posting.save(update_fields=["n_promised"])


def _promised_cents(posting: Posting | None) -> int:
    return posting.place_cents if posting and posting.n_promised else 0


def _expected_cents(limit: Budget | Account) -> int:
    """Return what people are promised or owed that is not set aside yet."""
    if isinstance(limit, Budget):
        posted, owed = Q(pool__study=limit.study_id), Q(session__study=limit.study_id)
    else:
        posted = Q(pool__kind=limit.service, pool__study__currency=limit.currency)
        owed = Q(service=limit.service, currency=limit.currency)
    is_owed = Q(
        enrolments__session__payments__reason=Payment.Reason.BASE,
        enrolments__session__payments__state=Payment.State.OWED,
    )
    postings = (
        Posting.objects.filter(posted, n_promised__gt=0)
        .select_related("pool__study")
        .annotate(n_owed=Count("enrolments", filter=is_owed))
    )
    # Whose bonus is known is owed it; a stranger gets none.
    bonuses = sum(
        max(0, posting.n_promised - posting.n_owed - posting.n_strangers)
        * _bonus_cents(posting.pool.study, Service(posting.pool.kind))
        for posting in postings
    )
    payments = Payment.objects.filter(owed, state=Payment.State.OWED)
    found = payments.select_related("session__enrolment__posting")
    return bonuses + sum(open_cents(payment) for payment in found)


def open_cents(payment: Payment) -> int:
    """Return what an owed payment will cost that is not set aside yet."""
    is_reward = payment.reason == Payment.Reason.BASE
    enrolment = getattr(payment.session, "enrolment", None)
    posting = enrolment.posting if enrolment and is_reward else None
    fee = fee_cents(Service(payment.service), payment.amount_cents, is_reward=is_reward)
    return max(0, payment.amount_cents + fee - _promised_cents(posting))


def _bonus_cents(study: Study, service: Service) -> int:
    """Return what a session promises on top of its base, fee included."""
    base_cents = promises.terms_of(study).base_cents
    bonus = promises.promise_of(study).cents - base_cents
    return bonus + fee_cents(service, bonus, is_reward=False) if bonus else 0


def _lock_posting(payment: Payment) -> Posting | None:
    """Return through which posting a base is earned; no other payment is promised."""
    if payment.reason != Payment.Reason.BASE:
        return None
    return (
        Posting.objects.select_for_update(of=("self",))
        .filter(enrolments__session=payment.session_id)
        .first()
    )


def _limits_of_payment(payment: Payment) -> Limits:
    return _lock_limits(payment.session.study_id, payment.service, payment.currency)


def _limits_of(posting: Posting) -> Limits:
    study, service = posting.pool.study, Service(posting.pool.kind)
    open_budget(study)
    Account.objects.get_or_create(service=service, currency=study.currency)
    return _lock_limits(study.pk, service, study.currency)


def _lock_limits(study_id: int, service: str, currency: str) -> Limits:
    budgets = Budget.objects.select_for_update(of=("self",))
    accounts = Account.objects.select_for_update(of=("self",))
    budget = budgets.filter(study=study_id).first()
    account = accounts.filter(service=service, currency=currency).first()
    if budget is None or account is None:
        raise ConflictError(
            f"Study {study_id} has no budget, or no account in {currency}; nothing is "
            "sent."
        )
    return Limits(budget, account)


def _places(n: int) -> str:
    return f"{n} place{'' if n == 1 else 's'}"


def _money(cents: int) -> str:
    return f"{cents / 100:,.2f}"

"""A study's ledger as people read it: sums, what a run would send, files for hand."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Case, Count, F, Prefetch, Q, QuerySet, Sum, When

from hypeweb.models import (
    Account,
    Budget,
    Payment,
    Pool,
    Posting,
    Reconciliation,
    Study,
)
from hypeweb.models.payments import Service
from hypeweb.services import accounts, audit, payments, spending, tables
from hypeweb.services.errors import ConflictError, DomainError

State = Payment.State
MANUAL_COLUMNS = (
    *("reference", "invitation", "code", "amount", "currency", "reason", "paid"),
)
YES = frozenset({"yes", "y", "1", "true", "paid", "x"})
MAX_CONFIRMED = 5000
PROMISED = "set aside for places"


@dataclass(frozen=True)
class Line:
    """The payments of one pool and one state."""

    pool: str
    state: str
    n_payments: int
    cents: int
    fee_cents: int

    @property
    def cost_cents(self) -> int:
        return self.cents + self.fee_cents


@dataclass(frozen=True)
class DryRun:
    """What sending everything owed would cost, and what the limits would hold back."""

    n_payments: int
    cents: int
    fee_cents: int
    n_held: int
    n_unapproved: int
    n_without_enrolment: int
    problems: tuple[str, ...]
    """Why a service can be sent nothing at all, as sentences."""

    @property
    def cost_cents(self) -> int:
        return self.cents + self.fee_cents


@dataclass(frozen=True)
class Confirmed:
    """What a file of payments made by hand did."""

    n_confirmed: int
    n_known: int
    problems: tuple[str, ...]


def lines_of(study: Study) -> list[Line]:
    """Return the sums of a study's ledger, and what places set aside besides."""
    rows = (
        Payment.objects.filter(session__study=study)
        .order_by("session__pool", "state")
        .values_list("session__pool__name", "state")
        .annotate(n=Count("pk"), cents=Sum("amount_cents"), fee=Sum("fee_cents"))
    )
    labels = dict(State.choices)
    lines = [Line(pool, labels[state], *sums) for pool, state, *sums in rows]
    places = (
        Posting.objects.filter(pool__study=study, n_promised__gt=0)
        .order_by("pool")
        .values_list("pool__name")
        .annotate(
            n=Sum("n_promised"),
            cents=Sum(F("n_promised") * F("reward_cents")),
            fee=Sum(F("n_promised") * (F("place_cents") - F("reward_cents"))),
        )
    )
    return lines + [Line(pool, PROMISED, *sums) for pool, *sums in places]


def payments_of(study: Study) -> QuerySet[Payment]:
    """Return the payments of a study, what needs somebody first."""
    needs_somebody = Case(
        When(state=State.FAILED, then=0),
        When(~Q(error=""), then=1),
        When(state=State.OWED, then=2),
        default=3,
    )
    return (
        Payment.objects.filter(session__study=study)
        .select_related("session__pool", "session__enrolment")
        .order_by(needs_somebody, "-pk")
    )


def dry_run(study: Study) -> DryRun:
    """Return what a run would send if everything were approved; nothing is sent."""
    budget = spending.open_budget(study)
    left: dict[str, int | None] = {"study": budget.left_cents}
    for account in Account.objects.filter(currency=study.currency):
        left[account.service] = account.left_cents
    owed = Payment.objects.filter(session__study=study, state=State.OWED)
    sums = {"n": 0, "cents": 0, "fee": 0, "held": 0, "lost": 0}
    found = owed.select_related("session__enrolment__posting", "session__study")
    for payment in found:
        by_hand = payment.service == Service.MANUAL
        if not by_hand and not hasattr(payment.session, "enrolment"):
            sums["lost"] += 1
            continue
        is_reward = payment.reason == Payment.Reason.BASE
        service = Service(payment.service)
        fee = spending.fee_cents(service, payment.amount_cents, is_reward=is_reward)
        cost = spending.open_cents(payment)
        limits = ("study", payment.service)
        if any(_is_below(left.get(limit), cost) for limit in limits):
            sums["held"] += 1
            continue
        for limit in limits:
            have = left.get(limit)
            left[limit] = None if have is None else have - cost
        sums["n"] += 1
        sums["cents"] += payment.amount_cents
        sums["fee"] += fee
    services = set(owed.order_by().values_list("service", flat=True))
    problems = {accounts.problem_with(Service(service)) for service in services}
    return DryRun(
        n_payments=sums["n"],
        cents=sums["cents"],
        fee_cents=sums["fee"],
        n_held=sums["held"],
        n_unapproved=owed.filter(approved_at__isnull=True).count(),
        n_without_enrolment=sums["lost"],
        problems=tuple(sorted(problems - {""})),
    )


@transaction.atomic
def approve_all(*, study: Study, actor: User, now: datetime) -> int:
    """Let everything owed of a study be sent."""
    n_approved = Payment.objects.filter(
        session__study=study, state=State.OWED, approved_at__isnull=True
    ).update(approved_at=now, next_attempt_at=None)
    audit.record(
        actor=actor,
        action="approved payments",
        subject=study,
        detail=f"{n_approved} payments",
    )
    return n_approved


@transaction.atomic
def set_limits(
    *,
    limit: Budget | Account,
    soft_cents: int | None,
    hard_cents: int | None,
    actor: User,
) -> None:
    """Change what may be spent; what waited for it is tried at once."""
    _check_stored(limit)
    if soft_cents is not None and hard_cents is not None and soft_cents > hard_cents:
        raise DomainError(
            f"The soft limit of {soft_cents / 100:.2f} must not be above the hard one "
            f"of {hard_cents / 100:.2f}."
        )
    changes = {"soft_cents": soft_cents}
    if hard_cents != limit.hard_cents:
        changes |= {"hard_cents": hard_cents, "overspent_cents": 0}
    try:
        with transaction.atomic():
            type(limit).objects.filter(pk=limit.pk).update(**changes)
    except IntegrityError as error:
        limit.refresh_from_db()
        raise ConflictError(
            f"The hard limit cannot be below the {limit.committed_cents / 100:.2f} "
            "that is already spent or set aside."
        ) from error
    waiting = Payment.objects.filter(state=State.OWED)
    if isinstance(limit, Budget):
        waiting = waiting.filter(session__study=limit.study_id)
    else:
        waiting = waiting.filter(service=limit.service, currency=limit.currency)
    waiting.update(next_attempt_at=None)
    audit.record(
        actor=actor,
        action="changed limits",
        subject=limit,
        detail=f"soft {_money(soft_cents)}, hard {_money(hard_cents)}",
    )


@transaction.atomic
def set_automatic(*, budget: Budget, is_automatic: bool, actor: User) -> None:
    """Pay what is owed from now on at once, or only what somebody approved."""
    _check_stored(budget)
    Budget.objects.filter(pk=budget.pk).update(is_automatic=is_automatic)
    audit.record(
        actor=actor,
        action="pays without asking" if is_automatic else "pays what is approved",
        subject=budget,
    )


def manual_rows(study: Study) -> Iterator[str]:
    """Yield the lines of a CSV of what is to be paid by hand: no name, no address.

    The invitation's number is the line of the list that its sender has; whoever came
    by a link has the completion code.
    """
    yield _csv_line(MANUAL_COLUMNS)
    owed = (
        Payment.objects.filter(
            session__study=study, service=Service.MANUAL, state=State.OWED
        )
        .annotate(
            invitation=F("session__evaluator__invitations__number"),
            of_pool=F("session__evaluator__invitations__pool"),
            code=F("session__completion_code__code"),
        )
        .filter(Q(of_pool__isnull=True) | Q(of_pool=F("session__pool")))
        .order_by("pk")
    )
    for payment in owed:
        yield _csv_line(
            (
                str(payment.reference),
                str(payment.invitation or ""),
                str(payment.code or ""),
                f"{payment.amount_cents / 100:.2f}",
                payment.currency,
                payment.reason,
                "",
            )
        )


def confirm_manual(*, study: Study, text: str, actor: User, now: datetime) -> Confirmed:
    """Take back the CSV with its column “paid” filled in; each line counts once."""
    rows = _records(text)
    paid = [row for row in rows if row["paid"].strip().lower() in YES]
    if len(paid) > MAX_CONFIRMED:
        raise DomainError(f"At most {MAX_CONFIRMED} lines at a time; split the file.")
    found = {
        payment.reference: payment
        for payment in Payment.objects.filter(
            session__study=study, service=Service.MANUAL
        )
    }
    n_confirmed, n_known, problems = 0, 0, []
    for row in paid:
        reference = _uuid(row["reference"])
        payment = found.get(reference) if reference else None
        problem = _problem_with(payment, row)
        if payment is None or problem:
            problems.append(f"{(row['reference'] or '')[:40]}: {problem}")
        elif payment.state == State.CONFIRMED:
            n_known += 1
        else:
            try:
                payments.record_manual(payment=payment, now=now)
            except DomainError as error:
                problems.append(f"{payment.reference}: {error}")
                continue
            payment.state = State.CONFIRMED
            n_confirmed += 1
    audit.record(
        actor=actor,
        action="confirmed payments by hand",
        subject=study,
        detail=f"{n_confirmed} confirmed, {len(problems)} problems",
    )
    return Confirmed(n_confirmed, n_known, tuple(problems))


def pools_to_reconcile(study: Study) -> list[tuple[Pool, str]]:
    """Return the pools whose service has a list, and why it cannot be asked now."""
    by_hand = [Pool.Kind.LINK, Pool.Kind.INVITATIONS]
    made = Prefetch("reconciliations", Reconciliation.objects.order_by("-made_at"))
    found = study.pools.exclude(kind__in=by_hand).prefetch_related(made)
    return [(pool, accounts.problem_with(Service(pool.kind))) for pool in found]


def _records(text: str) -> list[dict[str, str]]:
    """Return the lines of a file by the names of its columns."""
    heading = next(iter(text.splitlines()), "")
    # Spreadsheets save semicolons where the comma is the decimal point.
    delimiter = ";" if heading.count(";") > heading.count(",") else ","
    rows = tables.rows_of(text, delimiter=delimiter)
    names = next(rows, [])
    if not {"reference", "paid"} <= set(names):
        raise DomainError(
            "The file needs the columns “reference” and “paid”, as in the one "
            f"downloaded here; it has {', '.join(names) or 'none'}."
        )
    return [dict(zip_longest(names, row[: len(names)], fillvalue="")) for row in rows]


def _check_stored(limit: Budget | Account) -> None:
    if limit.pk is None:
        raise ConflictError(
            "This study is a draft, whose budget is one of its settings; open it first."
        )


def _problem_with(payment: Payment | None, row: dict[str, str]) -> str:
    if payment is None:
        return "no payment by hand of this study has this reference."
    stated = (row.get("amount") or "").strip()
    if stated and _cents(stated) != payment.amount_cents:
        owed = f"{payment.amount_cents / 100:.2f}"
        return f"the file says {stated[:20]}, and {owed} are owed."
    return ""


def _cents(text: str) -> Decimal | None:
    """Return an amount as spreadsheets write it back: 1.50, 1.5 or 1,5."""
    try:
        return Decimal(text.replace(",", ".")) * 100
    except InvalidOperation:
        return None


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID((text or "").strip())
    except ValueError:
        return None


def _is_below(have: int | None, cost: int) -> bool:
    return have is not None and have < cost


def _money(cents: int | None) -> str:
    return "none" if cents is None else f"{cents / 100:.2f}"


def _csv_line(cells: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()

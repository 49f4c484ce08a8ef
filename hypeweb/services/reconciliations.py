"""The ledger held against a service's own list: what one has and the other lacks."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from hypeweb.models import Enrolment, Payment, Pool, Posting, Reconciliation
from hypeweb.models.payments import Service
from hypeweb.services import accounts, payments
from hypeweb.services.errors import DomainError
from hypeweb.services.prolific import PAID
from hypeweb.services.recruiting import MTURK, REFUSALS

# What a submission at a service was paid: the base, and each bonus in cents.
Paid = tuple[bool, list[int]]


@dataclass(frozen=True)
class Difference:
    """One submission of which the ledger and the service do not say the same."""

    submission: str
    session: int | None
    here: str
    there: str


def request(pool: Pool, *, now: datetime) -> Reconciliation:
    """Write down that a pool's ledger is to be compared; the worker does it."""
    return Reconciliation.objects.create(pool=pool, made_at=now)


def reconcile(reconciliation_id: int) -> None:
    """Compare a pool's ledger with the list of its service, and store what differs."""
    found = Reconciliation.objects.select_related("pool").get(pk=reconciliation_id)
    pool = found.pool
    try:
        there = dict(_listed(pool))
    except (*REFUSALS, DomainError) as error:
        found.error = payments.told(error)
        found.save(update_fields=["error"])
        return
    here = _ledger(pool)
    sessions = dict(
        Enrolment.objects.filter(session__pool=pool).values_list(
            "external_id", "session_id"
        )
    )
    differences = [
        Difference(name, sessions.get(name), *map(_told, sides))
        for name in sorted(here.keys() | there.keys())
        if not _are_same(*(sides := (here.get(name), there.get(name))))
    ]
    found.n_compared = len(here.keys() | there.keys())
    found.differences = [asdict(one) for one in differences]
    found.save(update_fields=["n_compared", "differences"])


def _listed(pool: Pool) -> Iterator[tuple[str, Paid]]:
    """Yield what a service lists of a pool's submissions."""
    postings = Posting.objects.filter(pool=pool).exclude(external_id="")
    for posting in postings:
        if pool.kind in MTURK:
            yield from _at_mturk(pool, posting)
        else:
            yield from _at_prolific(posting)


def _at_prolific(posting: Posting) -> Iterator[tuple[str, Paid]]:
    client = accounts.prolific()
    for listed in client.submissions(posting.external_id):
        name, found = str(listed["id"]), listed
        if "bonus_payments" not in listed:
            # Its documentation promises them for a single submission alone.
            found = client.submission(name)
        bonuses = found.get("bonus_payments") or []
        assert isinstance(bonuses, list)  # noqa: S101 - as documented
        yield name, (found["status"] in PAID, [round(cents) for cents in bonuses])


def _at_mturk(pool: Pool, posting: Posting) -> Iterator[tuple[str, Paid]]:
    client = accounts.mturk(Service(pool.kind))
    bonuses: dict[str, list[int]] = {}
    for assignment_id, cents, _reason in client.bonuses(posting.external_id):
        bonuses.setdefault(assignment_id, []).append(cents)
    for found in client.assignments(posting.external_id):
        is_paid = found.status == "Approved"
        yield found.assignment_id, (is_paid, bonuses.pop(found.assignment_id, []))
    for name, cents_of in bonuses.items():
        yield name, (False, cents_of)


def _ledger(pool: Pool) -> dict[str, Paid]:
    """Return what the ledger holds as confirmed, by submission."""
    found: dict[str, Paid] = {
        name: (False, [])
        for name in Enrolment.objects.filter(session__pool=pool).values_list(
            "external_id", flat=True
        )
    }
    confirmed = Payment.objects.filter(
        session__pool=pool,
        state=Payment.State.CONFIRMED,
        session__enrolment__isnull=False,
    ).values_list("session__enrolment__external_id", "reason", "amount_cents")
    for name, reason, cents in confirmed:
        bonuses = found[name][1]
        if reason == Payment.Reason.BASE:
            found[name] = (True, bonuses)
        else:
            bonuses.append(cents)
    return found


def _are_same(here: Paid | None, there: Paid | None) -> bool:
    """Return whether both sides paid the same; one that paid nothing may be absent."""
    base_here, bonuses_here = here or (False, [])
    base_there, bonuses_there = there or (False, [])
    same_bonuses = Counter(bonuses_here) == Counter(bonuses_there)
    known_here = here is not None or there is None
    return base_here == base_there and same_bonuses and known_here


def _told(paid: Paid | None) -> str:
    if paid is None:
        return "not there"
    has_base, bonuses = paid
    parts = ["base"] if has_base else []
    parts += [f"{cents / 100:.2f}" for cents in sorted(bonuses)]
    return " + ".join(parts) or "nothing paid"

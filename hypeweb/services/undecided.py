"""Submissions that their service pays by itself when nobody decides in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from hypeweb.models import Enrolment, Payment, Posting, Study
from hypeweb.services import spending

WAITING = ("Submitted", "AWAITING REVIEW")
# So long before a service pays by itself somebody is told.
SOON = timedelta(days=7)


@dataclass(frozen=True)
class Undecided:
    """What waits for a decision in a study, and when the first of it is paid anyhow."""

    n: int
    first_at: datetime
    is_soon: bool
    without_base: Sequence[Enrolment]


def undecided_in(study: Study, *, now: datetime) -> Undecided | None:
    """Return what waits for a decision, or nothing where nothing does."""
    found = list(waiting().filter(session__study=study).order_by("decides_at"))
    if not found:
        return None
    first_at = found[0].decides_at
    assert first_at is not None  # noqa: S101 - waiting() takes no other
    owed = set(
        Payment.objects.filter(
            session__study=study, reason=Payment.Reason.BASE
        ).values_list("session", flat=True)
    )
    return Undecided(
        n=len(found),
        first_at=first_at,
        is_soon=first_at - now <= SOON,
        without_base=[one for one in found if one.session_id not in owed],
    )


def waiting() -> QuerySet[Enrolment]:
    """Return the submissions that nobody has approved or rejected."""
    base = Payment.objects.filter(
        session=OuterRef("session"),
        reason=Payment.Reason.BASE,
        state__in=spending.MOVED,
    )
    return (
        Enrolment.objects.filter(
            ~Exists(base), decides_at__isnull=False, status__in=WAITING, rejection=""
        )
        .order_by("pk")
        .select_related("session", "posting")
    )


def strangers_in(study: Study) -> list[Posting]:
    """Return the postings with submissions that belong to no session."""
    found = Posting.objects.filter(pool__study=study, n_strangers__gt=0)
    return list(found.select_related("pool"))

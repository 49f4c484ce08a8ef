"""Secret links: a report for readers without an account, for a time."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from hypeweb.models import ReportLink, Study
from hypeweb.services import audit, tokens
from hypeweb.services.errors import ConflictError, DomainError

MAX_DAYS = 366


@transaction.atomic
def create_link(*, study: Study, days: int, actor: User, now: datetime) -> ReportLink:
    """Make an address that shows a study's report for so many days."""
    if not 0 < days <= MAX_DAYS:
        raise DomainError(f"A link lasts between 1 and {MAX_DAYS} days; got {days}.")
    link = ReportLink.objects.create(
        study=study,
        token=tokens.make(),
        created_by=actor,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    audit.record(
        actor=actor,
        action="shared the report",
        subject=study,
        detail=f"link {link.pk}, until {link.expires_at:%Y-%m-%d}",
    )
    return link


@transaction.atomic
def revoke_link(*, link: ReportLink, actor: User, now: datetime) -> None:
    """Withdraw a link for good."""
    held = ReportLink.objects.filter(pk=link.pk, revoked_at__isnull=True)
    if not held.update(revoked_at=now):
        raise ConflictError("This link was withdrawn already.")
    audit.record(
        actor=actor,
        action="withdrew a link to the report",
        subject=link.study,
        detail=f"link {link.pk}",
    )


def links_of(study: Study, *, now: datetime) -> list[ReportLink]:
    """Return the links that still lead somewhere, newest first."""
    valid = study.report_links.filter(revoked_at__isnull=True, expires_at__gt=now)
    return list(valid.select_related("created_by"))

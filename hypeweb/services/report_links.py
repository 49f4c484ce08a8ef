"""Secret links: a report for readers without an account."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from hypeweb.models import ReportLink, ReportVersion, Study
from hypeweb.services import audit, tokens
from hypeweb.services.errors import ConflictError, DomainError

MAX_DAYS = 366


@transaction.atomic
def create_link(
    *,
    study: Study,
    days: int | None,
    actor: User,
    now: datetime,
    version: ReportVersion | None = None,
) -> ReportLink:
    """Make an address that shows a study's report for so many days.

    A published version may be shown for good, without a number of days.
    """
    if days is None and version is None:
        raise DomainError(
            "Only a published version can be shared for good, because it never "
            "changes; choose a version, or how long the link works."
        )
    if version is not None and version.study_id != study.pk:
        raise DomainError(f"{version} is not of this study; choose one that is.")
    if days is not None and not 0 < days <= MAX_DAYS:
        raise DomainError(f"A link lasts between 1 and {MAX_DAYS} days; got {days}.")
    ends = None if days is None else now + timedelta(days=days)
    link = ReportLink.objects.create(
        study=study,
        version=version,
        token=tokens.make(),
        created_by=actor,
        created_at=now,
        expires_at=ends,
    )
    audit.record(
        actor=actor,
        action="shared the report",
        subject=study,
        detail=f"link {link.pk} to {_what(link)}, "
        + (f"until {ends:%Y-%m-%d}" if ends else "for good"),
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
    lasting = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    valid = study.report_links.filter(lasting, revoked_at__isnull=True)
    return list(
        valid.select_related("created_by", "version").defer("version__document")
    )


def shows_images(study: Study) -> bool:
    """Return whether a link shows images: they would tell people who take part."""
    return study.is_closed


def _what(link: ReportLink) -> str:
    return f"version {link.version.number}" if link.version else "the report"

"""What evaluators write about their session, and what the researcher answers."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hypeweb.models import Appeal, Project, Session
from hypeweb.services import audit
from hypeweb.services.errors import ConflictError, DomainError

MAX_OPEN = 5
MAX_LETTERS = 2000


@transaction.atomic
def write(*, session: Session, message: str, now: datetime) -> Appeal:
    """Store a message; a person may have a few that wait for an answer."""
    text = message.strip()
    if not text:
        raise DomainError(_("Write what you want to say first."))
    if len(text) > MAX_LETTERS:
        raise DomainError(
            _("The message has %(n)d characters; at most %(most)d can be sent.")
            % {"n": len(text), "most": MAX_LETTERS}
        )
    session = Session.objects.select_for_update(of=("self",)).get(pk=session.pk)
    if session.appeals.filter(replied_at__isnull=True).count() >= MAX_OPEN:
        raise ConflictError(
            _("Your messages have been received. Please wait for an answer.")
        )
    return Appeal.objects.create(session=session, message=text, created_at=now)


@transaction.atomic
def reply(*, appeal: Appeal, text: str, actor: User, now: datetime) -> None:
    """Answer a message once; the person reads it on their session's page."""
    if not text.strip():
        raise DomainError("Write an answer first.")
    if len(text.strip()) > MAX_LETTERS:
        raise DomainError(f"An answer has at most {MAX_LETTERS} characters.")
    n_replied = Appeal.objects.filter(pk=appeal.pk, replied_at__isnull=True).update(
        reply=text.strip(), replied_at=now, replied_by=actor
    )
    if not n_replied:
        raise ConflictError("Somebody answered this message already.")
    audit.record(actor=actor, action="answered", subject=appeal)


def inbox(projects: QuerySet[Project]) -> QuerySet[Appeal]:
    """Return the messages about the studies of some projects, open ones first."""
    found = Appeal.objects.filter(session__study__project__in=projects)
    return found.select_related(
        "session__study", "session__pool", "replied_by"
    ).order_by("replied_at", "-created_at")

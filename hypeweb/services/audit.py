"""The record of who did what."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

from hypeweb.models import AuditEvent


def record(
    *,
    actor: User | AbstractBaseUser | AnonymousUser | None,
    action: str,
    subject: object,
    detail: str = "",
) -> None:
    """Store one act."""
    AuditEvent.objects.create(
        actor=actor if isinstance(actor, User) else None,
        action=action,
        subject=f"{type(subject).__name__} {subject}"[:200],
        detail=detail,
    )

"""Access tokens: made, shown once, known again by their hash, revoked."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from hypeweb.models import AccessToken
from hypeweb.services import audit
from hypeweb.services.errors import ConflictError, DomainError

# So that people and secret scanners know what they look at.
PREFIX = "hype_"
N_RANDOM_BYTES = 32
START_LENGTH = len(PREFIX) + 4
MAX_DAYS = 366
MAX_VALID = 50
# How exactly the last use is known; every request would be a write otherwise.
USE_KNOWN_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Made:
    """A new token, and the secret that nobody can read again."""

    token: AccessToken
    secret: str


def valid_of(user: User, *, now: datetime) -> QuerySet[AccessToken]:
    """Return the tokens of somebody's that work."""
    return AccessToken.objects.filter(
        user=user, revoked_at__isnull=True, expires_at__gt=now
    )


@transaction.atomic
def make(
    *, user: User, name: str, scopes: Collection[str], days: int, now: datetime
) -> Made:
    """Store a token's hash; its secret is random enough to need no slow one."""
    if not name.strip():
        raise DomainError("A token needs a name that says what will use it.")
    if not scopes or not set(scopes) <= set(AccessToken.Scope.values):
        raise DomainError(
            "Choose what the token allows, at least one of "
            f"{', '.join(AccessToken.Scope.values)}."
        )
    if not 0 < days <= MAX_DAYS:
        raise DomainError(f"A token works for 1 to {MAX_DAYS} days, got {days}.")
    if valid_of(user, now=now).count() >= MAX_VALID:
        raise ConflictError(
            f"You have {MAX_VALID} tokens that work; revoke some that nobody needs."
        )
    secret = PREFIX + secrets.token_urlsafe(N_RANDOM_BYTES)
    token = AccessToken.objects.create(
        user=user,
        name=name,
        digest=_digest(secret),
        start=secret[:START_LENGTH],
        scopes=[scope for scope in AccessToken.Scope.values if scope in scopes],
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    audit.record(
        actor=user,
        action="made a token",
        subject=token,
        detail=f"{', '.join(token.scopes)}; {days} days",
    )
    return Made(token, secret)


def authenticate(secret: str, *, now: datetime) -> AccessToken | None:
    """Return the token a secret belongs to, if it still works."""
    token = (
        AccessToken.objects.select_related("user")
        .filter(digest=_digest(secret), user__is_active=True)
        .first()
    )
    if token is None or not token.is_valid(now=now):
        return None
    if token.last_used_at is None or now - token.last_used_at > USE_KNOWN_WITHIN:
        AccessToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


@transaction.atomic
def revoke(*, token: AccessToken, actor: User, now: datetime) -> None:
    """Let a token work no more; a second call changes nothing."""
    valid = AccessToken.objects.filter(pk=token.pk, revoked_at__isnull=True)
    if valid.update(revoked_at=now):
        audit.record(actor=actor, action="revoked a token", subject=token)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

"""Idempotency keys: a request sent twice is carried out once and answered twice.

The key's row, what the request does and its reply are one transaction. A request that
fails or dies leaves no row and may be sent again; one sent twice at the same time waits
for the other at the unique constraint, and then gets the other's reply.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from hypeweb.models import StoredReply
from hypeweb.services.errors import DomainError

MAX_KEY_LENGTH = 255
KEPT_FOR = timedelta(hours=24)


class KeyReusedError(DomainError):
    """An idempotency key that was used for another request."""

    status = 422
    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Request:
    """What makes two requests the same."""

    method: str
    address: str
    body: bytes

    def fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self.method} {self.address}\n".encode())
        digest.update(self.body)
        return digest.hexdigest()


@dataclass(frozen=True)
class Reply:
    """A reply as it is stored: a status and what the body says."""

    status: int
    body: object


def once(
    *,
    user: User,
    key: str,
    request: Request,
    act: Callable[[], Reply],
    now: datetime,
) -> Reply:
    """Return what a request did, now or when it first came with this key."""
    if len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise DomainError(
            f"An Idempotency-Key has at most {MAX_KEY_LENGTH} printable characters; "
            "send a random one, such as a UUID."
        )
    stored = _known(user, key, request)
    if stored is not None:
        return stored
    try:
        with transaction.atomic():
            return _first(user, key, request, act, now)
    except _KeyTakenError:
        stored = _known(user, key, request)
        if stored is None:
            raise
        return stored


def sweep(*, now: datetime) -> None:
    """Forget replies that nobody will ask for again."""
    StoredReply.objects.filter(created_at__lt=now - KEPT_FOR).delete()


class _KeyTakenError(DomainError):
    """Another request with the same key was quicker."""

    status = 409
    code = "conflict"


def _first(
    user: User, key: str, request: Request, act: Callable[[], Reply], now: datetime
) -> Reply:
    try:
        with transaction.atomic():
            row = StoredReply.objects.create(
                user=user, key=key, fingerprint=request.fingerprint(), created_at=now
            )
    except IntegrityError as error:
        raise _KeyTakenError(
            "A request with this Idempotency-Key is being carried out; send it again "
            "in a moment."
        ) from error
    reply = act()
    row.status, row.body = reply.status, reply.body
    row.save(update_fields=["status", "body"])
    return reply


def _known(user: User, key: str, request: Request) -> Reply | None:
    row = StoredReply.objects.filter(user=user, key=key).first()
    if row is None:
        return None
    if row.fingerprint != request.fingerprint():
        raise KeyReusedError(
            "This Idempotency-Key was used for another request; send a new one."
        )
    return Reply(row.status, row.body)

"""Events that Prolific sends by itself: signed, in any order, more than once."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction

from hypeweb.models.payments import Service
from hypeweb.services import recruiting
from hypeweb.services.errors import DomainError, ForbiddenError

MAX_AGE_S = 24 * 3600
MAX_ID = 128


def signature_of(secret: str, *, timestamp: str, body: bytes) -> str:
    """Return what Prolific signs: the timestamp and the body behind it."""
    signed = timestamp.encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


@dataclass(frozen=True)
class Delivery:
    """A request with an event: what Prolific signs, and what its headers say of it."""

    body: bytes
    timestamp: str
    """When the request was sent: signed, and new with each try."""
    signature: str
    event_id: str
    """The same with each try."""
    event_timestamp: str = ""
    """When the event was: the same with each try, and not signed."""


def take_prolific(delivery: Delivery, *, now: datetime) -> bool:
    """Take an event in, and return whether it was new.

    What it says of a submission counts only if nothing newer is known.
    """
    if not settings.PROLIFIC_WEBHOOK_SECRET:
        raise ForbiddenError("This site takes no events of Prolific.")
    wanted = signature_of(
        settings.PROLIFIC_WEBHOOK_SECRET,
        timestamp=delivery.timestamp,
        body=delivery.body,
    )
    if not hmac.compare_digest(wanted.encode(), delivery.signature.encode()):
        raise ForbiddenError("The signature of this event is not Prolific's.")
    sent_at = _moment(delivery.timestamp)
    if abs((now - sent_at).total_seconds()) > MAX_AGE_S:
        raise ForbiddenError("This event is too old.")
    if not 0 < len(delivery.event_id) <= MAX_ID:
        raise DomainError("The event has no X-Event-ID.")
    told = _read(delivery.body)
    at = sent_at
    if delivery.event_timestamp:
        # Tried again, an old event is sent late; not signed, it makes none newer.
        at = min(sent_at, _moment(delivery.event_timestamp))
    with transaction.atomic():
        is_new = recruiting.take_event(
            service=Service.PROLIFIC, event_id=delivery.event_id, now=now
        )
        if is_new and told.get("event_type") == "submission.status.change":
            recruiting.take_status(
                Service.PROLIFIC,
                str(told.get("resource_id", "")),
                status=str(told.get("status", "")),
                at=at,
            )
    return is_new


def _moment(timestamp: str) -> datetime:
    """Return when an event was, stated in seconds or milliseconds."""
    try:
        seconds = float(timestamp)
        if seconds > 1e11:  # noqa: PLR2004 - no second of this millennium
            seconds /= 1000
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise DomainError("The event's timestamp is no number of seconds.") from error


def _read(body: bytes) -> dict[str, object]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DomainError("The event is no JSON.") from error
    if not isinstance(told, dict):
        raise DomainError("The event is no JSON object.")
    return told

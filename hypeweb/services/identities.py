"""Who somebody is elsewhere: kept as a keyed hash, or encrypted where it is needed."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from hypeweb.models import Evaluator
from hypeweb.services import tokens
from hypeweb.services.errors import DomainError

# A worker's id at Amazon, a person's at Prolific, an e-mail address.
PERSON = re.compile(r"\bA[0-9A-Z]{9,20}\b|\b[0-9a-f]{24}\b|[^\s<>@,;:]+@[^\s<>@,;:]+")


def hash_of(value: str, *, channel: str) -> str:
    """Return by which a worker's id or an address is known again, and nothing else."""
    message = f"{channel}:{value}".encode()
    return hmac.new(_key("identity"), message, hashlib.sha256).hexdigest()


def address_hash(address: str) -> str:
    """Return the hash of an e-mail address however it is written."""
    return hash_of(address.strip().casefold(), channel=Evaluator.Channel.INVITATION)


def encrypt(value: str) -> str:
    return _fernet("address").encrypt(value.encode()).decode()


def decrypt(value: str) -> str:
    """Return what was encrypted; refuse what another key encrypted."""
    try:
        return _fernet("address").decrypt(value.encode()).decode()
    except InvalidToken as error:
        raise DomainError(
            "This address was encrypted with another IDENTITY_KEY; restore the key, or "
            "invite the person again."
        ) from error


def seal(fields: Mapping[str, str]) -> str:
    """Return fields as a word that only this site reads, for a form to carry."""
    return _fernet("entry").encrypt(json.dumps(dict(fields)).encode()).decode()


def unseal(word: str, *, lasts: timedelta) -> dict[str, str]:
    """Return the fields of a word made here not long ago."""
    seconds = int(lasts.total_seconds())
    try:
        found = _fernet("entry").decrypt(word.encode(), ttl=seconds)
    except (InvalidToken, UnicodeEncodeError) as error:
        raise DomainError(
            "This page was open for too long. Open the study again from where you "
            "found it."
        ) from error
    fields: dict[str, str] = json.loads(found)
    return fields


def scrubbed(text: str) -> str:
    """Return what a service said without what may be a person's id or address."""
    return PERSON.sub("[left out]", text)


def evaluator_of(value: str, *, channel: Evaluator.Channel) -> Evaluator:
    """Return the person a channel knows by an id, made where they are new."""
    found, _ = Evaluator.objects.get_or_create(
        channel=channel,
        external_id_hash=hash_of(value, channel=channel),
        defaults={"token": tokens.make()},
    )
    return found


def _fernet(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_key(purpose)))


def _key(purpose: str) -> bytes:
    """Return a key for one purpose alone, of the site's own secret."""
    message = f"hypeweb {purpose}".encode()
    return hmac.new(settings.IDENTITY_KEY.encode(), message, hashlib.sha256).digest()

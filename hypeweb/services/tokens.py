"""Unguessable names for what an outsider may address."""

import secrets


def make() -> str:
    """Return 192 random bits, safe in an address."""
    return secrets.token_urlsafe(24)


def make_seed() -> int:
    """Return the seed of a random generator, to be stored beside what it made."""
    return secrets.randbits(62)

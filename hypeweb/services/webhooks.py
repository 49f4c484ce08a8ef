"""Posting to an address a user gave, without lending them the site's network."""

import http.client
import ipaddress
import socket
import ssl
from contextlib import closing
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

TIMEOUT_S = 10
PORTS = {"http": 80, "https": 443}


class WebhookError(Exception):
    """A webhook that cannot be reached, or did not take what it was sent."""


def problem_with(address: str) -> str:
    """Return why an address can be no webhook, as a sentence, or nothing."""
    try:
        url = _split(address)
    except WebhookError as error:
        return str(error)
    try:
        _public_address(url)
    except WebhookError as error:
        return str(error)
    return ""


def post(address: str, *, body: bytes, headers: dict[str, str]) -> None:
    """Send a body; anything but an answer of 2xx is an error, redirects too."""
    url = _split(address)
    where = _public_address(url)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    try:
        with closing(_connection(url, where)) as connection:
            connection.request("POST", path, body=body, headers=headers)
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise WebhookError(
            f"{url.hostname} does not answer: {str(error) or type(error).__name__}"
        ) from error
    if not 200 <= status < 300:  # noqa: PLR2004 - what HTTP calls success
        raise WebhookError(f"{url.hostname} answered {status}; 2xx was expected.")


def _split(address: str) -> SplitResult:
    wrong = WebhookError(
        "A webhook is an http:// or https:// address without a login in it, such as "
        "https://example.org/hype."
    )
    try:
        url = urlsplit(address)
        is_whole = url.scheme in PORTS and bool(url.hostname) and url.port != 0
    except ValueError as error:
        raise wrong from error
    is_clean = address.isascii() and address.isprintable() and " " not in address
    if not (is_whole and is_clean) or url.username:
        raise wrong
    return url


def _public_address(url: SplitResult) -> tuple[str, int]:
    """Return where a host is, which must not be inside the site's own network.

    The connection is made to this very address: a name may point elsewhere later.
    """
    port = url.port or PORTS[url.scheme]
    try:
        found = socket.getaddrinfo(url.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WebhookError(f"There is no host {url.hostname}.") from error
    hosts = [str(info[4][0]) for info in found]
    if not settings.WEBHOOK_PRIVATE_ADDRESSES and not all(map(_is_public, hosts)):
        raise WebhookError(
            f"{url.hostname} is a private address, and this site sends webhooks to "
            "public ones only."
        )
    return hosts[0], port


def _is_public(host: str) -> bool:
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast


def _connection(
    url: SplitResult, address: tuple[str, int]
) -> http.client.HTTPConnection:
    """Return a connection to a checked address that speaks with the named host."""
    host = url.hostname or ""
    if url.scheme == "http":
        plain = http.client.HTTPConnection(host, url.port, timeout=TIMEOUT_S)
        plain.sock = socket.create_connection(address, timeout=TIMEOUT_S)
        return plain
    context = ssl.create_default_context()
    secure = http.client.HTTPSConnection(
        host, url.port, timeout=TIMEOUT_S, context=context
    )
    with socket.create_connection(address, timeout=TIMEOUT_S) as raw:
        # Wrapping takes the socket over; where it fails, leaving closes it.
        secure.sock = context.wrap_socket(raw, server_hostname=host)
    return secure

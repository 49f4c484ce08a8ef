"""Readers of environment variables that reject nonsense in one sentence."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def read_text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def read_flag(name: str, *, default: bool) -> bool:
    value = read_text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(
        f"{name} must be one of 1, true, yes, on, 0, false, no, off; got {value!r}."
    )


def read_int(name: str, default: int, *, minimum: int = 0) -> int:
    value = read_text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        number = minimum - 1
    if number < minimum:
        raise ImproperlyConfigured(
            f"{name} must be a whole number of at least {minimum}; got {value!r}."
        )
    return number


def read_list(name: str, default: str = "") -> list[str]:
    return [
        part.strip() for part in read_text(name, default).split(",") if part.strip()
    ]


def read_url(name: str, default: str, *, schemes: set[str]) -> SplitResult:
    value = read_text(name, default)
    url = urlsplit(value)
    if url.scheme not in schemes:
        raise ImproperlyConfigured(
            f"{name} must start with one of {', '.join(sorted(schemes))} followed by "
            f"://; got {value.split('@')[-1]!r}."
        )
    return url


def database(url: SplitResult, data_dir: Path) -> dict[str, object]:
    """Return Django's description of the database an address names."""
    if url.scheme == "sqlite":
        path = Path(unquote(url.path)) if url.path else data_dir / "hypeweb.sqlite3"
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path,
            "OPTIONS": {
                # A writer that starts as a reader cannot be upgraded in WAL mode
                # without failing: take the write lock at BEGIN.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                # 20 MB of cache: the rows of a large set come in the order of hashes.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                "PRAGMA cache_size=-20000;",
            },
        }
    if not url.path.strip("/"):
        raise ImproperlyConfigured(
            "DATABASE_URL must name a database, as in "
            "postgresql://user:password@host:5432/hypeweb."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.strip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": str(url.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {key: values[-1] for key, values in parse_qs(url.query).items()},
    }


@dataclass(frozen=True)
class MailServer:
    """A mail server as EMAIL_URL names it: smtp://user:password@host:587."""

    backend: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    uses_ssl: bool = False
    uses_starttls: bool = False


def mail_server(address: str) -> MailServer:
    """Return the mail server an address names, or one that sends nothing."""
    if not address:
        return MailServer("django.core.mail.backends.dummy.EmailBackend")
    url = urlsplit(address)
    if url.scheme not in {"smtp", "smtps"} or not url.hostname:
        raise ImproperlyConfigured(
            "EMAIL_URL must name a server, as in smtp://user:password@host:587 (with "
            "STARTTLS) or smtps://user:password@host:465."
        )
    is_secure = url.scheme == "smtps"
    options = parse_qs(url.query)
    return MailServer(
        "django.core.mail.backends.smtp.EmailBackend",
        host=url.hostname,
        port=url.port or (465 if is_secure else 587),
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        uses_ssl=is_secure,
        uses_starttls=not is_secure and options.get("starttls") != ["0"],
    )


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket as STORAGE_URL names it: s3://bucket/prefix?endpoint_url=..."""

    name: str
    prefix: str
    endpoint_url: str | None
    region: str | None


def bucket(url: SplitResult) -> Bucket:
    """Return the bucket an s3:// address names."""
    if not url.netloc:
        raise ImproperlyConfigured(
            "STORAGE_URL must name a bucket, as in s3://bucket/prefix."
        )
    options = {key: values[-1] for key, values in parse_qs(url.query).items()}
    unknown = set(options) - {"endpoint_url", "region"}
    if unknown:
        raise ImproperlyConfigured(
            "STORAGE_URL takes the options endpoint_url and region; got "
            f"{', '.join(sorted(unknown))}."
        )
    return Bucket(
        name=url.netloc,
        prefix=url.path.strip("/"),
        endpoint_url=options.get("endpoint_url"),
        region=options.get("region"),
    )

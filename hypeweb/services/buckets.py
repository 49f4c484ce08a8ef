"""Images below an S3 prefix, read with the site's own credentials."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from hypeweb.services.entries import (
    MAX_FILE_BYTES,
    Archive,
    Entry,
    bounded,
    hidden,
)
from hypeweb.services.errors import DomainError


def open_prefix(source: str) -> Archive:
    """Return the entries below s3://bucket/prefix; threads fetch them as they read."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    url = urlsplit(source)
    prefix = url.path.lstrip("/")
    client = _client()

    def fetcher(key: str) -> Callable[[], bytes | None]:
        def fetch() -> bytes | None:
            body = client.get_object(Bucket=url.netloc, Key=key)["Body"]
            return bounded(body.read(MAX_FILE_BYTES + 1))

        return fetch

    try:
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=url.netloc, Prefix=prefix
        )
        keys = sorted(
            item["Key"]
            for page in pages
            for item in page.get("Contents", [])
            if not item["Key"].endswith("/") and not hidden(item["Key"])
        )
    except (BotoCoreError, ClientError) as error:
        raise DomainError(f"{source} cannot be listed: {error}") from error

    def read() -> Iterator[Entry]:
        for key in keys:
            yield Entry(key.removeprefix(prefix).lstrip("/"), fetcher(key))

    return Archive(len(keys), read())


def _client() -> Any:  # noqa: ANN401 - boto3 makes its clients' types as it runs
    import boto3  # noqa: PLC0415 - only this source needs it, and it loads slowly

    storage: Any = settings.STORAGES["default"]
    options = storage.get("OPTIONS", {})
    return boto3.client(
        "s3",
        endpoint_url=options.get("endpoint_url"),
        region_name=options.get("region_name"),
    )

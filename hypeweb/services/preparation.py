"""From entries to stored images, ahead of the reader and in as many threads as help."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from hypeweb.models import Sample
from hypeweb.services import images
from hypeweb.services.entries import Entry
from hypeweb.services.images import Source, UnusableImageError

N_THREADS = max(4, os.cpu_count() or 1)
MAX_AHEAD = 8 * N_THREADS
MAX_BYTES_AHEAD = 64 * 2**20


@dataclass(frozen=True)
class Kept:
    """One usable image, stored."""

    name: str
    content_hash: str
    size_bytes: int
    width: int
    height: int
    source: Source


@dataclass(frozen=True)
class Skipped:
    """One file that is no usable image."""

    name: str
    reason: str
    detail: str


def prepare(entries: Iterable[Entry], *, size: int | None) -> Iterator[Kept | Skipped]:
    """Yield what each entry came to, in order; few are in memory at a time."""
    pool = ThreadPoolExecutor(N_THREADS, thread_name_prefix="prepare")
    waiting: deque[tuple[Future[Kept | Skipped], int]] = deque()
    n_bytes = 0
    try:
        for entry in entries:
            while waiting and (
                len(waiting) >= MAX_AHEAD or n_bytes + entry.n_bytes > MAX_BYTES_AHEAD
            ):
                future, weight = waiting.popleft()
                n_bytes -= weight
                yield future.result()
            waiting.append((pool.submit(_prepare, entry, size), entry.n_bytes))
            n_bytes += entry.n_bytes
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        pool.shutdown(cancel_futures=True)


def store_png(key: str, png: bytes) -> None:
    """Store bytes under a key made of their hash, over a half-written file too."""
    if default_storage.exists(key):
        if default_storage.size(key) == len(png):
            return
        default_storage.delete(key)
    default_storage.save(key, ContentFile(png))


def _prepare(entry: Entry, size: int | None) -> Kept | Skipped:
    try:
        image, source = entry.read()
        encoded = images.encode(image, size=size)
    except UnusableImageError as error:
        return Skipped(
            storable(entry.name), storable(error.reason), storable(error.detail)
        )
    store_png(Sample(content_hash=encoded.content_hash).storage_key, encoded.png)
    return Kept(
        name=storable(entry.name),
        content_hash=encoded.content_hash,
        size_bytes=len(encoded.png),
        width=encoded.width,
        height=encoded.height,
        source=source,
    )


def storable(text: str) -> str:
    """Return a file's name as every database takes it."""
    valid = text.encode("utf-8", "replace").decode()
    return valid.replace("\0", "\N{REPLACEMENT CHARACTER}")[:255]

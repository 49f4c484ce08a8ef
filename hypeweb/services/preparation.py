"""From entries to stored images, ahead of the reader and in as many threads as help."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from hypeweb.models import Sample
from hypeweb.services import images, tokens
from hypeweb.services.entries import Entry
from hypeweb.services.images import Source, UnusableImageError

N_THREADS = os.cpu_count() or 1
# Images go to a thread by the few, and small ones to none: threads would spend as long
# waiting for the interpreter's lock as decoding.
SMALL_BYTES = 16 * 2**10
BATCH_IMAGES = 32
BATCH_BYTES = 2**19
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
    waiting: deque[tuple[Future[list[Kept | Skipped]], int]] = deque()
    n_bytes = 0
    try:
        for batch, weight in _batches(entries):
            if weight < SMALL_BYTES * len(batch):
                while waiting:
                    yield from waiting.popleft()[0].result()
                n_bytes = 0
                yield from _prepare_all(batch, size)
                continue
            while waiting and (
                len(waiting) > 2 * N_THREADS or n_bytes + weight > MAX_BYTES_AHEAD
            ):
                future, freed = waiting.popleft()
                n_bytes -= freed
                yield from future.result()
            waiting.append((pool.submit(_prepare_all, batch, size), weight))
            n_bytes += weight
        while waiting:
            yield from waiting.popleft()[0].result()
    finally:
        pool.shutdown(cancel_futures=True)


def store_png(key: str, png: bytes) -> None:
    """Store bytes under a key made of their hash, over a half-written file too."""
    try:
        path = Path(default_storage.path(key))
    except NotImplementedError:  # a bucket
        _store_remotely(key, png)
        return
    try:
        _write_new(path, png)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        store_png(key, png)
    except FileExistsError:
        if path.stat().st_size != len(png):
            part = path.with_name(f"{path.name}.{tokens.make()}")
            _write_new(part, png)
            part.replace(path)


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist, in as few calls as there can be."""
    with path.open("xb", buffering=0) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]


def _store_remotely(key: str, png: bytes) -> None:
    if default_storage.exists(key):
        if default_storage.size(key) == len(png):
            return
        default_storage.delete(key)
    default_storage.save(key, ContentFile(png))


def _batches(entries: Iterable[Entry]) -> Iterator[tuple[list[Entry], int]]:
    """Yield entries by the few, with about how much memory they take."""
    batch: list[Entry] = []
    n_bytes = 0
    for entry in entries:
        batch.append(entry)
        n_bytes += entry.n_bytes
        if len(batch) >= BATCH_IMAGES or n_bytes >= BATCH_BYTES:
            yield batch, n_bytes
            batch, n_bytes = [], 0
    if batch:
        yield batch, n_bytes


def _prepare_all(entries: list[Entry], size: int | None) -> list[Kept | Skipped]:
    return [_prepare(entry, size) for entry in entries]


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

"""From entries to stored images, ahead of the reader, on as many cores as there are.

Decoding, packing and hashing let go of the interpreter's lock: threads use every core.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from hypeweb.models.samples import SAMPLE_KEY
from hypeweb.services import processing
from hypeweb.services.entries import Entry
from hypeweb.services.images import Encoded
from hypeweb.services.processing import Kept, LocalStore, Skipped

# A bucket answers late: while some wait for it, others decode.
N_THREADS = 4 * (os.cpu_count() or 1)
BATCH_IMAGES = 32
BATCH_BYTES = 2**20
MAX_BYTES_AHEAD = 64 * 2**20


def prepare(entries: Iterable[Entry], *, size: int | None) -> Iterator[Kept | Skipped]:
    """Yield what each entry came to, in order; few are in memory at a time."""
    store = _local_store() or _store_remotely
    process = partial(processing.process, size=size, store=store)
    waiting: deque[tuple[Future[list[Kept | Skipped]], int]] = deque()
    n_bytes = 0
    with ThreadPoolExecutor(N_THREADS, thread_name_prefix="prepare") as pool:
        try:
            for batch, weight in _batches(entries):
                while waiting and (
                    len(waiting) > 2 * N_THREADS or n_bytes + weight > MAX_BYTES_AHEAD
                ):
                    future, freed = waiting.popleft()
                    n_bytes -= freed
                    yield from future.result()
                waiting.append((pool.submit(process, batch), weight))
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
        _put(key, png)
    else:
        processing.write_once(path, png)


def _local_store() -> LocalStore | None:
    """Return where images are stored as files; None where they go to a bucket."""
    try:
        return LocalStore(Path(default_storage.path("")), SAMPLE_KEY)
    except NotImplementedError:
        return None


def _store_remotely(encoded: Encoded) -> None:
    _put(SAMPLE_KEY.format(encoded.content_hash), encoded.png)


def _put(key: str, data: bytes) -> None:
    if default_storage.exists(key):
        if default_storage.size(key) == len(data):
            return
        default_storage.delete(key)
    default_storage.save(key, ContentFile(data))


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

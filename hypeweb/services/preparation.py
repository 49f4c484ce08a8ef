"""From entries to stored images, ahead of the reader, on as many cores as there are."""

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import chain, islice
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from hypeweb.models.samples import SAMPLE_KEY
from hypeweb.services import processing
from hypeweb.services.entries import Entry
from hypeweb.services.errors import DomainError
from hypeweb.services.images import Encoded
from hypeweb.services.processing import Kept, LocalStore, Skipped

N_CORES = os.cpu_count() or 1
# A bucket answers late: while some wait for it, others decode.
N_THREADS = 4 * N_CORES
# So many are prepared before it is worth the half second that processes take to start.
FEW_IMAGES = 250
BATCH_IMAGES = 32
BATCH_BYTES = 2**20
MAX_BYTES_AHEAD = 64 * 2**20
POOL_DIED = (
    "A process that decodes images died, most likely for want of memory. Make the "
    "images smaller or give the worker more, and try again."
)


def prepare(entries: Iterable[Entry], *, size: int | None) -> Iterator[Kept | Skipped]:
    """Yield what each entry came to, in order; few are in memory at a time."""
    coming = iter(entries)
    local = _local_store()
    first = list(islice(coming, 1))
    is_remote = local is None or any(callable(entry.source) for entry in first)
    process = partial(processing.process, size=size, store=local or _store_remotely)
    if is_remote:
        with ThreadPoolExecutor(N_THREADS, thread_name_prefix="prepare") as pool:
            yield from _in_pool(pool, process, chain(first, coming))
        return
    for batch, _ in _batches(islice(chain(first, coming), FEW_IMAGES)):
        yield from process(batch)
    first = list(islice(coming, 1))
    if first:
        with _processes() as pool:
            yield from _in_pool(pool, process, chain(first, coming))


def store_png(key: str, png: bytes) -> None:
    """Store bytes under a key made of their hash, over a half-written file too."""
    try:
        path = Path(default_storage.path(key))
    except NotImplementedError:  # a bucket
        _put(key, png)
    else:
        processing.write_once(path, png)


def _processes() -> ProcessPoolExecutor:
    # Not forked: the worker has threads and open connections.
    return ProcessPoolExecutor(
        N_CORES,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=processing.die_with_parent,
    )


def _in_pool(
    pool: Executor,
    process: "partial[list[Kept | Skipped]]",
    entries: Iterable[Entry],
) -> Iterator[Kept | Skipped]:
    """Yield what a pool makes of entries, in order, with a bounded number ahead."""
    waiting: deque[tuple[Future[list[Kept | Skipped]], int]] = deque()
    n_bytes = 0
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
    except BrokenProcessPool as error:
        raise DomainError(POOL_DIED) from error
    finally:
        pool.shutdown(cancel_futures=True)


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

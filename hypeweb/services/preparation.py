"""From entries to stored images, ahead of the reader, on as many cores as there are.

Threads fetch entries and put images into a bucket. Decoding and packing happen in
processes: each keeps its memory, and none waits for another's lock.
"""

import json
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from queue import LifoQueue
from subprocess import Popen
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from hypeweb.models.samples import SAMPLE_KEY
from hypeweb.sandbox.spawning import pipe, spawned
from hypeweb.services import processing
from hypeweb.services.entries import Entry
from hypeweb.services.errors import DomainError
from hypeweb.services.images import Source
from hypeweb.services.processing import Kept, LocalStore, Skipped

N_CORES = os.cpu_count() or 1
# A bucket answers late: while some wait for it, others decode.
N_THREADS = 4 * N_CORES
# So many are prepared before it is worth what processes take to start.
FEW_IMAGES = 64
BATCH_IMAGES = 128
BATCH_BYTES = 2**20
MAX_BYTES_AHEAD = 64 * 2**20
DIED = (
    "A process that decodes images died, most likely for want of memory. Make the "
    "images smaller or give the worker more, and try again."
)
# An image's memory serves the next: given back and fetched anew it costs a third more.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**26),
}

Outcomes = list[Kept | Skipped]
Process = Callable[[Sequence[Entry]], Outcomes]


def prepare(entries: Iterable[Entry], *, size: int | None) -> Iterator[Kept | Skipped]:
    """Yield what each entry came to, in order; few are in memory at a time."""
    store = _local_store() or _store_remotely
    process_here = partial(processing.process, size=size, store=store)
    waiting: deque[tuple[Future[Outcomes], int]] = deque()
    n_bytes = n_seen = 0
    with (
        _processes(size) as process,
        ThreadPoolExecutor(N_THREADS, thread_name_prefix="prepare") as pool,
    ):
        try:
            for batch, weight in _batches(entries):
                while waiting and (
                    len(waiting) > 2 * N_THREADS or n_bytes + weight > MAX_BYTES_AHEAD
                ):
                    future, freed = waiting.popleft()
                    n_bytes -= freed
                    yield from future.result()
                n_seen += len(batch)
                run = process_here if n_seen <= FEW_IMAGES else process
                waiting.append((pool.submit(run, batch), weight))
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


@contextmanager
def _processes(size: int | None) -> Iterator[Process]:
    """Lend what prepares a batch in a process, each started when first needed."""
    store = _local_store()
    free: LifoQueue[Popen[bytes] | None] = LifoQueue()
    for _ in range(N_CORES):
        free.put(None)
    with ExitStack() as started:

        def process(batch: Sequence[Entry]) -> Outcomes:
            request = ([entry.fetched() for entry in batch], size, store)
            child = free.get()
            try:
                child = child or started.enter_context(
                    spawned(
                        "hypeweb.services.processing",
                        str(settings.MAX_IMAGE_PIXELS),
                        env=KEEP_MEMORY,
                        stderr=None,
                    )
                )
                pickle.dump(request, pipe(child.stdin))
                pipe(child.stdin).flush()
                outcomes, pngs = _reply(pipe(child.stdout), has_pngs=store is None)
            except (OSError, EOFError) as error:
                raise DomainError(DIED) from error
            finally:
                free.put(child)
            for digest, png in pngs:
                _store_remotely(digest, png)
            return outcomes

        yield process


def _reply(
    replies: IO[bytes], *, has_pngs: bool
) -> tuple[Outcomes, list[tuple[str, bytes]]]:
    """Return what a process made of a batch, with the images that it did not store."""
    line = replies.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    outcomes: Outcomes = []
    pngs = []
    for fields in json.loads(line):
        if "reason" in fields:
            outcomes.append(Skipped(**fields))
            continue
        kept = Kept(**{**fields, "source": Source(**fields["source"])})
        outcomes.append(kept)
        if has_pngs:
            pngs.append((kept.content_hash, replies.read(kept.size_bytes)))
    return outcomes, pngs


def _local_store() -> LocalStore | None:
    """Return where images are stored as files; None where they go to a bucket."""
    try:
        return LocalStore(Path(default_storage.path("")), SAMPLE_KEY)
    except NotImplementedError:
        return None


def _store_remotely(content_hash: str, png: bytes) -> None:
    _put(SAMPLE_KEY.format(content_hash), png)


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

"""One batch of entries to stored images; as a program, for a worker that asks for it.

That process knows of the site only where images are stored. What it is asked comes as
pickles from the worker, which it trusts; it answers in JSON and bytes, for the worker
need not trust what has decoded strangers' files.
"""

import json
import os
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from PIL import Image

from hypeweb.services import images, tokens
from hypeweb.services.entries import Entry
from hypeweb.services.images import Encoded, Source, UnusableImageError

# Images are decoded until there are so many pixels, then packed, then stored: a step
# for several finds its code and tables in the processor's cache.
FEW_PIXELS = 2**16


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


@dataclass(frozen=True)
class _Read:
    """One usable image, decoded."""

    name: str
    image: Image.Image
    source: Source

    @property
    def n_pixels(self) -> int:
        return self.image.width * self.image.height


@dataclass(frozen=True)
class LocalStore:
    """A folder, and how files in it are named after their hash."""

    root: Path
    key: str

    def __call__(self, content_hash: str, png: bytes) -> None:
        write_once(self.root / self.key.format(content_hash), png)


Store = Callable[[str, bytes], None]


def main() -> None:
    """Process batches until there are none, or nobody is left who asked for them."""
    settings.configure(MAX_IMAGE_PIXELS=int(sys.argv[1]))
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    with suppress(EOFError, BrokenPipeError):
        while True:
            entries, size, store = pickle.load(requests)  # noqa: S301 - our own worker's
            pngs: list[bytes] = []
            outcomes = process(
                entries,
                size=size,
                store=store or (lambda _, png, pngs=pngs: pngs.append(png)),
            )
            replies.write(json.dumps(outcomes, default=vars).encode() + b"\n")
            replies.writelines(pngs)
            replies.flush()


def process(
    entries: Iterable[Entry], *, size: int | None, store: Store
) -> list[Kept | Skipped]:
    """Return what each entry came to, its image stored."""
    outcomes: list[Kept | Skipped] = []
    for few in _few(_read(entry) for entry in entries):
        usable = [read.image for read in few if isinstance(read, _Read)]
        encoded = iter(images.encode_all(usable, size=size))
        outcomes += [
            read if isinstance(read, Skipped) else _keep(read, next(encoded), store)
            for read in few
        ]
    return outcomes


def write_once(path: Path, data: bytes) -> None:
    """Write a file named after its content, over a half-written one too."""
    try:
        _write_new(path, data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_once(path, data)
    except FileExistsError:
        if path.stat().st_size != len(data):
            part = path.with_name(f"{path.name}.{tokens.make()}")
            _write_new(part, data)
            part.replace(path)


def storable(text: str) -> str:
    """Return a file's name as every database takes it."""
    valid = text.encode("utf-8", "replace").decode()
    return valid.replace("\0", "\N{REPLACEMENT CHARACTER}")[:255]


def _few(
    found: Iterable[_Read | Skipped],
) -> Iterator[list[_Read | Skipped]]:
    """Yield images by the few, in order: some small ones, or one that is large."""
    few: list[_Read | Skipped] = []
    n_pixels = 0
    for read in found:
        few.append(read)
        n_pixels += read.n_pixels if isinstance(read, _Read) else 0
        if n_pixels >= FEW_PIXELS:
            yield few
            few, n_pixels = [], 0
    yield few


def _read(entry: Entry) -> _Read | Skipped:
    try:
        return _Read(entry.name, *entry.read())
    except UnusableImageError as error:
        return Skipped(
            storable(entry.name), storable(error.reason), storable(error.detail)
        )


def _keep(read: _Read, encoded: Encoded, store: Store) -> Kept:
    store(encoded.content_hash, encoded.png)
    return Kept(
        name=storable(read.name),
        content_hash=encoded.content_hash,
        size_bytes=len(encoded.png),
        width=encoded.width,
        height=encoded.height,
        source=read.source,
    )


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist, in as few calls as there can be."""
    with path.open("xb", buffering=0) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]


if __name__ == "__main__":
    main()

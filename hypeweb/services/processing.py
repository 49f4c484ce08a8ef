"""One batch of entries to stored images; runs in threads that touch no database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypeweb.services import images, tokens
from hypeweb.services.entries import Entry
from hypeweb.services.images import Encoded, Source, UnusableImageError


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
class LocalStore:
    """A folder, and how files in it are named after their hash."""

    root: Path
    key: str

    def __call__(self, encoded: Encoded) -> None:
        write_once(self.root / self.key.format(encoded.content_hash), encoded.png)


def process(
    entries: Sequence[Entry], *, size: int | None, store: Callable[[Encoded], None]
) -> list[Kept | Skipped]:
    """Return what each entry came to, its image stored."""
    return [_process(entry, size, store) for entry in entries]


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


def _process(
    entry: Entry, size: int | None, store: Callable[[Encoded], None]
) -> Kept | Skipped:
    try:
        image, source = entry.read()
        encoded = images.encode(image, size=size)
    except UnusableImageError as error:
        return Skipped(
            storable(entry.name), storable(error.reason), storable(error.detail)
        )
    store(encoded)
    return Kept(
        name=storable(entry.name),
        content_hash=encoded.content_hash,
        size_bytes=len(encoded.png),
        width=encoded.width,
        height=encoded.height,
        source=source,
    )


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist, in as few calls as there can be."""
    with path.open("xb", buffering=0) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]

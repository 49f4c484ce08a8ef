"""What is inside a source of images: counted, named, read when asked for."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from PIL import Image

from hypeweb.services import images
from hypeweb.services.images import Source, UnusableImageError

if TYPE_CHECKING:  # decoding processes read entries and know no models
    from hypeweb.services.manifests import Manifest

# Deflate packs at most about 1,030 to 1, and no honest image file is larger.
MAX_FILE_BYTES = 256 * 2**20
# What an entry that is fetched when read is taken to weigh.
_USUAL_BYTES = 2**20


@dataclass(frozen=True)
class Entry:
    """One file, or one image of an array or table.

    Its source is what is known of it so far: its bytes, where to get them, its pixels,
    or None where it cannot be read.
    """

    name: str
    source: bytes | Path | Callable[[], bytes | None] | Image.Image | None
    is_image: bool = False  # whatever its name ends in
    sha256: str = ""  # of its bytes, where a manifest promises them

    @property
    def n_bytes(self) -> int:
        """Return about how much memory it takes until it is read."""
        if isinstance(self.source, bytes):
            return len(self.source)
        if isinstance(self.source, Image.Image):
            return 3 * self.source.width * self.source.height
        return _USUAL_BYTES

    def fetched(self) -> "Entry":
        """Return the entry as another process can read it."""
        return replace(self, source=self.source()) if callable(self.source) else self

    def read(self) -> tuple[Image.Image, Source]:
        """Return the decoded image and its origin, or raise UnusableImageError."""
        if isinstance(self.source, Image.Image):
            width, height = self.source.size
            return self.source, Source(3 * width * height, width, height, "array")
        suffix = PurePosixPath(self.name).suffix.lower()
        if not self.is_image and suffix not in images.SUFFIXES:
            raise UnusableImageError("is not an image file")
        data = self._data()
        if data is None:
            raise UnusableImageError("is encrypted, damaged, or over 256 MiB unpacked")
        if self.sha256 and hashlib.sha256(data).hexdigest() != self.sha256:
            raise UnusableImageError("is not the image that the manifest promises")
        return images.read(data)

    def _data(self) -> bytes | None:
        if isinstance(self.source, Path):
            try:
                with self.source.open("rb") as file:
                    return bounded(file.read(MAX_FILE_BYTES + 1))
            except OSError:
                return None
        if callable(self.source):
            return self.source()
        assert not isinstance(self.source, Image.Image)  # noqa: S101 - read above
        return self.source


@dataclass(frozen=True)
class Archive:
    """A counted source of entries, in the order of their names."""

    n_entries: int
    entries: Iterator[Entry]
    manifest: "Manifest | None" = None


def hidden(name: str) -> bool:
    """Say whether a name is a file system's own litter, like __MACOSX/._a.png."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def bounded(data: bytes) -> bytes | None:
    """Return a file's bytes, or None where there are more than any image has."""
    return data if len(data) <= MAX_FILE_BYTES else None

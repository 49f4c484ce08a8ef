"""Reading images out of what a researcher brings: folder, zip, tar, npz, S3 prefix."""

import lzma
import shutil
import tarfile
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

import numpy as np
from django.conf import settings
from django.core.files.storage import default_storage
from PIL import Image

from hypeweb.services import images
from hypeweb.services.errors import DomainError
from hypeweb.services.images import Source, UnusableImageError

KINDS = "a folder, a .zip, .tar, .tar.gz, .npz or .npy file, or an s3:// prefix"
# Deflate packs at most about 1,030 to 1, and no honest image file is larger.
MAX_FILE_BYTES = 256 * 2**20
# What the readers of archives raise on damaged or unknown content.
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    OSError,
    EOFError,
)


@dataclass(frozen=True)
class Entry:
    """One file of an archive, read when asked for."""

    name: str
    source: bytes | Path | Image.Image | None

    def read(self) -> tuple[Image.Image, Source]:
        """Return the decoded image and its origin, or raise UnusableImageError."""
        if isinstance(self.source, Image.Image):
            width, height = self.source.size
            n_bytes = len(self.source.tobytes())
            return self.source, Source(n_bytes, width, height, "array")
        if PurePosixPath(self.name).suffix.lower() not in images.SUFFIXES:
            raise UnusableImageError("is not an image file")
        if self.source is None:
            raise UnusableImageError("is encrypted, damaged, or over 256 MiB unpacked")
        data = (
            self.source.read_bytes() if isinstance(self.source, Path) else self.source
        )
        return images.decode(data), images.source_of(data)


@dataclass(frozen=True)
class Archive:
    """A counted source of entries, in the order of their names."""

    n_entries: int
    entries: Iterator[Entry]


def open_archive(source: str) -> Archive:
    """Return the entries of a folder, archive, array file or S3 prefix."""
    if source.startswith("s3://"):
        return _s3(source)
    path = Path(source)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise DomainError(f"Nothing is at {source}; give {KINDS}.")
    try:
        if zipfile.is_zipfile(path) and path.suffix != ".npz":
            return _zip(path)
        if path.suffix in {".npz", ".npy"}:
            return _arrays(path)
        if tarfile.is_tarfile(path):
            return _tar(path)
    except DAMAGED as error:
        raise DomainError(
            f"{path.name} cannot be read ({error}); pack it again and retry."
        ) from error
    raise DomainError(f"{path.name} is none of the kinds taken: {KINDS}.")


def _hidden(name: str) -> bool:
    """Say whether a name is a file system's own litter, like __MACOSX/._a.png."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _folder(path: Path) -> Archive:
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not _hidden(file.relative_to(path).as_posix())
    )
    return Archive(
        len(files),
        (Entry(file.relative_to(path).as_posix(), file) for file in files),
    )


def _zip(path: Path) -> Archive:
    archive = zipfile.ZipFile(path)
    members = sorted(
        (
            info
            for info in archive.infolist()
            if not info.is_dir() and not _hidden(info.filename)
        ),
        key=lambda info: info.filename,
    )

    def read() -> Iterator[Entry]:
        with archive:
            for info in members:
                if info.flag_bits & 1:  # encrypted
                    yield Entry(info.filename, None)
                    continue
                try:
                    with archive.open(info) as file:
                        data = file.read(MAX_FILE_BYTES + 1)
                except DAMAGED:
                    yield Entry(info.filename, None)
                else:
                    yield Entry(info.filename, _bounded(data))

    return Archive(len(members), read())


def _tar(path: Path) -> Archive:
    with tarfile.open(path) as archive:
        n_members = sum(
            1 for info in archive if info.isfile() and not _hidden(info.name)
        )

    def read() -> Iterator[Entry]:
        with tarfile.open(path) as archive:
            for info in archive:
                if not info.isfile() or _hidden(info.name):
                    continue
                try:
                    file = archive.extractfile(info)
                    data = file.read(MAX_FILE_BYTES + 1) if file else b""
                except DAMAGED:
                    yield Entry(info.name, None)
                else:
                    yield Entry(info.name, _bounded(data))

    return Archive(n_members, read())


def _bounded(data: bytes) -> bytes | None:
    return data if len(data) <= MAX_FILE_BYTES else None


def _arrays(path: Path) -> Archive:
    with _array_file(path) as file:
        shape, fortran_order, dtype = _array_header(path, file)
        n_images, height, width, n_channels = (*shape, 0, 0, 0, 0)[:4]
        is_images = (len(shape), n_channels, dtype) == (4, 3, np.dtype(np.uint8))
        if not is_images or fortran_order or not n_images * height * width:
            raise DomainError(
                f"{path.name} must hold an array of shape (N, H, W, 3) and type uint8, "
                f"not empty and in C order; got {shape} of {dtype}."
            )

    def read() -> Iterator[Entry]:
        with _array_file(path) as file:
            _array_header(path, file)
            n_bytes = height * width * n_channels
            for number in range(n_images):
                data = _exactly(file, n_bytes)
                if data is None:
                    yield Entry(f"{number:06d}.png", None)
                    return
                pixels = np.frombuffer(data, np.uint8).reshape(height, width, 3)
                yield Entry(f"{number:06d}", Image.fromarray(pixels))

    return Archive(n_images, read())


@contextmanager
def _array_file(path: Path) -> Iterator[IO[bytes]]:
    """Open the one array of an .npy file, or the first of an .npz, as a stream."""
    if path.suffix == ".npy":
        with path.open("rb") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        if not names:
            raise DomainError(f"{path.name} holds no array; save it with numpy.savez.")
        with archive.open(names[0]) as file:
            yield file


def _array_header(
    path: Path, file: IO[bytes]
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        return readers[np.lib.format.read_magic(file)](file)
    except (ValueError, KeyError, SyntaxError, tokenize.TokenError) as error:
        raise DomainError(
            f"{path.name} holds no plain array ({error}); save it with numpy.savez."
        ) from error


def _exactly(file: IO[bytes], n_bytes: int) -> bytes | None:
    """Return that many bytes, or None where the file ends before or is damaged."""
    if n_bytes > MAX_FILE_BYTES:
        return None
    try:
        data = file.read(n_bytes)
    except DAMAGED:
        return None
    return data if len(data) == n_bytes else None


def _s3(source: str) -> Archive:
    import boto3  # noqa: PLC0415 - only this source needs it, and it loads slowly
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    url = urlsplit(source)
    storage: Any = settings.STORAGES["default"]
    options = storage.get("OPTIONS", {})
    client = boto3.client(
        "s3",
        endpoint_url=options.get("endpoint_url"),
        region_name=options.get("region_name"),
    )
    prefix = url.path.lstrip("/")
    try:
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=url.netloc, Prefix=prefix
        )
        keys = sorted(
            item["Key"]
            for page in pages
            for item in page.get("Contents", [])
            if not item["Key"].endswith("/") and not _hidden(item["Key"])
        )
    except (BotoCoreError, ClientError) as error:
        raise DomainError(f"{source} cannot be listed: {error}") from error

    def read() -> Iterator[Entry]:
        for key in keys:
            body = client.get_object(Bucket=url.netloc, Key=key)["Body"]
            yield Entry(
                key.removeprefix(prefix).lstrip("/"),
                _bounded(body.read(MAX_FILE_BYTES + 1)),
            )

    return Archive(len(keys), read())


@contextmanager
def local_copy(key: str) -> Iterator[Path]:
    """Lend a stored archive as a local file."""
    with (
        tempfile.TemporaryDirectory() as folder,
        default_storage.open(key) as stored,
    ):
        path = Path(folder) / PurePosixPath(key).name
        with path.open("wb") as file:
            shutil.copyfileobj(stored, file)
        yield path

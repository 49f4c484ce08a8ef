"""Opening what a researcher brings: folder, zip, tar, npz, parquet, S3 prefix."""

import lzma
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from hypeweb.services import buckets, manifests, parquet_files
from hypeweb.services.entries import (
    MAX_FILE_BYTES,
    Archive,
    Entry,
    bounded,
    hidden,
)
from hypeweb.services.errors import DomainError
from hypeweb.services.manifests import Manifest

KINDS = (
    "a folder, a .zip, .tar, .tar.gz, .npz, .npy or .parquet file, or an s3:// prefix"
)
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


def open_archive(source: str) -> Archive:
    """Return the entries of a folder, archive, array, table or S3 prefix."""
    if source.startswith("s3://"):
        return buckets.open_prefix(source)
    path = Path(source)
    tables = parquet_files.tables_at(path)
    if tables:
        return parquet_files.open_tables(tables)
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
    if path.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz")):
        raise DomainError(
            f"{path.name} is cut short or damaged, or not what its name says; pack it "
            "again and retry."
        )
    raise DomainError(f"{path.name} is none of the kinds taken: {KINDS}.")


def _folder(path: Path) -> Archive:
    root = path.resolve()
    files = sorted(
        file
        for file in root.rglob("*")
        if file.is_file()
        and not hidden(file.relative_to(root).as_posix())
        # A link may not lead out of the folder that was named.
        and (not file.is_symlink() or file.resolve().is_relative_to(root))
    )
    return Archive(
        len(files),
        (Entry(file.relative_to(root).as_posix(), file) for file in files),
    )


def _zip(path: Path) -> Archive:
    archive = zipfile.ZipFile(path)
    members = sorted(
        (
            info
            for info in archive.infolist()
            if not info.is_dir() and not hidden(info.filename)
        ),
        key=lambda info: info.filename,
    )
    manifest = None
    if manifests.NAME in archive.NameToInfo:
        manifest = manifests.read(archive.read(manifests.NAME))
    if manifest is not None:
        members = [info for info in members if info.filename != manifests.NAME]

    def read() -> Iterator[Entry]:
        with archive:
            for info in members:
                yield _zip_entry(archive, info, manifest)

    return Archive(len(members), read(), manifest)


def _zip_entry(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, manifest: Manifest | None
) -> Entry:
    listed = manifest.images.get(info.filename) if manifest else None
    try:
        with archive.open(info) as file:
            data = bounded(file.read(MAX_FILE_BYTES + 1))
    except (*DAMAGED, RuntimeError):  # the latter where it is encrypted
        data = None
    if listed is None:
        return Entry(info.filename, data)
    return Entry(listed.name, data, is_image=True, sha256=listed.sha256)


def _tar(path: Path) -> Archive:
    with tarfile.open(path) as archive:
        n_members = sum(
            1 for info in archive if info.isfile() and not hidden(info.name)
        )

    def read() -> Iterator[Entry]:
        with tarfile.open(path) as archive:
            for info in archive:
                if not info.isfile() or hidden(info.name):
                    continue
                try:
                    file = archive.extractfile(info)
                    data = file.read(MAX_FILE_BYTES + 1) if file else b""
                except DAMAGED:
                    yield Entry(info.name, None)
                else:
                    yield Entry(info.name, bounded(data))

    return Archive(n_members, read())


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

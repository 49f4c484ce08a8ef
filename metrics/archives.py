"""Read the files of zip and tar archives without unpacking them to disk."""

import bz2
import gzip
import lzma
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from metrics.decoding import MAX_FILE_BYTES
from metrics.errors import BrokenImageError, MetricsError

MAX_TAR_BYTES = 256 * 1024**3
_BOMB_RATIO = 200
_BOMB_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 1 << 20


class ArchiveFile(Protocol):
    """One file of an archive."""

    @property
    def name(self) -> str:
        """Return the path inside the archive."""
        ...

    def read_bytes(self) -> bytes:
        """Return the unpacked file."""
        ...


@dataclass(frozen=True)
class _ZipFile:
    archive: zipfile.ZipFile
    entry: zipfile.ZipInfo

    @property
    def name(self) -> str:
        return self.entry.filename

    def read_bytes(self) -> bytes:
        check_unpacked_size(
            f"{self.archive.filename}/{self.name}",
            packed=self.entry.compress_size,
            unpacked=self.entry.file_size,
        )
        try:
            with self.archive.open(self.entry) as file:
                return file.read(self.entry.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError):
            raise BrokenImageError(
                f"{self.archive.filename}/{self.name} is damaged inside the archive; "
                "pack it again"
            ) from None
        except (RuntimeError, NotImplementedError):
            raise BrokenImageError(
                f"{self.archive.filename}/{self.name} is encrypted or packed in an "
                "unknown way; pack it again as a plain zip"
            ) from None


class _Stream:
    """An open file that is closed with the last file read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self._lock = threading.Lock()

    def read(self, offset: int, size: int) -> bytes:
        with self._lock:
            self.file.seek(offset)
            return self.file.read(size)

    def __del__(self) -> None:
        self.file.close()


@dataclass(frozen=True)
class _TarFile:
    stream: _Stream
    archive_name: str
    name: str
    offset: int
    size: int

    def read_bytes(self) -> bytes:
        full_name = f"{self.archive_name}/{self.name}"
        check_unpacked_size(full_name, packed=self.size, unpacked=self.size)
        data = self.stream.read(self.offset, self.size)
        if len(data) < self.size:
            raise BrokenImageError(
                f"{full_name} is cut off inside the archive; pack it again"
            )
        return data


def check_unpacked_size(name: str, *, packed: int, unpacked: int) -> None:
    """Refuse a file whose unpacked size points to a decompression bomb.

    Parameters
    ----------
    name : str
        How the error names the file.
    packed, unpacked : int
        Sizes in bytes as the archive declares them; the reader stops there.

    Raises
    ------
    BrokenImageError
        If the unpacked file is larger than any image accepted, or larger than 64 MiB
        and 200 times its packed size.
    """
    bomb = unpacked > _BOMB_BYTES and unpacked > _BOMB_RATIO * max(packed, 1)
    if unpacked > MAX_FILE_BYTES or bomb:
        raise BrokenImageError(
            f"{name} would unpack from {packed:,} to {unpacked:,} bytes, which is no "
            "sensible image; remove it from the archive"
        )


def open_zip(path: Path) -> Sequence[ArchiveFile]:
    """Return the files of a zip archive.

    Parameters
    ----------
    path : Path
        The archive; it stays open as long as a returned file lives.

    Returns
    -------
    sequence of ArchiveFile
        Every file, folders left out, in the archive's order.

    Raises
    ------
    MetricsError
        If it is not a zip archive.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise MetricsError(f"{path} is not a readable zip; pack it again") from None
    return [
        _ZipFile(archive, entry) for entry in archive.infolist() if not entry.is_dir()
    ]


def open_tar(path: Path) -> Sequence[ArchiveFile]:
    """Return the files of a tar archive, compressed or not.

    Parameters
    ----------
    path : Path
        The archive. A compressed one is unpacked once to a temporary file, because
        it can only be read from start to end.

    Returns
    -------
    sequence of ArchiveFile
        Every regular file, in the archive's order.

    Raises
    ------
    MetricsError
        If it is not a tar archive or unpacks to more than `MAX_TAR_BYTES`.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            members = archive.getmembers()
        stream = _Stream(path.open("rb"))
    except (tarfile.TarError, OSError):
        stream = _decompressed(path)
        try:
            with tarfile.open(fileobj=stream.file, mode="r:") as archive:
                members = archive.getmembers()
        except tarfile.TarError:
            raise MetricsError(f"{path} is not a readable tar; pack it again") from None
    return [
        _TarFile(stream, str(path), member.name, member.offset_data, member.size)
        for member in members
        if member.isreg()
    ]


def _decompressed(path: Path) -> _Stream:
    """Return a temporary file with the unpacked tar stream."""
    stream = _Stream(tempfile.TemporaryFile())  # noqa: SIM115 - closed by the stream
    try:
        with _open_compressed(path) as packed:
            while chunk := packed.read(_CHUNK_BYTES):
                stream.file.write(chunk)
                if stream.file.tell() > MAX_TAR_BYTES:
                    raise MetricsError(
                        f"{path} unpacks to more than {MAX_TAR_BYTES >> 30} GiB; "
                        "split it"
                    )
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        raise MetricsError(f"{path} is not a readable tar; pack it again") from None
    stream.file.seek(0)
    return stream


def _open_compressed(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        magic = file.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if magic.startswith(b"BZh"):
        return bz2.open(path, "rb")
    if magic.startswith(b"\xfd7zXZ"):
        return lzma.open(path, "rb")
    raise OSError("not compressed")

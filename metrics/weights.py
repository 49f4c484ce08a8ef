"""Find the published weights of a network: given, cached, or downloaded and checked."""

import contextlib
import fcntl
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from metrics.errors import MetricsError

FOLDER_VARIABLE = "HYPEWEB_WEIGHTS"

_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 30
_NETWORK_ERRORS = (urllib.error.URLError, OSError, http.client.HTTPException)
_RANGE_NOT_SATISFIABLE = 416


@dataclass(frozen=True)
class PublishedWeights:
    """One published file of weights.

    Attributes
    ----------
    file_name : str
        Its name, which carries the first eight digits of its SHA-256.
    url : str
        The publisher's address.
    sha256 : str
        The pinned hash, or its first digits where only those are published.
    other_names : tuple of str
        Names under which other libraries keep the same tensors.
    """

    file_name: str
    url: str
    sha256: str
    other_names: tuple[str, ...] = ()


PUBLISHED = {
    "inception-v3-fid": PublishedWeights(
        "pt_inception-2015-12-05-6726825d.pth",
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
        "pt_inception-2015-12-05-6726825d.pth",
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        ("weights-inception-2015-12-05-6726825d.pth",),
    ),
    "inception-v3-imagenet": PublishedWeights(
        "inception_v3_google-0cc3c7bd.pth",
        "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",
        "0cc3c7bd",
    ),
    "vgg16-fc2": PublishedWeights(
        "vgg16-397923af.pth",
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    ),
}


@dataclass(frozen=True)
class WeightsFile:
    """Weights found on disk.

    Attributes
    ----------
    path : Path
        The file.
    sha256 : str
        The hash of its bytes, 64 hexadecimal digits.
    is_published : bool
        Whether that is the pinned hash.
    """

    path: Path
    sha256: str
    is_published: bool


def weights_folders() -> tuple[Path, ...]:
    """Return where weights are looked for; downloads go to the first.

    Returns
    -------
    tuple of Path
        The folder of ``HYPEWEB_WEIGHTS`` (else ``~/.cache/hypeweb/weights``), then
        the checkpoints of torch's hub, where other libraries leave the same files.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    own = Path(os.environ.get(FOLDER_VARIABLE) or cache / "hypeweb" / "weights")
    hub = Path(os.environ.get("TORCH_HOME") or cache / "torch").expanduser()
    return (own.expanduser(), hub / "hub" / "checkpoints")


def find_weights(extractor: str, given: Path | None = None) -> WeightsFile:
    """Return the weights of an extractor, from disk or from its publisher.

    Parameters
    ----------
    extractor : str
        A key of `PUBLISHED`.
    given : Path or None
        The caller's file; any weights of the right layout are taken, and said to be
        other than the published ones where their hash differs.

    Returns
    -------
    WeightsFile
        The given file, else a cached one, else a fresh download.

    Raises
    ------
    MetricsError
        If the given file does not exist, a cached one is damaged, or the download
        fails; the message names file, address and folder.
    """
    published = PUBLISHED[extractor]
    if given is not None:
        if not given.is_file():
            raise MetricsError(f"the weights file {given} does not exist")
        return _examined(given, published)
    cached = cached_weights(published)
    if cached is None:
        cached = download(published, weights_folders()[0])
    return cached


def cached_weights(published: PublishedWeights) -> WeightsFile | None:
    """Return the cached copy of published weights.

    Parameters
    ----------
    published : PublishedWeights
        Which weights.

    Returns
    -------
    WeightsFile or None
        None where no folder holds a copy.

    Raises
    ------
    MetricsError
        If a copy does not have the pinned hash.
    """
    for folder in weights_folders():
        for name in (published.file_name, *published.other_names):
            if (folder / name).is_file():
                found = _examined(folder / name, published)
                if not found.is_published:
                    raise MetricsError(
                        f"{found.path} must have sha256 {published.sha256}, got "
                        f"{found.sha256}: delete it, or name it with --weights"
                    )
                return found
    return None


def download(published: PublishedWeights, folder: Path) -> WeightsFile:
    """Return weights fetched from their publisher and checked.

    Parameters
    ----------
    published : PublishedWeights
        Which weights.
    folder : Path
        Where to keep them; a partial download stays beside and is continued.

    Returns
    -------
    WeightsFile
        The complete file, moved into place only once its hash is right.

    Raises
    ------
    MetricsError
        If the address cannot be reached, the connection is lost, or the complete file
        has another hash.

    Notes
    -----
    Processes that want the same weights take turns by a lock file beside them, which
    stays: to delete it would let two of them lock different files of that name.
    """
    target = folder / published.file_name
    partial = folder / f"{published.file_name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f"{published.file_name}.lock"):
            if target.is_file():  # another download finished while this one waited
                found = _examined(target, published)
                if found.is_published:
                    return found
            _fetch(published.url, partial)
            found = _examined(partial, published)
            if not found.is_published:
                partial.unlink(missing_ok=True)
                raise MetricsError(
                    f"{published.url} must have sha256 {published.sha256}, got "
                    f"{found.sha256}; the download was deleted, try again"
                )
            partial.replace(target)
    except _NETWORK_ERRORS as error:
        reason = getattr(error, "reason", None) or error
        raise MetricsError(
            f"the weights {published.file_name} are not in {folder} and could not be "
            f"downloaded from {published.url} ({reason}): put the file there or name "
            "it with --weights"
        ) from None
    return WeightsFile(target, found.sha256, is_published=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _examined(path: Path, published: PublishedWeights) -> WeightsFile:
    found = sha256_of(path)
    return WeightsFile(path, found, found.startswith(published.sha256))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # closing the file unlocks it
        yield


def _fetch(url: str, partial: Path) -> None:
    """Download to a file, continuing where an earlier try stopped."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url)  # noqa: S310 - a pinned https address
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and have:
            return  # nothing is missing; the hash decides
        raise
    with response:
        continues = response.status == http.client.PARTIAL_CONTENT
        announced = response.headers.get("Content-Length")
        received = 0
        with partial.open("ab" if continues else "wb") as file:
            for chunk in _chunks(response):
                file.write(chunk)
                received += len(chunk)
    # read(size) does not raise where the other side closes early
    if announced is not None and received < int(announced):
        raise ConnectionError(
            f"the connection was lost after {received:,} of {int(announced):,} bytes; "
            "the next try continues there"
        )


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read(_CHUNK_BYTES):
        yield chunk

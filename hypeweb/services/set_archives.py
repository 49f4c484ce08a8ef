"""A sample set as a zip with its manifest, made as it is sent."""

import zipfile
from collections.abc import Iterator

from hypeweb.models import Sample, SampleSet
from hypeweb.services import manifests, samples
from hypeweb.services.errors import ConflictError

BLOCK_ROWS = 500
# Always the same, so that the same set is the same zip.
_DATE = (1980, 1, 1, 0, 0, 0)


class _Sink:
    """A file that cannot be read or rewound, emptied by whoever sends it on."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: there is no file behind."""

    def close(self) -> None:
        """Do nothing, as above."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def stream_zip(sample_set: SampleSet) -> Iterator[bytes]:
    """Return a zip of a set's images and manifest, one image in memory at a time."""
    if not sample_set.is_ready:
        raise ConflictError(f"“{sample_set}” has no images yet; wait for its import.")
    return _zip(sample_set)


def _zip(sample_set: SampleSet) -> Iterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for sample in _in_order(sample_set):
            info = zipfile.ZipInfo(manifests.file_name(sample), _DATE)
            archive.writestr(info, samples.read_png(sample))
            yield sink.take()
        info = zipfile.ZipInfo(manifests.NAME, _DATE)
        info.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(info, "w") as file:
            for piece in manifests.write(sample_set, _in_order(sample_set)):
                file.write(piece)
        yield sink.take()
    yield sink.take()


def _in_order(sample_set: SampleSet) -> Iterator[Sample]:
    """Yield the samples by blocks of positions; no query stays open meanwhile."""
    for start in range(0, sample_set.n_samples, BLOCK_ROWS):
        yield from sample_set.samples.filter(
            position__gte=start, position__lt=start + BLOCK_ROWS
        )

"""Images to features: decode in parallel, run the network once, keep every layer."""

import contextlib
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metrics.decoding import DecodedImage
from metrics.errors import BrokenImageError, MetricsError
from metrics.extractors import Extractor
from metrics.images import DetailedSource, ImageSource, hash_of_pixels
from metrics.memory import is_out_of_memory

_BATCHES_AHEAD = 3
_BYTES_AHEAD = 512 << 20
_PIXELS_IMAGES = 1000
_PIXELS_BYTES = 64 << 20


@dataclass(frozen=True)
class ImageFacts:
    """What is known of one image beside its features.

    Attributes
    ----------
    name : str
        Its name for people.
    width, height : int
        Its size in pixels before any resize.
    encoding : str
        Its file format, or ``RAW``.
    conversions : tuple of str
        What decoding had to convert.
    is_gray : bool
        Whether red, green and blue are equal everywhere.
    pixel_hash : str
        SHA-256 of its pixels: equal for equal images in any file format.
    """

    name: str
    width: int
    height: int
    encoding: str
    conversions: tuple[str, ...]
    is_gray: bool
    pixel_hash: str


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """The features of one source, in its order.

    Attributes
    ----------
    layers : mapping of str to NDArray of float32, shape (n, d)
        Features by layer; the key ``logits`` where the network has them.
    facts : tuple of ImageFacts
        One per row.
    skipped : tuple of str
        Why images were left out, one sentence each.
    pixels : NDArray of uint8, shape (m, height, width, 3), or None
        The first images; None where they differ in size.
    rows : tuple of int or None
        For every row its number in the source; None where no image was left out.
    rounding_shift : mapping of str to float, or None
        By layer, how far bfloat16 moved the first images; None where it is not used.
    """

    layers: Mapping[str, NDArray[np.float32]]
    facts: tuple[ImageFacts, ...]
    skipped: tuple[str, ...] = ()
    pixels: NDArray[np.uint8] | None = None
    rows: tuple[int, ...] | None = None
    rounding_shift: Mapping[str, float] | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.facts)

    def source_rows(self) -> NDArray[np.intp]:
        """Return for every row its number in the source.

        Returns
        -------
        NDArray of int, shape (n,)
            Ascending.
        """
        return np.arange(len(self)) if self.rows is None else np.array(self.rows)


class KeptPixels:
    """The first images of a source, kept to compare pixels without reading again."""

    def __init__(self) -> None:
        self._images: list[NDArray[np.uint8]] = []
        self._fits = True

    def add(self, pixels: NDArray[np.uint8]) -> bool:
        """Keep one more image and return whether there is room for another.

        Parameters
        ----------
        pixels : NDArray of uint8, shape (height, width, 3)
            The next image of the source.

        Returns
        -------
        bool
            False once 1,000 images or 64 MiB are kept, or sizes differ.
        """
        if self._images and pixels.shape != self._images[0].shape:
            self._fits = False
        room = min(_PIXELS_IMAGES, max(_PIXELS_BYTES // pixels.nbytes, 1))
        if self._fits and len(self._images) < room:
            self._images.append(pixels)
        return self._fits and len(self._images) < room

    def result(self) -> NDArray[np.uint8]:
        """Return the images kept.

        Returns
        -------
        NDArray of uint8, shape (m, height, width, 3)
            In the source's order.

        Raises
        ------
        ValueError
            If they differ in size.
        """
        if not self._fits:
            raise ValueError("images must be of one size to be compared by pixels")
        return np.stack(self._images)

    def result_or_none(self) -> NDArray[np.uint8] | None:
        """Return the images kept, None where they differ in size.

        Returns
        -------
        NDArray of uint8, shape (m, height, width, 3), or None
            In the source's order.
        """
        return self.result() if self._fits else None


@dataclass(frozen=True)
class Reading:
    """How images are read and batched.

    Attributes
    ----------
    batch_size : int
        Images a step of the network; halved where memory runs out.
    workers : int
        Threads that decode.
    skip_broken : bool
        Leave out images that cannot be used instead of stopping.
    """

    batch_size: int = 32
    workers: int = 4
    skip_broken: bool = False


def extract_features(
    source: ImageSource,
    extractor: Extractor,
    layers: frozenset[str],
    *,
    reading: Reading,
    progress: Callable[[int, int], None] | None = None,
) -> FeatureSet:
    """Return the wanted layers of every image of a source, in one pass.

    Parameters
    ----------
    source : ImageSource
        The images.
    extractor : Extractor
        The network.
    layers : frozenset of str
        Layers to keep, ``logits`` among them if wanted.
    reading : Reading
        Batch size, threads, and what to do with broken images.
    progress : callable or None
        Called with (images done, images in all) after each batch.

    Returns
    -------
    FeatureSet
        Rows in the source's order; broken images left out if so asked.

    Raises
    ------
    MetricsError
        If an image is broken, features are not finite, or memory does not suffice
        for one image.
    """
    runner = _Runner(extractor, layers, reading.batch_size)
    rows: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    facts: list[ImageFacts] = []
    skipped: list[str] = []
    used: list[int] = []
    kept = KeptPixels()
    done = 0
    for batch in _decoded_batches(source, reading):
        good = [item for item in batch if isinstance(item, _Decoded)]
        used += [done + n for n, item in enumerate(batch) if isinstance(item, _Decoded)]
        skipped += [str(item) for item in batch if isinstance(item, BrokenImageError)]
        if good:
            for layer, values in runner.run([item.pixels for item in good]).items():
                _check_finite(values, extractor, good)
                rows[layer].append(values)
        for item in good:
            facts.append(item.facts)
            kept.add(item.pixels)
        done += len(batch)
        if progress is not None:
            progress(done, len(source))
    if not facts:
        raise MetricsError(f"{source.name} holds no usable image: {skipped[0]}")
    joined = {layer: np.concatenate(parts) for layer, parts in rows.items()}
    return FeatureSet(
        joined,
        tuple(facts),
        tuple(skipped),
        kept.result_or_none(),
        rows=tuple(used) if skipped else None,
    )


@dataclass(frozen=True, eq=False)
class _Decoded:
    pixels: NDArray[np.uint8]
    facts: ImageFacts


def _decode(source: ImageSource, index: int) -> _Decoded | BrokenImageError:
    try:
        if isinstance(source, DetailedSource):
            image, name = source.decode(index), source.image_name(index)
        else:
            name = f"{source.name}[{index}]"
            image = DecodedImage(source.read(index), "RAW")
    except BrokenImageError as error:
        return error
    pixels = image.pixels
    gray = np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(
        pixels[..., 0], pixels[..., 2]
    )
    facts = ImageFacts(
        name=name,
        width=pixels.shape[1],
        height=pixels.shape[0],
        encoding=image.encoding,
        conversions=image.conversions,
        is_gray=gray,
        pixel_hash=hash_of_pixels(pixels),
    )
    return _Decoded(pixels, facts)


def _decoded_batches(
    source: ImageSource, reading: Reading
) -> Iterator[list[_Decoded | BrokenImageError]]:
    """Yield decoded images in order, a few batches ahead of the network.

    Threads stop ahead of it at `_BYTES_AHEAD` too; each may add one image to that.
    """
    gate = _Gate()

    def decode(index: int) -> _Decoded | BrokenImageError:
        gate.wait_for_room(index)
        item = _decode(source, index)
        gate.put(_size_bytes(item))
        return item

    waiting: deque[Future[_Decoded | BrokenImageError]] = deque()
    ahead = reading.batch_size * _BATCHES_AHEAD
    with ThreadPoolExecutor(reading.workers) as pool:
        try:
            batch = []
            for index in range(len(source) + ahead):
                if index < len(source):
                    waiting.append(pool.submit(decode, index))
                if index < ahead or not waiting:
                    continue
                item = waiting.popleft().result()
                gate.take(_size_bytes(item))
                if isinstance(item, BrokenImageError) and not reading.skip_broken:
                    raise item
                batch.append(item)
                if len(batch) == reading.batch_size:
                    yield batch
                    batch = []
            if batch:
                yield batch
        finally:
            for future in waiting:
                future.cancel()
            gate.open()


def _size_bytes(item: _Decoded | BrokenImageError) -> int:
    return item.pixels.nbytes if isinstance(item, _Decoded) else 0


class _Gate:
    """Holds threads back while too many decoded bytes wait to be taken.

    The image that is taken next always passes, so that the first in line cannot wait
    for those behind it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held_bytes = 0
        self._next = 0
        self._is_open = False

    def wait_for_room(self, index: int) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._is_open
                    or index == self._next
                    or self._held_bytes < _BYTES_AHEAD
                )
            )

    def put(self, size_bytes: int) -> None:
        with self._changed:
            self._held_bytes += size_bytes

    def take(self, size_bytes: int) -> None:
        with self._changed:
            self._held_bytes -= size_bytes
            self._next += 1
            self._changed.notify_all()

    def open(self) -> None:
        with self._changed:
            self._is_open = True
            self._changed.notify_all()


class _Runner:
    """Runs batches and remembers how many images fit into memory."""

    def __init__(
        self, extractor: Extractor, layers: frozenset[str], batch_size: int
    ) -> None:
        self._extractor = extractor
        self._layers = layers
        self._batch_size = batch_size

    def run(
        self, images: Sequence[NDArray[np.uint8]]
    ) -> dict[str, NDArray[np.float32]]:
        """Return the layers of images, with ever smaller batches until they fit."""
        while True:
            try:
                parts = [
                    self._forward(images[start : start + self._batch_size])
                    for start in range(0, len(images), self._batch_size)
                ]
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._batch_size = min(self._batch_size, len(images)) // 2
                if self._batch_size == 0:
                    raise MetricsError(
                        f"{self._extractor.name} does not fit into the memory of "
                        f"{self._extractor.device} with one image; free some"
                    ) from None
        return {
            layer: np.concatenate([part[layer] for part in parts]) for layer in parts[0]
        }

    def _forward(
        self, images: Sequence[NDArray[np.uint8]]
    ) -> dict[str, NDArray[np.float32]]:
        with torch.inference_mode(), _full_float32():
            groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
            for position, image in enumerate(images):
                groups[image.shape].append(position)
            inputs = [
                self._extractor.prepare(self._tensor([images[i] for i in positions]))
                for positions in groups.values()
            ]
            if len({tuple(x.shape[1:]) for x in inputs}) == 1:
                inputs = [torch.cat(inputs)]
            outputs = [self._extractor.run(x, self._layers) for x in inputs]
            order = np.argsort(np.concatenate([*groups.values()]), kind="stable")
            return {
                layer: torch.cat([out[layer] for out in outputs]).cpu().numpy()[order]
                for layer in outputs[0]
            }

    def _tensor(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        stacked = torch.from_numpy(np.stack(images))
        if self._extractor.device.startswith("cuda"):
            stacked = stacked.pin_memory().to(self._extractor.device, non_blocking=True)
        return stacked.permute(0, 3, 1, 2)


@contextlib.contextmanager
def _full_float32() -> Iterator[None]:
    """Keep a GPU from rounding float32 to TF32, cuDNN's default for convolutions.

    The flags are set one by one, because `torch.backends.cudnn.flags` turns cuDNN
    off unless told otherwise.
    """
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (convolutions.allow_tf32, products.allow_tf32)
    convolutions.allow_tf32 = products.allow_tf32 = False
    try:
        yield
    finally:
        convolutions.allow_tf32, products.allow_tf32 = before


def _check_finite(
    values: NDArray[np.float32], extractor: Extractor, images: Sequence[_Decoded]
) -> None:
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        first = images[int(np.argmin(finite))].facts.name
        raise MetricsError(
            f"{extractor.name} gives features that are not finite for {first}; check "
            "the network and its normalisation"
        )

"""Image sources: folders, archives and arrays, read one image at a time.

A source gives images by number in an order that does not depend on the file system:
files by name (with the numbers in names compared as numbers), arrays by row.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from metrics.archives import ArchiveFile, open_tar, open_zip
from metrics.array_files import ARRAY_SUFFIXES, find_images, load_arrays
from metrics.decoding import MAX_FILE_BYTES, DecodedImage, decode_image
from metrics.errors import BrokenImageError, MetricsError

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"}
    | {".gif", ".jp2"}
)
_N_AXES = 4
_N_COLOURS = 3


class ImageSource(Protocol):
    """Images with one origin, read by number.

    Anything with these members can be evaluated; a storage of one's own need not
    write files. `read` may be called from several threads at once.
    """

    name: str

    def __len__(self) -> int:
        """Return the number of images."""
        ...

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return one image as RGB pixels of shape (height, width, 3)."""
        ...

    def content_hash(self) -> str:
        """Return a hash of the images that does not depend on their order.

        Equal hashes must mean equal images; unequal hashes may be the same pixels in
        other files. It names the cached features of the source.
        """
        ...


@runtime_checkable
class DetailedSource(Protocol):
    """What a source may offer beyond `ImageSource`; every source here does."""

    def decode(self, index: int) -> DecodedImage:
        """Return one image with its encoding and what had to be converted."""
        ...

    def image_hashes(self) -> Sequence[str]:
        """Return one content hash per image, in the source's order."""
        ...

    def image_name(self, index: int) -> str:
        """Return the name of one image for people."""
        ...


class ImageFile(Protocol):
    """One encoded image of a folder or archive."""

    @property
    def name(self) -> str:
        """Return the path inside the source."""
        ...

    def read_bytes(self) -> bytes:
        """Return the encoded image."""
        ...


def hash_of_set(image_hashes: Sequence[str]) -> str:
    """Return the order-independent hash of a set of images.

    Parameters
    ----------
    image_hashes : sequence of str
        One hash per image, in any order; duplicates count.

    Returns
    -------
    str
        SHA-256 of the sorted hashes, 64 hexadecimal digits.
    """
    return hashlib.sha256("\n".join(sorted(image_hashes)).encode()).hexdigest()


class FileSource:
    """The image files of a folder or an archive.

    Parameters
    ----------
    name : str
        What to call the source.
    files : sequence of ImageFile
        The images; sorted here by natural name order.
    """

    def __init__(self, name: str, files: Sequence[ImageFile]) -> None:
        self.name = name
        self._files = sorted(files, key=lambda file: natural_key(file.name))
        self._hashes: tuple[str, ...] | None = None

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._files)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return one image as RGB pixels of shape (height, width, 3)."""
        return self.decode(index).pixels

    def decode(self, index: int) -> DecodedImage:
        """Return one image with its encoding and what had to be converted."""
        name = self.image_name(index)
        return decode_image(self._read_bytes(index), name=name)

    def image_name(self, index: int) -> str:
        """Return the source's and the file's name."""
        return f"{self.name}/{self._files[index].name}"

    def image_hashes(self) -> tuple[str, ...]:
        """Return the SHA-256 of every file's bytes, in order; files are read once.

        A file that cannot be read has its complaint for a hash, no hexadecimal
        digits: whether to stop or to skip it is decided where images are decoded.
        """
        if self._hashes is None:
            self._hashes = tuple(self._hash_of(index) for index in range(len(self)))
        return self._hashes

    def content_hash(self) -> str:
        """Return the hash of the encoded files, whatever their names and order."""
        return hash_of_set(self.image_hashes())

    def _hash_of(self, index: int) -> str:
        try:
            return hashlib.sha256(self._read_bytes(index)).hexdigest()
        except BrokenImageError as error:
            return f"unreadable: {error}"

    def _read_bytes(self, index: int) -> bytes:
        try:
            return self._files[index].read_bytes()
        except OSError as error:
            reason = error.strerror or error
            message = f"{self.image_name(index)} cannot be read: {reason}"
            raise BrokenImageError(message) from None


class ArraySource:
    """Images that stand in one array.

    Parameters
    ----------
    name : str
        What to call the source.
    images : NDArray of uint8, shape (n, height, width, 3) or (n, height, width, 1)
        RGB or gray values from 0 to 255; may be memory-mapped.

    Raises
    ------
    MetricsError
        If dtype or shape differ from that.
    """

    def __init__(self, name: str, images: NDArray[np.uint8]) -> None:
        shape = tuple(images.shape)
        layout_fits = len(shape) == _N_AXES and shape[-1] in (1, _N_COLOURS)
        if images.dtype != np.uint8 or not layout_fits:
            raise MetricsError(
                f"{name} must hold uint8 images of shape (n, height, width, 3), got "
                f"{images.dtype} of shape {shape}: {_mend(images.dtype, shape)}"
            )
        if 0 in shape[1:]:
            raise MetricsError(f"{name} holds images without pixels: shape {shape}")
        self.name = name
        self._images = images
        self._hashes: tuple[str, ...] | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._images)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return one image as RGB pixels of shape (height, width, 3)."""
        image = np.asarray(self._images[index])
        if image.shape[-1] == 1:
            return np.repeat(image, _N_COLOURS, axis=-1)
        return image

    def decode(self, index: int) -> DecodedImage:
        """Return one image; nothing is converted."""
        return DecodedImage(self.read(index), "RAW")

    def image_name(self, index: int) -> str:
        """Return the source's name and the row."""
        return f"{self.name}[{index}]"

    def image_hashes(self) -> tuple[str, ...]:
        """Return the hash of every image's pixels, in order."""
        if self._hashes is None:
            self._hashes = tuple(
                hash_of_pixels(self.read(index)) for index in range(len(self))
            )
        return self._hashes

    def content_hash(self) -> str:
        """Return the hash of the images' pixels in any order."""
        return hash_of_set(self.image_hashes())


@dataclass(frozen=True)
class _FolderFile:
    folder: Path
    name: str

    def read_bytes(self) -> bytes:
        path = self.folder / self.name
        if path.stat().st_size > MAX_FILE_BYTES:
            limit = MAX_FILE_BYTES >> 20
            raise BrokenImageError(f"{path} is larger than {limit} MiB; remove it")
        return path.read_bytes()


def hash_of_pixels(pixels: NDArray[np.uint8]) -> str:
    """Return the hash of one image's shape and pixels.

    Parameters
    ----------
    pixels : NDArray of uint8, shape (height, width, 3)
        RGB values.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits: equal for the same pixels in any file format.
    """
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def image_hashes_of(source: ImageSource) -> Sequence[str]:
    """Return one hash per image, of its pixels where the source gives none.

    Parameters
    ----------
    source : ImageSource
        The images.

    Returns
    -------
    sequence of str
        In the source's order; empty for a broken image that the source does not hash.
    """
    if isinstance(source, DetailedSource):
        return source.image_hashes()
    return [_pixel_hash(source, index) for index in range(len(source))]


def _pixel_hash(source: ImageSource, index: int) -> str:
    try:
        return hash_of_pixels(source.read(index))
    except BrokenImageError:
        return ""  # left out or refused when features are taken; never kept


def natural_key(name: str) -> tuple[tuple[tuple[int, int | str], ...], str]:
    """Return a sort key that puts ``2.png`` before ``10.png``.

    Parameters
    ----------
    name : str
        A file name.

    Returns
    -------
    tuple
        The name's parts, numbers as numbers, then the name itself to break ties.
    """
    parts = re.split(r"(\d+)", name)
    numbered = ((0, int(part)) if part.isdecimal() else (1, part) for part in parts)
    return tuple(numbered), name


def open_source(path: str | Path) -> ImageSource:
    """Return the images of a folder, an archive or an array file.

    Parameters
    ----------
    path : str or Path
        A folder (searched recursively), a ``.zip`` or ``.tar`` (also compressed), a
        ``.npy`` or a ``.npz`` with uint8 images of shape (n, height, width, 3).

    Returns
    -------
    ImageSource
        Images in natural order of their names, or in row order.

    Raises
    ------
    MetricsError
        If there is no such file, it holds no image, or its layout is another.
    """
    path = Path(path)
    if not path.exists():
        raise MetricsError(f"{path} does not exist; give a folder, archive or array")
    if path.is_dir():
        source: ImageSource = FileSource(str(path), _folder_files(path))
    elif path.suffix.lower() in ARRAY_SUFFIXES:
        source = ArraySource(str(path), find_images(load_arrays(path), name=str(path)))
    elif path.suffix.lower() == ".zip":
        source = FileSource(str(path), _only_images(open_zip(path)))
    elif ".tar" in path.name.lower() or path.suffix.lower() == ".tgz":
        source = FileSource(str(path), _only_images(open_tar(path)))
    else:
        raise MetricsError(
            f"{path} must be a folder, .zip, .tar, .npz or .npy; unpack or convert it"
        )
    if len(source) == 0:
        what = "rows" if isinstance(source, ArraySource) else "PNG or JPEG files"
        raise MetricsError(f"{path} holds no images; put {what} there")
    return source


def _folder_files(folder: Path) -> list[ImageFile]:
    return [
        _FolderFile(folder, str(path.relative_to(folder)))
        for path in folder.rglob("*")
        if _is_image_name(path.name) and path.is_file()
    ]


def _only_images(files: Sequence[ArchiveFile]) -> list[ImageFile]:
    return [
        file
        for file in files
        if _is_image_name(Path(file.name).name) and "__MACOSX" not in file.name
    ]


def _is_image_name(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES


def _mend(dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> str:
    """Return what makes an array fit."""
    if len(shape) == _N_AXES and shape[-1] not in (1, _N_COLOURS):
        is_channels_first = shape[1] in (1, _N_COLOURS)
        return "move the channels last" if is_channels_first else "keep three colours"
    if dtype != np.uint8:
        return "save values from 0 to 255 as uint8"
    return "give it four axes, one image a row"


class SubsetSource:
    """Some images of a source.

    Parameters
    ----------
    source : ImageSource
        Where the images are.
    indices : sequence of int
        Which of them, in the order wanted.
    """

    def __init__(self, source: ImageSource, indices: Sequence[int]) -> None:
        self.name = source.name
        self._source = source
        self.indices = tuple(indices)

    def __len__(self) -> int:
        """Return the number of images chosen."""
        return len(self.indices)

    def read(self, index: int) -> NDArray[np.uint8]:
        """Return one image as RGB pixels of shape (height, width, 3)."""
        return self._source.read(self.indices[index])

    def decode(self, index: int) -> DecodedImage:
        """Return one image with its encoding and what had to be converted."""
        if isinstance(self._source, DetailedSource):
            return self._source.decode(self.indices[index])
        return DecodedImage(self.read(index), "RAW")

    def image_name(self, index: int) -> str:
        """Return the name of one image for people."""
        if isinstance(self._source, DetailedSource):
            return self._source.image_name(self.indices[index])
        return f"{self.name}[{self.indices[index]}]"

    def image_hashes(self) -> tuple[str, ...]:
        """Return one content hash per image chosen, in order."""
        if isinstance(self._source, DetailedSource):
            hashes = self._source.image_hashes()
            return tuple(hashes[index] for index in self.indices)
        return tuple(hash_of_pixels(self.read(index)) for index in range(len(self)))

    def content_hash(self) -> str:
        """Return the hash of the images chosen, whatever their order."""
        return hash_of_set(self.image_hashes())

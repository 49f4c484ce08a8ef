"""Archives of 8x8 digits: one PNG an image in a zip, as a user would upload them."""

import hashlib
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DATA = Path(__file__).with_name("data")
REAL = DATA / "real.zip"
SIZE = 8
MAX_LEVEL = 16
N_TEST = 500
SPLIT_SEED = 20190401  # HYPE's first version, arXiv:1904.01121


@dataclass(frozen=True)
class Digits:
    """Images of digits with their classes.

    Attributes
    ----------
    levels : NDArray[np.uint8] of shape (n, 8, 8)
        Ink in 0..16, as the data set counts it.
    labels : NDArray[np.int64] of shape (n,)
        The digit each image shows, or was asked to show.
    """

    levels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def select(self, indices: NDArray[np.int64]) -> "Digits":
        """Return the digits at `indices`, in that order.

        Parameters
        ----------
        indices : NDArray[np.int64] of shape (m,)
            Positions in 0..n-1.

        Returns
        -------
        Digits
            The chosen images with their labels.
        """
        return Digits(self.levels[indices], self.labels[indices])


def to_grey(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return levels 0..16 as grey values 0..255.

    Parameters
    ----------
    levels : NDArray[np.uint8] of any shape
        Ink in 0..16.

    Returns
    -------
    NDArray[np.uint8] of the same shape
        Level * 255 / 16, rounded; the 17 values stay distinct.
    """
    grey: NDArray[np.uint8] = np.rint(levels * (255 / MAX_LEVEL)).astype(np.uint8)
    return grey


def to_levels(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey values 0..255 as the nearest levels 0..16.

    Parameters
    ----------
    grey : NDArray[np.uint8] of any shape
        Grey values.

    Returns
    -------
    NDArray[np.uint8] of the same shape
        The inverse of `to_grey` on its 17 values.
    """
    levels: NDArray[np.uint8] = np.rint(grey * (MAX_LEVEL / 255)).astype(np.uint8)
    return levels


def write_archive(path: Path, digits: Digits) -> None:
    """Write digits as ``NNNN-label.png`` in a zip, the same bytes for the same digits.

    Parameters
    ----------
    path : Path
        The zip to write; replaced if it exists.
    digits : Digits
        The images, in the order of their names.

    Notes
    -----
    Nothing in the file depends on the clock or on a version of zlib: entries carry
    the zip format's earliest date, neither PNG nor zip compresses (64 pixels have
    nothing to gain).
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        pairs = zip(to_grey(digits.levels), digits.labels, strict=True)
        for i, (grey, label) in enumerate(pairs):
            png = BytesIO()
            Image.fromarray(grey).save(png, "PNG", compress_level=0)
            entry = zipfile.ZipInfo(f"{i:04d}-{label}.png")
            entry.create_system = 3  # Unix, whatever this runs on
            archive.writestr(entry, png.getvalue())


def read_archive(path: Path) -> Digits:
    """Return the digits of an archive that `write_archive` wrote.

    Parameters
    ----------
    path : Path
        The zip.

    Returns
    -------
    Digits
        In the order of the names.
    """
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
        grey = [np.asarray(Image.open(BytesIO(archive.read(name)))) for name in names]
    labels = np.array([int(Path(name).stem.split("-")[1]) for name in names])
    return Digits(to_levels(np.stack(grey)), labels)


def split_real(digits: Digits) -> tuple[Digits, Digits]:
    """Return the training part and the test part of the real digits.

    Parameters
    ----------
    digits : Digits
        The 1,797 real digits, in their published order.

    Returns
    -------
    training : Digits
        1,297 images: all that the classifier and the generator learn from.
    test : Digits
        The other 500, drawn at random once with a fixed seed.
    """
    order = np.random.Generator(np.random.PCG64(SPLIT_SEED)).permutation(
        len(digits.labels)
    )
    return digits.select(order[N_TEST:]), digits.select(order[:N_TEST])


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()

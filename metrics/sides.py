"""One side of an evaluation: what is known of its images, in whatever form it came."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.extractors import LOGITS
from metrics.features import FeatureSet, ImageFacts, KeptPixels
from metrics.images import ImageSource, SubsetSource
from metrics.moments import Moments, moments
from metrics.statistics_files import StoredFeatures, StoredStatistics

Features = NDArray[Any]

_SIZES_SHOWN = 10


@dataclass(frozen=True, eq=False)
class Side:
    """What is known of the images of one side.

    Attributes
    ----------
    name : str
        What the source is called.
    content_hash : str or None
        The hash of its images; where only arrays are known, that of the arrays after
        ``features:`` or ``statistics:``.
    source : ImageSource or None
        The images themselves.
    features : NDArray of float32, shape (n, d), or None
        The chosen layer. Rows are ordered by the images' pixel hashes, so that draws
        do not depend on file names.
    neighbour_features : NDArray of float32, shape (n, e), or None
        Features for precision, recall, density and coverage.
    logits : NDArray of float32, shape (n, c), or None
        None where the network has none.
    facts : tuple of ImageFacts
        One per row; empty where only features are known.
    source_rows : NDArray of int, shape (n,)
        For every row its number in the source.
    skipped : tuple of str
        Why images were left out.
    stored_moments : Moments or None
        Given instead of features.
    pixels : NDArray of uint8, shape (m, height, width, 3), or None
        The source's first images, where they were kept.
    """

    name: str
    content_hash: str | None
    source: ImageSource | None
    features: Features | None
    neighbour_features: Features | None
    logits: Features | None
    facts: tuple[ImageFacts, ...]
    source_rows: NDArray[np.intp]
    skipped: tuple[str, ...] = ()
    stored_moments: Moments | None = None
    pixels: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        """Return the number of images, 0 where it is unknown."""
        if self.features is not None:
            return len(self.features)
        return self.stored_moments.count if self.stored_moments else 0

    def moments(self) -> Moments:
        """Return mean and covariance of the features.

        Returns
        -------
        Moments
            As stored, else computed.
        """
        if self.stored_moments is not None:
            return self.stored_moments
        return moments(self.known_features())

    def known_features(self) -> Features:
        """Return the features where it is known that there are some.

        Returns
        -------
        NDArray of shape (n, d)
            The chosen layer.

        Raises
        ------
        TypeError
            If the side has statistics only; the caller must look first.
        """
        if self.features is None:
            raise TypeError(f"{self.name} has no features")
        return self.features

    def n_dimensions(self) -> int:
        """Return the dimension of the features.

        Returns
        -------
        int
            d.
        """
        if self.stored_moments is not None:
            return len(self.stored_moments.mean)
        return int(self.known_features().shape[1])

    def file_order(self) -> NDArray[np.intp]:
        """Return the rows in the order of the source's files.

        Returns
        -------
        NDArray of int, shape (n,)
            A permutation of the rows.
        """
        return np.argsort(self.source_rows)

    def place_of(self, row: int) -> int:
        """Return the number of an image in the whole source, whatever the limit.

        Parameters
        ----------
        row : int
            A row of the features.

        Returns
        -------
        int
            From 0, in the order of the source's files.
        """
        place = int(self.source_rows[row])
        if isinstance(self.source, SubsetSource):
            return self.source.indices[place]
        return place

    def first_pixels(self) -> NDArray[np.uint8]:
        """Return the source's first images, read again where they were not kept.

        Returns
        -------
        NDArray of uint8, shape (m, height, width, 3)
            As many as `metrics.features` keeps.

        Raises
        ------
        ValueError
            If they differ in size.
        """
        if self.pixels is not None:
            return self.pixels
        if self.source is None:
            raise TypeError(f"{self.name} has no images")
        kept = KeptPixels()
        for index in np.sort(self.source_rows):
            if not kept.add(self.source.read(int(index))):
                break
        return kept.result()

    def first_places(self, n_images: int) -> NDArray[np.intp]:
        """Return the numbers in the whole source of its first images.

        Parameters
        ----------
        n_images : int
            How many, of those that were used.

        Returns
        -------
        NDArray of int, shape (n_images,)
            Ascending, as `first_pixels` has them.
        """
        rows = self.file_order()[:n_images]
        return np.array([self.place_of(row) for row in rows], dtype=np.intp)

    def sizes(self) -> list[list[int]]:
        """Return the distinct sizes of the images.

        Returns
        -------
        list of [int, int]
            Width and height, the smallest first, at most ten.
        """
        found = sorted({(fact.width, fact.height) for fact in self.facts})
        return [list(size) for size in found[:_SIZES_SHOWN]]


def side_of_images(
    source: ImageSource,
    found: FeatureSet,
    *,
    layer: str,
    neighbour_features: Features | None,
) -> Side:
    """Return a side with its rows in an order that only its images decide.

    Parameters
    ----------
    source : ImageSource
        The images.
    found : FeatureSet
        Their features, in the source's order.
    layer : str
        The layer to compare.
    neighbour_features : NDArray of float32, shape (n, e), or None
        Features of another network for neighbours; None for the same.

    Returns
    -------
    Side
        Everything that was extracted.
    """
    hashes = [fact.pixel_hash for fact in found.facts]
    order = np.array(sorted(range(len(hashes)), key=hashes.__getitem__), dtype=np.intp)
    features = found.layers[layer][order]
    logits = found.layers.get(LOGITS)
    return Side(
        name=source.name,
        content_hash=source.content_hash(),
        source=source,
        features=features,
        neighbour_features=(
            features if neighbour_features is None else neighbour_features[order]
        ),
        logits=None if logits is None else logits[order],
        facts=tuple(found.facts[row] for row in order),
        source_rows=found.source_rows()[order],
        skipped=found.skipped,
        pixels=found.pixels,
    )


def side_of_features(stored: StoredFeatures) -> Side:
    """Return a side of which features are known, but no images.

    Parameters
    ----------
    stored : StoredFeatures
        What the file held.

    Returns
    -------
    Side
        Rows in the file's order.
    """
    all_rows = range(len(stored.features))
    return Side(
        name=stored.name,
        content_hash=f"features:{_hash_of(stored.features, dtype=np.float32)}",
        source=None,
        features=stored.features,
        neighbour_features=stored.features,
        logits=stored.logits,
        facts=(),
        source_rows=np.array(all_rows if stored.rows is None else stored.rows),
    )


def side_of_statistics(stored: StoredStatistics) -> Side:
    """Return a side of which only mean and covariance are known.

    Parameters
    ----------
    stored : StoredStatistics
        What the file held.

    Returns
    -------
    Side
        Without features.
    """
    moments, of_images = stored.moments, stored.provenance.get("content_hash")
    of_arrays = _hash_of(moments.mean, moments.cov, dtype=np.float64)
    return Side(
        name=stored.name,
        content_hash=str(of_images or f"statistics:{of_arrays}"),
        source=None,
        features=None,
        neighbour_features=None,
        logits=None,
        facts=(),
        source_rows=np.arange(0),
        stored_moments=moments,
    )


def _hash_of(*arrays: NDArray[Any], dtype: type[np.floating[Any]]) -> str:
    """Return one hash for the same numbers, in whatever type they were stored."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array, dtype=dtype).data)
    return digest.hexdigest()

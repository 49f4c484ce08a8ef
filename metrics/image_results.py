"""What an evaluation found of single images, in the order of their sources."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.feature_distance import NearestReal
from metrics.pairs import Flags, Indices, Vector
from metrics.sides import Side
from metrics.step import Results


@dataclass(frozen=True, eq=False)
class NearestImages:
    """The real image nearest to each generated one.

    Attributes
    ----------
    places : array of shape (n_fake,), int64
        The number of the real image in its source.
    distances : array of shape (n_fake,), float64
        How far it is, in feature units.
    is_authentic : array of shape (n_fake,), bool
        Whether the generated image is farther from it than other real images are.
    """

    places: Indices
    distances: Vector
    is_authentic: Flags


@dataclass(frozen=True, eq=False)
class ImageResults:
    """What is known of each image that was compared.

    Attributes
    ----------
    real_places, fake_places : array of shape (n_real,) and (n_fake,), int64
        The number of each image in its source, ascending.
    real_labels, fake_labels : array of shape (n_real,) and (n_fake,), int64, or None
        The class that the network finds likeliest; None where it knows no classes.
    nearest : NearestImages or None
        The real image nearest to each generated one, where that was asked for.
    is_inside : array of shape (n_fake,), bool, or None
        Whether the generated image lies inside the real manifold, the share of which
        is the precision; None where that was not computed.
    """

    real_places: Indices
    fake_places: Indices
    real_labels: Indices | None
    fake_labels: Indices | None
    nearest: NearestImages | None
    is_inside: Flags | None


def image_results(real: Side, fake: Side, found: Results) -> ImageResults | None:
    """Return what was found of single images, each side in its source's order.

    Parameters
    ----------
    real, fake : Side
        The two sides that were compared.
    found : Results
        What the steps found.

    Returns
    -------
    ImageResults or None
        None where a side is known by features or statistics only.
    """
    if real.source is None or fake.source is None:
        return None
    real_order, fake_order = real.file_order(), fake.file_order()
    real_places, fake_places = _places(real), _places(fake)
    manifold = found.manifold
    return ImageResults(
        real_places=real_places[real_order],
        fake_places=fake_places[fake_order],
        real_labels=_labels(real, real_order),
        fake_labels=_labels(fake, fake_order),
        nearest=_nearest(found.nearest, real_places, fake_order),
        is_inside=manifold.fake_is_inside[fake_order] if manifold else None,
    )


def _nearest(
    found: NearestReal | None, real_places: Indices, order: NDArray[np.intp]
) -> NearestImages | None:
    if found is None:
        return None
    return NearestImages(
        places=real_places[found.indices[order]],
        distances=found.distances[order],
        is_authentic=found.is_authentic[order],
    )


def _places(side: Side) -> Indices:
    return np.array([side.place_of(row) for row in range(len(side))], dtype=np.int64)


def _labels(side: Side, order: NDArray[np.intp]) -> Indices | None:
    if side.logits is None:
        return None
    labels: Indices = side.logits.argmax(axis=1).astype(np.int64)
    return labels[order]

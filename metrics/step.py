"""What a step of an evaluation is: two sides in, some metrics out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from metrics.conventions import Conventions
from metrics.feature_distance import NearestReal
from metrics.interval_methods import Interval
from metrics.options import Options
from metrics.precision_recall import Manifold
from metrics.sides import Features, Side

_LEAST_TO_RESAMPLE = 10

Need = Literal["moments", "features", "neighbours", "logits", "pixels"]


@dataclass(frozen=True, eq=False)
class Task:
    """The two sides and how to compare them.

    Attributes
    ----------
    real, fake : Side
        The two sides; a step finds there what it said it needs.
    options : Options
        Conventions, seed and replicates.
    """

    real: Side
    fake: Side
    options: Options

    @property
    def conventions(self) -> Conventions:
        """Return the settings on which libraries differ."""
        return self.options.conventions

    @property
    def has_intervals(self) -> bool:
        """Return whether intervals are wanted."""
        return self.options.replicates > 0

    @property
    def n_replicates(self) -> int:
        """Return the number of resamples behind an interval.

        None for a handful of images: a resample of them may hold one image only.
        """
        few = min(len(self.real), len(self.fake)) < _LEAST_TO_RESAMPLE
        return 0 if few else self.options.replicates

    @property
    def has_moments_only(self) -> bool:
        """Return whether a side is known by its mean and covariance alone."""
        return self.real.features is None or self.fake.features is None

    def features(self) -> tuple[Features, Features]:
        """Return the features of the real and of the generated side."""
        return self.real.known_features(), self.fake.known_features()

    def logits(self) -> Features:
        """Return the logits of the generated side."""
        if self.fake.logits is None:
            raise TypeError(f"{self.fake.name} has no logits")
        return self.fake.logits

    def rng(self, purpose: int) -> np.random.Generator:
        """Return a generator of the evaluation's seed for one purpose."""
        return np.random.default_rng([self.options.seed, purpose])

    def missing(self, need: Need) -> str | None:
        """Return what the sides lack for a step, None where all is there."""
        if need == "logits" and self.fake.logits is None:
            return f"{self.fake.name} has no class logits with this network"
        for side in (self.real, self.fake):
            if need in {"features", "neighbours"} and side.features is None:
                return f"{side.name} holds mean and covariance only"
            if need == "neighbours" and side.neighbour_features is None:
                conventions = self.conventions
                return (
                    f"{side.name} holds features of one network, and the conventions "
                    f"of {conventions.name} take {conventions.neighbour_extractor} "
                    "here; give images, or other conventions"
                )
            if need == "pixels" and side.source is None:
                return f"{side.name} holds no images"
        return None


@dataclass
class Results:
    """What a step found.

    Attributes
    ----------
    metrics : dict of str to float
        Values by name.
    intervals : dict of str to (float, float)
        95 % intervals by name.
    details : dict of str to object
        What stands behind the values, ready for JSON.
    nearest : NearestReal or None
        The real image nearest to each generated one, by rows of the sides.
    manifold : Manifold or None
        Each image's part in precision and recall, where these were wanted.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    details: dict[str, object] = field(default_factory=dict)
    nearest: NearestReal | None = None
    manifold: Manifold | None = None


@dataclass(frozen=True)
class Step:
    """A group of metrics that come from one computation.

    Attributes
    ----------
    name : str
        What progress calls it.
    metrics : tuple of str
        What it computes.
    need : {"moments", "features", "neighbours", "logits", "pixels"}
        What the sides must have.
    run : callable
        Takes a `Task`, returns `Results`; raises ValueError where the data do not
        allow the metrics.
    """

    name: str
    metrics: tuple[str, ...]
    need: Need
    run: Callable[[Task], Results]

"""From the features of two sides to every metric by name."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.conventions import Conventions
from metrics.extractors import LOGITS
from metrics.features import FeatureSet, ImageFacts
from metrics.findings import Finding
from metrics.frechet import frechet_distance_of_features, frechet_distance_univariate
from metrics.images import ImageSource
from metrics.inception_score import inception_score
from metrics.kernel_distance import kernel_inception_distance

METRIC_NAMES = (
    "fid",
    "fid_infinity",
    "kid_mean",
    "kid_std",
    "inception_score_mean",
    "inception_score_std",
    "inception_score_infinity",
    "label_entropy_marginal",
    "label_entropy_conditional",
    "precision",
    "recall",
    "density",
    "coverage",
    "prd_f8",
    "prd_f1_8",
    "mean_feature_distance",
    "mean_euclidean_distance",
    "mean_cosine_distance",
    "nearest_real_distance_median",
    "pixel_distance",
    "frechet_univariate_mean",
    "cmmd",
    "authenticity",
)

Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Side:
    """The features of one side, in an order that only its images decide.

    Attributes
    ----------
    name : str
        What the source is called.
    content_hash : str
        The hash of its images.
    source : ImageSource
        The images themselves.
    features : NDArray of float32, shape (n, d)
        The chosen layer, rows ordered by the images' pixel hashes.
    neighbour_features : NDArray of float32, shape (n, e)
        Features for precision, recall, density and coverage.
    logits : NDArray of float32, shape (n, c), or None
        None where the network has none.
    facts : tuple of ImageFacts
        One per row.
    file_order : NDArray of int, shape (n,)
        The rows in the order of the source's files.
    skipped : tuple of str
        Why images were left out.
    """

    name: str
    content_hash: str
    source: ImageSource
    features: Features
    neighbour_features: Features
    logits: Features | None
    facts: tuple[ImageFacts, ...]
    file_order: NDArray[np.intp]
    skipped: tuple[str, ...]

    @classmethod
    def of(
        cls,
        source: ImageSource,
        found: FeatureSet,
        *,
        layer: str,
        neighbour_features: Features | None,
    ) -> "Side":
        """Return a side with its rows in canonical order."""
        hashes = [fact.pixel_hash for fact in found.facts]
        order = np.array(sorted(range(len(hashes)), key=hashes.__getitem__))
        features = found.layers[layer][order]
        logits = found.layers.get(LOGITS)
        return cls(
            name=source.name,
            content_hash=source.content_hash(),
            source=source,
            features=features,
            neighbour_features=(
                features if neighbour_features is None else neighbour_features[order]
            ),
            logits=None if logits is None else logits[order],
            facts=tuple(found.facts[row] for row in order),
            file_order=np.argsort(order),
            skipped=found.skipped,
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.features)

    def sizes(self) -> list[list[int]]:
        """Return the distinct (width, height) of the images, at most ten."""
        return [
            list(size) for size in sorted({(f.width, f.height) for f in self.facts})
        ][:10]


class Suite:
    """Computes the wanted metrics of two sides.

    Parameters
    ----------
    real, fake : Side
        The two sides.
    names : sequence of str
        Wanted metrics.
    conventions : Conventions
        The settings on which libraries differ.
    seed : int
        Seed of every draw.
    replicates : int
        Resamples behind an interval.
    """

    def __init__(  # noqa: PLR0913 - named once, in `evaluate`
        self,
        *,
        real: Side,
        fake: Side,
        names: Sequence[str],
        conventions: Conventions,
        seed: int,
        replicates: int,
    ) -> None:
        self._real, self._fake = real, fake
        self._names = frozenset(names)
        self._conventions = conventions
        self._seed, self._replicates = seed, replicates
        self.metrics: dict[str, float] = {}
        self.intervals: dict[str, tuple[float, float]] = {}
        self.findings: list[Finding] = []
        self.details: dict[str, object] = {}

    def compute(self, report: Callable[[str, int, int], None]) -> None:
        """Compute what is wanted, telling each step before it starts."""
        steps: list[tuple[str, tuple[str, ...], Callable[[], None]]] = [
            ("fid", ("fid",), self._fid),
            ("kid", ("kid_mean", "kid_std"), self._kid),
            (
                "inception_score",
                (
                    "inception_score_mean",
                    "inception_score_std",
                    "label_entropy_marginal",
                    "label_entropy_conditional",
                ),
                self._inception_score,
            ),
            ("univariate", ("frechet_univariate_mean",), self._univariate),
        ]
        wanted = [step for step in steps if self._names.intersection(step[1])]
        for done, (stage, _, run) in enumerate(wanted):
            report(stage, done, len(wanted))
            run()
        report("done", len(wanted), len(wanted))
        self.metrics = {
            name: self.metrics[name]
            for name in METRIC_NAMES
            if name in self.metrics and name in self._names
        }

    def _put(self, values: Iterable[tuple[str, float]]) -> None:
        self.metrics.update((name, float(value)) for name, value in values)

    def _rng(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, purpose])

    def _fid(self) -> None:
        distance = frechet_distance_of_features(
            self._real.features, self._fake.features
        )
        self._put([("fid", distance)])

    def _univariate(self) -> None:
        distances = frechet_distance_univariate(
            self._real.features, self._fake.features
        )
        self._put([("frechet_univariate_mean", distances.mean())])

    def _kid(self) -> None:
        n = min(len(self._real), len(self._fake))
        found = kernel_inception_distance(
            self._fake.features,
            self._real.features,
            n_subsets=self._conventions.kernel_subsets,
            subset_size=min(n, self._conventions.kernel_subset_size),
            rng=self._rng(1),
        )
        self._put([("kid_mean", found.mean), ("kid_std", found.std)])

    def _inception_score(self) -> None:
        logits = self._fake.logits
        if logits is None:
            return
        found = inception_score(
            logits,
            n_splits=min(self._conventions.score_splits, len(logits)),
            order=self._fake.file_order,
            ddof=self._conventions.score_ddof,
        )
        self._put(
            [
                ("inception_score_mean", found.mean),
                ("inception_score_std", found.std),
                ("label_entropy_marginal", found.label_entropy_marginal),
                ("label_entropy_conditional", found.label_entropy_conditional),
            ]
        )

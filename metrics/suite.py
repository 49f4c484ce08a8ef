"""From two sides to every metric by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.errors import MetricsError
from metrics.extrapolation import (
    Extrapolation,
    frechet_distance_infinity,
    inception_score_infinity,
)
from metrics.feature_distance import (
    mean_cosine_distance,
    mean_euclidean_distance,
    mean_feature_distance,
    nearest_real,
)
from metrics.findings import Finding
from metrics.frechet import (
    frechet_distance,
    frechet_distance_of_features,
    frechet_distance_univariate,
)
from metrics.inception_score import inception_score
from metrics.kernel_distance import (
    cmmd,
    kernel_distance_of_subsets,
    kernel_inception_distance,
)
from metrics.metric_names import METRIC_NAMES
from metrics.options import Options, Progress
from metrics.precision_recall import precision_recall_density_coverage
from metrics.sides import Features, Side

_EXAMPLES_SHOWN = 8
_LABELS_SHOWN = 50


@dataclass(frozen=True)
class _Step:
    """A group of metrics that come from one computation."""

    name: str
    metrics: tuple[str, ...]
    needs: str
    run: Callable[[], None]


class Suite:
    """Computes the wanted metrics of two sides.

    Parameters
    ----------
    real, fake : Side
        The two sides.
    names : sequence of str
        Wanted metrics.
    is_choice : bool
        Whether the caller named them: what cannot be computed is then an error, else
        a warning.
    options : Options
        Conventions, seed and replicates.
    """

    def __init__(
        self,
        *,
        real: Side,
        fake: Side,
        names: Sequence[str],
        is_choice: bool,
        options: Options,
    ) -> None:
        self._real, self._fake = real, fake
        self._names = frozenset(names)
        self._is_choice = is_choice
        self._options = options
        self._conventions = options.conventions
        self.metrics: dict[str, float] = {}
        self.intervals: dict[str, tuple[float, float]] = {}
        self.findings: list[Finding] = []
        self.details: dict[str, object] = {}

    def compute(self, report: Callable[[Progress], None]) -> None:
        """Compute what is wanted, telling each step before it starts.

        Parameters
        ----------
        report : callable
            Called with a `Progress` before each step and at the end.

        Raises
        ------
        MetricsError
            If a metric that the caller named cannot be computed.
        """
        wanted = [step for step in self._steps() if self._names & {*step.metrics}]
        for done, step in enumerate(wanted):
            report(Progress(step.name, done, len(wanted)))
            missing = self._missing(step.needs)
            try:
                if missing:
                    raise ValueError(missing)  # noqa: TRY301 - one way to say it
                step.run()
            except ValueError as error:
                self._not_computed(step, str(error))
        report(Progress("done", len(wanted), len(wanted)))

    def ordered_metrics(self) -> dict[str, float]:
        """Return the wanted values in the order of their names.

        Returns
        -------
        dict of str to float
            Plain numbers.
        """
        return {
            name: self.metrics[name]
            for name in METRIC_NAMES
            if name in self.metrics and name in self._names
        }

    def _steps(self) -> tuple[_Step, ...]:
        return (
            _Step("fid", ("fid",), "moments", self._fid),
            _Step("fid_infinity", ("fid_infinity",), "features", self._fid_infinity),
            _Step(
                "univariate",
                ("frechet_univariate_mean",),
                "features",
                self._univariate,
            ),
            _Step("kid", ("kid_mean", "kid_std"), "features", self._kid),
            _Step("cmmd", ("cmmd",), "features", self._cmmd),
            _Step(
                "inception_score",
                (
                    "inception_score_mean",
                    "inception_score_std",
                    "label_entropy_marginal",
                    "label_entropy_conditional",
                ),
                "logits",
                self._inception_score,
            ),
            _Step(
                "inception_score_infinity",
                ("inception_score_infinity",),
                "logits",
                self._inception_score_infinity,
            ),
            _Step(
                "precision_recall",
                ("precision", "recall", "density", "coverage"),
                "features",
                self._precision_recall,
            ),
            _Step(
                "feature_distance",
                (
                    "mean_feature_distance",
                    "mean_euclidean_distance",
                    "mean_cosine_distance",
                ),
                "features",
                self._feature_distance,
            ),
            _Step(
                "nearest_real",
                ("nearest_real_distance_median", "authenticity"),
                "features",
                self._nearest_real,
            ),
        )

    def _missing(self, needs: str) -> str | None:
        """Return what is missing for a step, None where all is there."""
        if needs == "moments":
            return None
        if needs == "logits":
            if self._fake.logits is None:
                return f"{self._fake.name} has no class logits with this network"
            return None
        for side in (self._real, self._fake):
            if side.features is None:
                return f"{side.name} holds mean and covariance only"
        return None

    def _not_computed(self, step: _Step, reason: str) -> None:
        names = ", ".join(name for name in step.metrics if name in self._names)
        message = f"{names} cannot be computed: {reason}"
        if self._is_choice:
            raise MetricsError(message)
        self.findings.append(Finding("metric-not-computed", message))

    def _features(self) -> tuple[Features, Features]:
        return self._real.known_features(), self._fake.known_features()

    def _rng(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self._options.seed, purpose])

    def _fid(self) -> None:
        if self._real.features is None or self._fake.features is None:
            real, fake = self._real.moments(), self._fake.moments()
            self.metrics["fid"] = frechet_distance(
                real.mean, real.cov, fake.mean, fake.cov
            )
        else:
            self.metrics["fid"] = frechet_distance_of_features(*self._features())

    def _fid_infinity(self) -> None:
        found = frechet_distance_infinity(*self._features(), rng=self._rng(1))
        self.metrics["fid_infinity"] = found.value
        self.details["fid_by_size"] = _line(found)

    def _univariate(self) -> None:
        distances = frechet_distance_univariate(*self._features())
        self.metrics["frechet_univariate_mean"] = float(distances.mean())

    def _kid(self) -> None:
        real, fake = self._features()
        conventions = self._conventions
        size = min(len(real), len(fake), conventions.kernel_subset_size)
        if conventions.kernel_seed is not None:
            values = self._kid_in_file_order(conventions.kernel_seed, size)
            self.metrics["kid_mean"] = float(values.mean())
            self.metrics["kid_std"] = float(values.std())
            return
        found = kernel_inception_distance(
            fake,
            real,
            n_subsets=conventions.kernel_subsets,
            subset_size=size,
            rng=self._rng(2),
            n_replicates=self._options.replicates,
        )
        self.metrics["kid_mean"] = found.mean
        self.metrics["kid_std"] = found.std
        self.details["kid_unbiased"] = found.unbiased

    def _kid_in_file_order(self, seed: int, size: int) -> NDArray[np.float64]:
        """Return KID of the subsets that numpy's RandomState draws from the files."""
        real, fake = self._features()
        orders = self._fake.file_order(), self._real.file_order()
        random = np.random.RandomState(seed)
        chosen: tuple[list[NDArray[np.intp]], ...] = ([], [])
        for _ in range(self._conventions.kernel_subsets):
            for order, subsets in zip(orders, chosen, strict=True):
                drawn = random.choice(len(order), size, replace=False)
                subsets.append(order[drawn])
        return kernel_distance_of_subsets(
            fake, real, np.array(chosen[0]), np.array(chosen[1])
        )

    def _cmmd(self) -> None:
        real, fake = self._features()
        self.metrics["cmmd"] = cmmd(real, fake)

    def _logits(self) -> Features:
        if self._fake.logits is None:
            raise TypeError("the step needs logits")
        return self._fake.logits

    def _inception_score(self) -> None:
        logits, conventions = self._logits(), self._conventions
        order = self._fake.file_order()
        if conventions.score_order == "shuffled":
            random = np.random.RandomState(conventions.score_shuffle_seed)
            order = order[random.permutation(len(order))]
        n_splits = min(conventions.score_splits, len(logits))
        size = {
            "even": None,
            "ceil": -(-len(logits) // n_splits),
            "size": min(conventions.score_split_size, len(logits)),
        }[conventions.score_split_rule]
        found = inception_score(
            logits,
            n_splits=n_splits,
            split_size=size,
            order=order,
            ddof=conventions.score_ddof,
        )
        self.metrics["inception_score_mean"] = found.mean
        self.metrics["inception_score_std"] = found.std
        self.metrics["label_entropy_marginal"] = found.label_entropy_marginal
        self.metrics["label_entropy_conditional"] = found.label_entropy_conditional
        top = np.argsort(-found.label_distribution, kind="stable")[:_LABELS_SHOWN]
        self.details["label_distribution"] = {
            "classes": top.tolist(),
            "probabilities": found.label_distribution[top].tolist(),
        }

    def _inception_score_infinity(self) -> None:
        found = inception_score_infinity(self._logits(), rng=self._rng(3))
        self.metrics["inception_score_infinity"] = found.value
        self.details["inception_score_by_size"] = _line(found)

    def _precision_recall(self) -> None:
        real, fake = self._real.neighbour_features, self._fake.neighbour_features
        if real is None or fake is None:
            raise TypeError("the step needs features")
        found = precision_recall_density_coverage(
            real,
            fake,
            k_precision=self._conventions.precision_neighbours,
            k_density=self._conventions.density_neighbours,
            boundary=self._conventions.boundary,
        )
        self.metrics["precision"] = found.precision
        self.metrics["recall"] = found.recall
        self.metrics["density"] = found.density
        self.metrics["coverage"] = found.coverage

    def _feature_distance(self) -> None:
        real, fake = self._features()
        self.metrics["mean_feature_distance"] = mean_feature_distance(real, fake)
        euclidean = mean_euclidean_distance(real, fake)
        self.metrics["mean_euclidean_distance"] = euclidean.value
        cosine = mean_cosine_distance(real, fake)
        self.metrics["mean_cosine_distance"] = cosine.value

    def _nearest_real(self) -> None:
        found = nearest_real(*self._features())
        self.metrics["nearest_real_distance_median"] = found.median
        self.metrics["authenticity"] = found.authenticity
        order = np.argsort(found.distances, kind="stable")
        self.details["nearest_real"] = {
            key: [
                {
                    "fake": int(self._fake.source_rows[row]),
                    "real": int(self._real.source_rows[found.indices[row]]),
                    "distance": float(found.distances[row]),
                }
                for row in rows
            ]
            for key, rows in (
                ("nearest", order[:_EXAMPLES_SHOWN]),
                ("farthest", order[::-1][:_EXAMPLES_SHOWN]),
            )
        }


def _line(found: Extrapolation) -> dict[str, object]:
    return {
        "sizes": found.sizes.tolist(),
        "scores": found.scores.tolist(),
        "value": found.value,
        "slope": found.slope,
    }

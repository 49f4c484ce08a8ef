"""One evaluation: two sides in, every metric with its provenance out."""

import importlib.metadata
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from metrics.cache import FeatureCache
from metrics.checks import check
from metrics.errors import MetricsError
from metrics.extractors import (
    LOGITS,
    Extractor,
    Precision,
    Setup,
    choose_layer,
    load_extractor,
    parse_name,
)
from metrics.features import FeatureSet, Reading, extract_features
from metrics.findings import Finding
from metrics.image_results import ImageResults, image_results
from metrics.images import DetailedSource, ImageSource, image_hashes_of
from metrics.intervals import METHODS
from metrics.limit import limit_input
from metrics.metric_names import NEIGHBOUR_METRICS, wanted_names
from metrics.options import Options, Progress, check_options, choose_device
from metrics.rounding import check_rounding, rounding_shift
from metrics.sides import Side, side_of_features, side_of_images, side_of_statistics
from metrics.statistics_files import Input, StoredFeatures, StoredStatistics
from metrics.step import Task
from metrics.suite import compute

__all__ = ["Evaluation", "Options", "Progress", "evaluate", "extract_side"]

# Layers that cost nothing beside the network's last one.
_LAYERS_TO_KEEP = frozenset({"64", "192", "768", "2048", LOGITS})
_LEAST_IMAGES = 2
_LARGEST_VALUE = 1e15
# Either side is drawn by itself, and by no stream that a step draws from.
_REAL_DRAW, _FAKE_DRAW = 101, 102
# What two sides must share; the settings end with the range of the network's input.
_ORIGIN = ("extractor", "layer", "weights_sha256", "resize", "settings")


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes
    ----------
    metrics : dict of str to float
        Values by name.
    intervals : dict of str to (float, float)
        95 % intervals by name, where there is one.
    warnings : tuple of Finding
        What limits these numbers.
    provenance : dict of str to object
        Everything the numbers depend on, ready for JSON.
    details : dict of str to object
        Curves and lists behind the numbers, ready for JSON.
    images : ImageResults or None
        What was found of single images; None where a side is no images.
    """

    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    warnings: tuple[Finding, ...]
    provenance: dict[str, object]
    details: dict[str, object] = field(default_factory=dict)
    images: ImageResults | None = None

    def as_json(self) -> dict[str, object]:
        """Return the evaluation as plain values.

        Returns
        -------
        dict of str to object
            ``metrics``, ``intervals``, ``warnings``, ``provenance``, ``details``.
        """
        return {
            "metrics": self.metrics,
            "intervals": {name: list(pair) for name, pair in self.intervals.items()},
            "warnings": [asdict(finding) for finding in self.warnings],
            "provenance": self.provenance,
            "details": self.details,
        }


def evaluate(
    real: Input,
    fake: Input,
    options: Options,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> Evaluation:
    """Return the metrics of generated images against real ones.

    Parameters
    ----------
    real, fake : ImageSource, StoredStatistics or StoredFeatures
        The two sides.
    options : Options
        What to compute and how.
    progress : callable or None
        Called with a `Progress` after every batch and before every metric. What it
        raises ends the evaluation.

    Returns
    -------
    Evaluation
        Values, intervals, warnings and provenance.

    Raises
    ------
    MetricsError
        If an option, an image or a network is at fault, in one sentence.
    """
    started = time.monotonic()
    for given in (real, fake):
        _check_count(given)
    run = _Run(options, progress or (lambda _: None))
    names = wanted_names(options.metrics)
    if not set(names) & NEIGHBOUR_METRICS:
        run.neighbour_name = run.main_name
    sides = (
        run.side(real, stage="real images", draw=_REAL_DRAW),
        run.side(fake, stage="fake images", draw=_FAKE_DRAW),
    )
    _check_dimensions(*sides)
    for side in sides:
        _check_scale(side)
    task = Task(sides[0], sides[1], options)
    outcome = compute(task, names, report=run.report)
    findings = check(task, outcome, input_size=run.input_size())
    provenance = run.provenance(sides)
    provenance["seconds"] = round(time.monotonic() - started, 3)
    return Evaluation(
        metrics=outcome.metrics,
        intervals=outcome.intervals,
        warnings=(
            *run.findings,
            *check_rounding(run.rounding_shift, device=run.device()),
            *outcome.findings,
            *findings,
        ),
        provenance=provenance,
        details=outcome.details,
        images=image_results(*sides, outcome),
    )


def extract_side(
    source: ImageSource,
    options: Options,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[Side, dict[str, object]]:
    """Return the features of one source and what they depend on.

    Parameters
    ----------
    source : ImageSource
        The images.
    options : Options
        Which network, and how.
    progress : callable or None
        As in `evaluate`.

    Returns
    -------
    side : Side
        The features.
    provenance : dict of str to object
        Extractor, layer, weights, resize, precision, settings, count and content hash.

    Raises
    ------
    MetricsError
        As in `evaluate`.
    """
    _check_count(source)
    run = _Run(options, progress or (lambda _: None))
    run.neighbour_name = run.main_name
    side = run.side(source, stage="images", draw=_REAL_DRAW)
    found = run.provenance((side, side))
    keys = (*_ORIGIN, "precision")
    return side, {
        **{key: found[key] for key in keys},
        "count": len(side),
        "content_hash": side.content_hash,
    }


class _Run:
    """The networks of one evaluation and what was noticed while using them."""

    def __init__(self, options: Options, report: Callable[[Progress], None]) -> None:
        check_options(options)
        self.options, self.report = options, report
        self.main_name = parse_name(options.extractor)[0]
        self.neighbour_name = options.conventions.neighbour_extractor or self.main_name
        self.findings: list[Finding] = []
        self.rounding_shift: dict[str, float] = {}
        self.exact: dict[str, Extractor] = {}
        self.extractors: dict[str, Extractor] = {}
        self.cache = FeatureCache(options.cache) if options.cache else None
        self.reading = Reading(
            batch_size=options.batch_size,
            workers=options.workers,
            skip_broken=options.skip_broken,
        )

    def input_size(self) -> tuple[int, int] | None:
        """Return the (height, width) that images were resized to."""
        main = self.extractors.get(self.main_name)
        return main.input_size if main else None

    def device(self) -> str:
        """Return where networks ran."""
        main = self.extractors.get(self.main_name)
        return main.device if main else "cpu"

    def layer(self) -> str:
        """Return the layer of the main network that is compared."""
        wanted = parse_name(self.options.extractor)[1]
        return choose_layer(self.extractor(self.main_name), wanted)

    def side(self, given: Input, *, stage: str, draw: int) -> Side:
        """Return what is known of one side, extracting features from images."""
        rng = np.random.default_rng([self.options.seed, draw])
        given, findings = limit_input(given, limit=self.options.limit, rng=rng)
        self.findings += findings
        if isinstance(given, StoredStatistics):
            self._check_stored(given)
            return side_of_statistics(given)
        if isinstance(given, StoredFeatures):
            return self._side_of_features(given)
        source = given
        main, layer = self.extractor(self.main_name), self.layer()
        layers = {layer, *_LAYERS_TO_KEEP.intersection(main.layers)}
        if main.n_classes:
            layers.add(LOGITS)
        found = self._features(source, self.main_name, frozenset(layers), stage)
        self._note_rounding(self.main_name, found, layer, LOGITS)
        if len(found) < _LEAST_IMAGES:
            raise _too_few(given.name, "1 usable image")
        beside = None
        if self.neighbour_name != self.main_name:
            other = self.extractor(self.neighbour_name)
            layer_beside = other.default_layer
            stage = f"{stage}, {other.name}"
            rows = self._features(
                source, self.neighbour_name, frozenset({layer_beside}), stage
            )
            self._note_rounding(self.neighbour_name, rows, layer_beside)
            beside = rows.layers[layer_beside]
        return side_of_images(source, found, layer=layer, neighbour_features=beside)

    def provenance(self, sides: Sequence[Side]) -> dict[str, object]:
        """Return what the numbers depend on."""
        options = self.options
        main = self.extractors.get(self.main_name)
        beside = self.extractors.get(self.neighbour_name)
        settings = main.settings.split() if main else (None, None)
        pairs = dict(zip(("real", "fake"), sides, strict=True))
        return {
            "counts": {key: len(side) for key, side in pairs.items()},
            "content_hash": {key: side.content_hash for key, side in pairs.items()},
            "names": {key: side.name for key, side in pairs.items()},
            "skipped": {key: list(side.skipped) for key, side in pairs.items()},
            "image_sizes": {key: side.sizes() for key, side in pairs.items()},
            "extractor": main.name if main else None,
            "layer": self.layer() if main else None,
            "weights_sha256": main.weights_sha256 if main else None,
            "neighbour_extractor": beside.name if beside else None,
            "neighbour_weights_sha256": beside.weights_sha256 if beside else None,
            "resize": settings[0],
            "precision": settings[1],
            "settings": main.settings if main else None,
            "rounding_shift": self.rounding_shift or None,
            "device": self.device(),
            "conventions": asdict(options.conventions),
            "limit": options.limit,
            "seed": options.seed,
            "replicates": options.replicates,
            "interval_methods": dict(METHODS),
            "versions": {
                name: importlib.metadata.version(name)
                for name in ("torch", "numpy", "scipy", "pillow")
            },
        }

    def extractor(self, name: str) -> Extractor:
        """Return a network, loaded once."""
        if name not in self.extractors:
            self.extractors[name] = self._load(name)
        return self.extractors[name]

    def _setup(self, name: str, precision: Precision) -> Setup:
        conventions = self.options.conventions
        return Setup(
            weights=_weights_of(name, self.options),
            resize=self.options.resize or conventions.resize,
            device=choose_device(self.options.device),
            precision=precision,
            pixel_range=conventions.pixel_range,
        )

    def _load(self, name: str) -> Extractor:
        extractor = load_extractor(name, self._setup(name, self.options.precision))
        if not extractor.weights_are_published:
            self.findings.append(
                Finding(
                    "weights-not-published",
                    f"the weights of {name} (sha256 {extractor.weights_sha256[:8]}...) "
                    "are not the published ones, so these numbers compare only with "
                    "numbers from the same file",
                )
            )
        return extractor

    def _features(
        self,
        source: ImageSource,
        name: str,
        layers: frozenset[str],
        stage: str,
    ) -> FeatureSet:
        extractor = self.extractor(name)
        self.report(Progress(stage, 0, len(source)))

        def progress(done: int, total: int) -> None:
            self.report(Progress(stage, done, total))

        def extract() -> FeatureSet:
            features = extract_features(
                source, extractor, layers, reading=self.reading, progress=progress
            )
            shift = self._rounding_of(source, name, features)
            return replace(features, rounding_shift=shift)

        if self.cache is None:
            return extract()
        hashes = image_hashes_of(source)
        content_hash = source.content_hash()
        found = self.cache.load(
            extractor, layers, content_hash=content_hash, image_hashes=hashes
        )
        # Rounded entries once had no shift: they are made anew.
        is_exact = not _is_rounded(extractor)
        if found is not None and (is_exact or found.rounding_shift):
            progress(len(source), len(source))
            return _named_after(source, found)
        features = extract()
        trouble = self.cache.store(
            extractor, features, content_hash=content_hash, image_hashes=hashes
        )
        if trouble:
            self.findings.append(Finding("cache-not-written", trouble))
        return features

    def _rounding_of(
        self, source: ImageSource, name: str, features: FeatureSet
    ) -> dict[str, float] | None:
        """Return how far bfloat16 moved the features, None where it is not used."""
        if not _is_rounded(self.extractor(name)):
            return None
        if name not in self.exact:
            self.exact[name] = load_extractor(name, self._setup(name, "fp32"))
        return rounding_shift(source, features, self.exact[name], reading=self.reading)

    def _note_rounding(self, name: str, found: FeatureSet, *layers: str) -> None:
        """Remember the larger shift of both sides, of the layers that are used."""
        for layer, shift in (found.rounding_shift or {}).items():
            if layer in layers:
                key = f"{name}:{layer}"
                self.rounding_shift[key] = max(shift, self.rounding_shift.get(key, 0.0))

    def _side_of_features(self, stored: StoredFeatures) -> Side:
        """Return features as a side, for neighbours too where one network does both."""
        self.findings.append(
            Finding(
                "features-without-origin",
                f"{stored.name} does not say which network, layer, weights and resize "
                "its features come from, so they are taken to be those of the other "
                "side",
            )
        )
        side = side_of_features(stored)
        if self.neighbour_name == self.main_name:
            return side
        return replace(side, neighbour_features=None)

    def _check_stored(self, stored: StoredStatistics) -> None:
        """Refuse statistics that say they come from another network."""
        if not stored.provenance:
            self.findings.append(
                Finding(
                    "statistics-without-origin",
                    f"{stored.name} does not say which network, weights and resize it "
                    "comes from, so they are taken to be the same",
                )
            )
            return
        main = self.extractor(self.main_name)
        here = {
            "extractor": main.name,
            "layer": self.layer(),
            "weights_sha256": main.weights_sha256,
            "resize": main.settings.split()[0],
            "settings": main.settings,
        }
        for key, value in here.items():
            there = stored.provenance.get(key, "unknown")
            if there != value:
                raise MetricsError(
                    f"{stored.name} was made with {key} {there}, "
                    f"this run has {value}; make it anew or choose the same"
                )


def _check_count(given: Input) -> None:
    """Refuse a side with too few images or rows, before the work is done."""
    if isinstance(given, StoredStatistics):
        return
    n_rows, what = (
        (len(given.features), "row of features")
        if isinstance(given, StoredFeatures)
        else (len(given), "image")
    )
    if n_rows < _LEAST_IMAGES:
        raise _too_few(given.name, f"{n_rows or 'no'} {what}")


def _too_few(name: str, held: str) -> MetricsError:
    return MetricsError(
        f"{name} holds {held}; metrics compare distributions and need "
        f"{_LEAST_IMAGES} at the least"
    )


def _check_dimensions(real: Side, fake: Side) -> None:
    if real.n_dimensions() != fake.n_dimensions():
        raise MetricsError(
            f"{real.name} has features of {real.n_dimensions()} dimensions and "
            f"{fake.name} of {fake.n_dimensions()}; use the same network and layer"
        )


def _check_scale(side: Side) -> None:
    """Refuse values whose squares are no numbers, or nothing, in float32."""
    arrays = [side.features, side.neighbour_features, side.logits]
    if side.stored_moments is not None:
        variances = np.diag(side.stored_moments.cov)
        arrays += [side.stored_moments.mean, np.sqrt(variances.clip(min=0))]
    for values in arrays:
        if values is None:
            continue
        largest = max(abs(float(values.min())), abs(float(values.max())))
        if largest and not 1 / _LARGEST_VALUE <= largest <= _LARGEST_VALUE:
            raise MetricsError(
                f"the features or logits of {side.name} reach {largest:.1e} in size; "
                f"they must reach from {1 / _LARGEST_VALUE:.0e} to "
                f"{_LARGEST_VALUE:.0e}: scale the network's output"
            )


def _is_rounded(extractor: Extractor) -> bool:
    return extractor.settings.split()[1] == "bf16"


def _weights_of(extractor: str, options: Options) -> Path | None:
    weights = options.weights
    if isinstance(weights, Mapping):
        return weights.get(extractor)
    return weights if extractor == parse_name(options.extractor)[0] else None


def _named_after(source: ImageSource, found: FeatureSet) -> FeatureSet:
    """Return stored features under this source's names, not those they came under."""
    facts = tuple(
        replace(
            fact,
            name=source.image_name(index)
            if isinstance(source, DetailedSource)
            else f"{source.name}[{index}]",
        )
        for index, fact in enumerate(found.facts)
    )
    return replace(found, facts=facts)

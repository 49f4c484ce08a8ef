"""One evaluation: two image sources in, every metric with its provenance out."""

import importlib.metadata
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from metrics.cache import FeatureCache
from metrics.conventions import PUBLISHED, Conventions
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
from metrics.images import DetailedSource, ImageSource, SubsetSource
from metrics.suite import METRIC_NAMES, Side, Suite

Device = Literal["auto", "cpu", "cuda"]

# Layers that cost nothing beside the network's last one.
_LAYERS_TO_KEEP = frozenset({"64", "192", "768", "2048", LOGITS})


@dataclass(frozen=True)
class Options:
    """What to evaluate and how; the defaults are the published conventions.

    Attributes
    ----------
    metrics : tuple of str or "all"
        Names of metrics.
    extractor : str
        The network, with a layer where another than its default is wanted.
    weights : Path, mapping of str to Path, or None
        A file for the main network, or files by network; None for published weights.
    resize : str or None
        How images come to the network's size; None for that of `conventions`.
    device : {"auto", "cpu", "cuda"}
        Where networks run; ``auto`` takes a GPU if there is one.
    precision : {"fp32", "bf16"}
        Arithmetic of the networks.
    batch_size : int
        Images a step.
    limit : int or None
        Images a side at most, drawn at random by `seed`.
    seed : int
        Seed of every draw.
    cache : Path or None
        Folder of features; None keeps nothing.
    workers : int
        Threads that decode.
    skip_broken : bool
        Leave out images that cannot be used, and list them.
    conventions : Conventions
        The settings on which libraries differ.
    replicates : int
        Resamples behind an interval; 0 for no intervals.
    """

    metrics: tuple[str, ...] | Literal["all"] = "all"
    extractor: str = "inception-v3-fid"
    weights: Path | Mapping[str, Path] | None = None
    resize: Literal["legacy", "clean", "pytorch", "antialias"] | None = None
    device: Device | str = "auto"
    precision: Precision = "fp32"
    batch_size: int = 32
    limit: int | None = None
    seed: int = 0
    cache: Path | None = None
    workers: int = field(default_factory=lambda: min(4, os.cpu_count() or 1))
    skip_broken: bool = False
    conventions: Conventions = PUBLISHED
    replicates: int = 200


@dataclass(frozen=True)
class Progress:
    """How far an evaluation is.

    Attributes
    ----------
    stage : str
        What is being done: ``real images``, ``generated images``, or a metric.
    done, total : int
        Steps of this stage.
    """

    stage: str
    done: int
    total: int


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
    """

    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    warnings: tuple[Finding, ...]
    provenance: dict[str, object]
    details: dict[str, object] = field(default_factory=dict)

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
    real: ImageSource,
    fake: ImageSource,
    options: Options,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> Evaluation:
    """Return the metrics of generated images against real ones.

    Parameters
    ----------
    real, fake : ImageSource
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
    report = progress or (lambda _: None)
    run = _Run(options, report)
    sides = [
        run.side(real, stage="real images"),
        run.side(fake, stage="generated images"),
    ]
    suite = Suite(
        real=sides[0],
        fake=sides[1],
        names=run.names,
        conventions=run.conventions,
        seed=options.seed,
        replicates=options.replicates,
    )
    suite.compute(lambda stage, done, total: report(Progress(stage, done, total)))
    provenance = run.provenance(sides)
    provenance["seconds"] = round(time.monotonic() - started, 3)
    return Evaluation(
        metrics=suite.metrics,
        intervals=suite.intervals,
        warnings=(*run.findings, *suite.findings),
        provenance=provenance,
        details=suite.details,
    )


class _Run:
    """The networks of one evaluation and what was noticed while using them."""

    def __init__(self, options: Options, report: Callable[[Progress], None]) -> None:
        check_options(options)
        self.options, self.report = options, report
        self.names = wanted_names(options.metrics)
        self.conventions = options.conventions
        self.findings: list[Finding] = []
        self.extractor = self._load(options.extractor)
        _, layer = parse_name(options.extractor)
        self.layer = choose_layer(self.extractor, layer)
        self.neighbours: Extractor | None = None
        other = self.conventions.neighbour_extractor
        if other is not None and other != self.extractor.name:
            self.neighbours = self._load(other)
        self.cache = FeatureCache(options.cache) if options.cache else None
        self.reading = Reading(
            batch_size=options.batch_size,
            workers=options.workers,
            skip_broken=options.skip_broken,
        )

    def side(self, source: ImageSource, *, stage: str) -> Side:
        """Return the features of one side, from the cache where it has them."""
        if len(source) == 0:
            raise MetricsError(f"{source.name} holds no images; two are the least")
        source = _limited(source, self.options)
        layers = {self.layer, *_LAYERS_TO_KEEP.intersection(self.extractor.layers)}
        if self.extractor.n_classes:
            layers.add(LOGITS)
        main = self._features(source, self.extractor, frozenset(layers), stage)
        beside = None
        if self.neighbours is not None:
            layer = self.neighbours.default_layer
            found = self._features(
                source, self.neighbours, frozenset({layer}), f"{stage}, neighbours"
            )
            beside = found.layers[layer]
        return Side.of(source, main, layer=self.layer, neighbour_features=beside)

    def provenance(self, sides: Sequence[Side]) -> dict[str, object]:
        """Return what the numbers depend on."""
        options = self.options
        return {
            "counts": {"real": len(sides[0]), "fake": len(sides[1])},
            "content_hash": {
                "real": sides[0].content_hash,
                "fake": sides[1].content_hash,
            },
            "names": {"real": sides[0].name, "fake": sides[1].name},
            "skipped": {
                "real": list(sides[0].skipped),
                "fake": list(sides[1].skipped),
            },
            "image_sizes": {"real": sides[0].sizes(), "fake": sides[1].sizes()},
            "extractor": self.extractor.name,
            "layer": self.layer,
            "weights_sha256": self.extractor.weights_sha256,
            "neighbour_extractor": (self.neighbours or self.extractor).name,
            "neighbour_weights_sha256": (
                self.neighbours or self.extractor
            ).weights_sha256,
            "resize": self.extractor.settings.split()[0],
            "precision": self.extractor.settings.split()[1],
            "device": self.extractor.device,
            "conventions": asdict(self.conventions),
            "limit": options.limit,
            "seed": options.seed,
            "replicates": options.replicates,
            "versions": _versions(),
        }

    def _load(self, name: str) -> Extractor:
        base, _ = parse_name(name)
        extractor = load_extractor(
            name,
            Setup(
                weights=_weights_of(base, self.options),
                resize=self.options.resize or self.conventions.resize,
                device=choose_device(self.options.device),
                precision=self.options.precision,
                pixel_range=self.conventions.pixel_range,
            ),
        )
        if not extractor.weights_are_published:
            self.findings.append(
                Finding(
                    "weights-not-published",
                    f"the weights of {base} (sha256 {extractor.weights_sha256[:8]}...)"
                    " are not the published ones, so these numbers compare only with "
                    "numbers from the same file",
                )
            )
        return extractor

    def _features(
        self,
        source: ImageSource,
        extractor: Extractor,
        layers: frozenset[str],
        stage: str,
    ) -> FeatureSet:
        self.report(Progress(stage, 0, len(source)))
        hashes = source.image_hashes() if isinstance(source, DetailedSource) else None
        content_hash = source.content_hash()
        if self.cache is not None:
            found = self.cache.load(
                extractor, layers, content_hash=content_hash, image_hashes=hashes
            )
            if found is not None:
                self.report(Progress(stage, len(source), len(source)))
                return found
        features = extract_features(
            source,
            extractor,
            layers,
            reading=self.reading,
            progress=lambda done, total: self.report(Progress(stage, done, total)),
        )
        if self.cache is not None:
            trouble = self.cache.store(
                extractor, features, content_hash=content_hash, image_hashes=hashes
            )
            if trouble:
                self.findings.append(Finding("cache-not-written", trouble))
        return features


def wanted_names(metrics: tuple[str, ...] | Literal["all"]) -> tuple[str, ...]:
    """Return the names of the metrics to compute.

    Parameters
    ----------
    metrics : tuple of str or "all"
        Names, or groups such as ``kid`` for ``kid_mean`` and ``kid_std``.

    Returns
    -------
    tuple of str
        Full names, in the order of `METRIC_NAMES`.

    Raises
    ------
    MetricsError
        If a name is unknown.
    """
    if metrics in ("all", ("all",)):
        return METRIC_NAMES
    found: set[str] = set()
    for name in metrics:
        named = [full for full in METRIC_NAMES if full == name] or [
            full for full in METRIC_NAMES if full.startswith(f"{name}_")
        ]
        if not named:
            raise MetricsError(
                f"there is no metric {name}; there are {', '.join(METRIC_NAMES)}"
            )
        found.update(named)
    return tuple(name for name in METRIC_NAMES if name in found)


def choose_device(device: str) -> str:
    """Return the device that networks run on.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Returns
    -------
    str
        ``cpu`` or a ``cuda`` device.

    Raises
    ------
    MetricsError
        If a GPU is asked for and torch sees none.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise MetricsError("torch sees no CUDA device; use --device cpu")
    if device != "cpu" and not device.startswith("cuda"):
        raise MetricsError(f"the device must be auto, cpu or cuda, got {device}")
    return device


def check_options(options: Options) -> None:
    """Raise unless every option is in its range.

    Parameters
    ----------
    options : Options
        As given by the caller.

    Raises
    ------
    MetricsError
        Which option must be what, and what came.
    """
    if options.precision not in get_args(Precision):
        known = " or ".join(get_args(Precision))
        raise MetricsError(f"the precision must be {known}, got {options.precision}")
    for name, least in (
        ("batch_size", 1),
        ("workers", 1),
        ("seed", 0),
        ("replicates", 0),
    ):
        value = getattr(options, name)
        if value < least:
            raise MetricsError(f"{name} must be {least} or more, got {value}")
    if options.limit is not None and options.limit < 2:  # noqa: PLR2004
        raise MetricsError(f"the limit must be 2 or more images, got {options.limit}")


def _weights_of(extractor: str, options: Options) -> Path | None:
    weights = options.weights
    if weights is None:
        return None
    if isinstance(weights, Mapping):
        return weights.get(extractor)
    main, _ = parse_name(options.extractor)
    return weights if extractor == main else None


def _limited(source: ImageSource, options: Options) -> ImageSource:
    if options.limit is None or len(source) <= options.limit:
        return source
    rng = np.random.default_rng(options.seed)
    chosen = rng.choice(len(source), options.limit, replace=False)
    return SubsetSource(source, sorted(int(index) for index in chosen))


def _versions() -> dict[str, str]:
    return {
        name: importlib.metadata.version(name)
        for name in ("torch", "numpy", "scipy", "pillow")
    }

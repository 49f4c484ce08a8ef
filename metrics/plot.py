"""Draw an evaluation: curves and neighbours behind its numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metrics.errors import MetricsError
from metrics.images import ImageSource, open_source

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

_SUFFIXES = (".png", ".pdf", ".svg")
_INK, _ACCENT, _PALE = "#222222", "#1f5fa8", "#9db8d6"


def plot_evaluation(evaluation: Mapping[str, Any], out: Path) -> None:
    """Write a figure of an evaluation.

    Parameters
    ----------
    evaluation : mapping of str to object
        An evaluation as JSON.
    out : Path
        A ``.png``, ``.pdf`` or ``.svg``.

    Raises
    ------
    MetricsError
        If matplotlib is missing, or the file's kind or place is wrong.
    """
    if out.suffix not in _SUFFIXES:
        raise MetricsError(f"{out} must end in {', '.join(_SUFFIXES)}")
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - heavy, only for figures
    except ImportError:
        raise MetricsError("figures need the package matplotlib; install it") from None
    details = evaluation.get("details", {})
    figure = Figure(figsize=(9, 10), layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=(3, 2))
    top, bottom = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    axes = top.subplots(2, 2)
    _precision_recall(axes[0, 0], evaluation["metrics"], details.get("prd_curve"))
    _by_size(axes[0, 1], details.get("fid_by_size"), "FID")
    _labels(axes[1, 0], details.get("label_distribution"))
    _by_size(axes[1, 1], details.get("inception_score_by_size"), "Inception Score")
    _neighbours(bottom, evaluation, details.get("nearest_real"))
    try:
        figure.savefig(out)
    except OSError as error:
        raise MetricsError(f"{out} cannot be written: {error.strerror}") from None


def _precision_recall(
    axes: "Axes", metrics: Mapping[str, float], curve: Mapping[str, Any] | None
) -> None:
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.set_title("Precision against recall")
    if curve is not None:
        axes.plot(curve["recall"], curve["precision"], color=_PALE, label="PRD")
    if {"precision", "recall"} <= set(metrics):
        axes.plot(
            metrics["recall"], metrics["precision"], "o", color=_ACCENT, label="k-NN"
        )
    if axes.has_data():
        axes.legend(frameon=False)
    else:
        _say_nothing(axes)


def _by_size(axes: "Axes", line: Mapping[str, Any] | None, name: str) -> None:
    axes.set_title(f"{name} against the number of images")
    if line is None:
        _say_nothing(axes)
        return
    inverse = 1 / np.asarray(line["sizes"], dtype=np.float64)
    axes.plot(inverse, line["scores"], "o", color=_ACCENT)
    ends = np.array([0.0, inverse.max()])
    axes.plot(ends, line["value"] + line["slope"] * ends, color=_PALE)
    axes.annotate(f" {line['value']:.4g} at infinity", (0, line["value"]), color=_INK)
    axes.set(xlabel="1 / N", ylabel=name)


def _labels(axes: "Axes", labels: Mapping[str, Any] | None) -> None:
    axes.set_title("Label distribution of the generated images")
    if labels is None:
        _say_nothing(axes)
        return
    positions = np.arange(len(labels["classes"]))
    axes.bar(positions, labels["probabilities"], color=_ACCENT)
    if len(positions) <= 12:  # noqa: PLR2004 - more would not be legible
        axes.set_xticks(positions, [str(label) for label in labels["classes"]])
    axes.set(xlabel="class, the commonest first", ylabel="probability")


def _neighbours(
    figure: "SubFigure", evaluation: Mapping[str, Any], found: Mapping[str, Any] | None
) -> None:
    """Draw the nearest and farthest generated images above their nearest real."""
    figure.suptitle("Generated images above their nearest real: nearest, then farthest")
    names = evaluation["provenance"].get("names", {})
    sources = [_source(names.get(side)) for side in ("fake", "real")]
    pairs: Sequence[Mapping[str, Any]] = (
        [*found["nearest"], *found["farthest"]] if found else []
    )
    if not pairs or None in sources:
        _say_nothing(figure.subplots())
        return
    grid = figure.subplots(2, len(pairs), squeeze=False)
    for column, pair in enumerate(pairs):
        for row, side in enumerate(("fake", "real")):
            source = sources[row]
            if source is not None:
                grid[row, column].imshow(source.read(pair[side]))
            grid[row, column].set_axis_off()
        grid[0, column].set_title(f"{pair['distance']:.3g}", fontsize="x-small")


def _source(name: str | None) -> ImageSource | None:
    try:
        return open_source(name) if name else None
    except MetricsError:
        return None


def _say_nothing(axes: "Axes") -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, "not in this result", ha="center", transform=axes.transAxes)

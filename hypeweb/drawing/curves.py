"""One number of a sweep's arms over the sweep's axis."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hypeweb.drawing.style import (
    COLOURS,
    LINE,
    MARKERS,
    SMALL,
    SOFT,
    Rendering,
    new_axes,
    render,
    styled,
)

# Where the values span more than this factor, their order of magnitude is the axis.
LOG_FROM = 30
# How far beyond the last value infinity is drawn, as a share of the span.
BEYOND = 0.18
MAX_TICKS = 8


@dataclass(frozen=True)
class Point:
    """One arm: its place, its number, and its interval where there is one."""

    x: float
    """Infinity is drawn as a place of its own beyond the others."""
    tick: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Curve:
    """One number over one axis, in the units it is printed in."""

    title: str
    x_label: str
    y_label: str
    points: tuple[Point, ...]
    """In the order of x, at least one."""
    reference: float | None = None
    reference_label: str = ""


def draw_curve(curve: Curve) -> Rendering:
    """Return a curve with its intervals as bars."""
    with styled():
        figure, axes = new_axes()
        axes.set(title=curve.title, xlabel=curve.x_label, ylabel=curve.y_label)
        places = _places(axes, curve.points)
        if curve.reference is not None:
            _reference(axes, curve.reference, curve.reference_label)
        _line(axes, curve.points, places)
        _ticks(axes, curve.points, places)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.grid(axis="y", color=LINE, linewidth=0.5)
        axes.set_axisbelow(True)
        return render(figure, title=curve.title)


def _places(axes: Axes, points: Sequence[Point]) -> list[float]:
    """Return where each point is drawn, infinity just beyond the last."""
    finite = [point.x for point in points if math.isfinite(point.x)]
    if not finite:
        return [0.0] * len(points)
    first, last = min(finite), max(finite)
    is_log = first > 0 and last / first > LOG_FROM
    if is_log:
        axes.set_xscale("log")
        beyond = last * (last / first) ** BEYOND
    else:
        beyond = last + BEYOND * ((last - first) or 1.0)
    return [point.x if math.isfinite(point.x) else beyond for point in points]


def _line(axes: Axes, points: Sequence[Point], places: Sequence[float]) -> None:
    values = [point.value for point in points]
    n_finite = sum(math.isfinite(point.x) for point in points)
    axes.plot(places[:n_finite], values[:n_finite], color=COLOURS[0], linewidth=1.4)
    if 0 < n_finite < len(points):
        # Dotted: between the last value and infinity nothing is to scale.
        axes.plot(
            places[n_finite - 1 :],
            values[n_finite - 1 :],
            color=COLOURS[0],
            linestyle=":",
            linewidth=1.4,
        )
    for place, point in zip(places, points, strict=True):
        low = point.value if point.low is None else point.low
        high = point.value if point.high is None else point.high
        axes.errorbar(
            place,
            point.value,
            yerr=[[max(0.0, point.value - low)], [max(0.0, high - point.value)]],
            color=COLOURS[0],
            marker=MARKERS[0],
            markersize=4,
            capsize=2,
            linewidth=1.4,
        )


def _reference(axes: Axes, value: float, label: str) -> None:
    axes.axhline(value, color=SOFT, linewidth=0.9, linestyle="--")
    axes.annotate(
        label,
        (0, value),
        xycoords=("axes fraction", "data"),
        xytext=(2, 2),
        textcoords="offset points",
        color=SOFT,
        fontsize=SMALL,
    )


def _ticks(axes: Axes, points: Sequence[Point], places: Sequence[float]) -> None:
    """Mark the arms themselves; of very many some, always the last."""
    every = -(-len(points) // MAX_TICKS)
    shown = range(len(points) - 1, -1, -every)
    axes.set_xticks([places[i] for i in shown], [points[i].tick for i in shown])
    axes.minorticks_off()

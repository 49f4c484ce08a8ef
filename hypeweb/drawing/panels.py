"""Series in panels that share their axes: curves, points, bands, planes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from hypeweb.drawing.labels import label_points
from hypeweb.drawing.style import (
    COLOURS,
    DASHES,
    LINE,
    MARKERS,
    SMALL,
    SOFT,
    WIDTH_IN,
    Rendering,
    render,
    styled,
)

Look = Literal["line", "points", "joined", "band", "hair", "steps", "bars"]
QUIET = -1
# How many stand beside each other; of more panels than here, three.
COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2}
ONE_HIGH_IN, TWO_HIGH_IN, THREE_HIGH_IN = 2.3, 1.5, 1.2
NAME_CHARS = {1: 46, 2: 22, 3: 15}


@dataclass(frozen=True)
class Series:
    """Points of one kind, in the units they are printed in."""

    look: Look
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    x_low: tuple[float | None, ...] = ()
    x_high: tuple[float | None, ...] = ()
    names: tuple[str, ...] = ()
    """Of each point, written beside it where there is room."""
    tone: int = 0
    """Colour, marker and dashes; `QUIET` for what is only ground."""


@dataclass(frozen=True)
class Mark:
    """A value that a panel is read against, as a dashed line."""

    axis: Literal["x", "y"]
    value: float
    label: str
    is_below: bool = False
    """Whether the label stands below the line."""


@dataclass(frozen=True)
class Panel:
    """One panel: what it is called, what is in it, and a number said in words."""

    title: str
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    note: str = ""
    x_label: str = ""
    """Where panels have axes of their own."""


@dataclass(frozen=True)
class Panels:
    """Panels that share their axes, or have each their own."""

    title: str
    x_label: str
    y_label: str
    panels: tuple[Panel, ...]
    """At least one."""
    x_limits: tuple[float, float] | None = None
    y_limits: tuple[float, float] | None = None
    x_scale: Literal["linear", "log"] = "linear"
    shares_x: bool = True
    is_square: bool = False
    whole_x: bool = False
    row_in: float | None = None
    """Height of a row of panels, where the usual one is too low."""


def draw_panels(data: Panels) -> Rendering:
    """Return small multiples in reading order."""
    n = len(data.panels)
    columns = COLUMNS.get(n, 3)
    rows = -(-n // columns)
    usual_in = {1: ONE_HIGH_IN, 2: TWO_HIGH_IN, 3: THREE_HIGH_IN}[columns]
    height = (data.row_in or usual_in) * rows + 0.3
    if data.is_square and n == 1:
        height = 0.85 * WIDTH_IN
    with styled():
        figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
        grid = figure.subplots(
            rows, columns, squeeze=False, sharex=data.shares_x, sharey=True
        )
        cells: list[Axes] = list(grid.flat)
        for axes in cells[n:]:
            axes.set_visible(False)
        for position, (axes, panel) in enumerate(
            zip(cells[:n], data.panels, strict=True)
        ):
            _draw_panel(axes, panel, data, name_chars=NAME_CHARS[columns])
            if data.shares_x and position + columns >= n:
                axes.tick_params(labelbottom=True)
        _label_axes(figure, cells, data)
        # Where names fit is known only once the axes have their place.
        figure.draw_without_rendering()
        for axes, panel in zip(cells[:n], data.panels, strict=True):
            for series in panel.series:
                if series.names:
                    label_points(axes, series.x, series.y, series.names)
        return render(figure, title=data.title)


def _label_axes(figure: Figure, cells: Sequence[Axes], data: Panels) -> None:
    if len(data.panels) == 1:
        cells[0].set(xlabel=data.x_label, ylabel=data.y_label)
        return
    figure.supylabel(data.y_label, fontsize=8)
    if data.x_label:
        figure.supxlabel(data.x_label, fontsize=8)


def _draw_panel(axes: Axes, panel: Panel, data: Panels, *, name_chars: int) -> None:
    _name(axes, panel, n_chars=name_chars)
    _scale(axes, data)
    for mark in panel.marks:
        _mark(axes, mark)
    for series in panel.series:
        _DRAWN[series.look](axes, series)
    # After what is drawn, which would widen them again.
    if data.x_limits:
        axes.set_xlim(*data.x_limits)
    if data.y_limits:
        axes.set_ylim(*data.y_limits)


def _name(axes: Axes, panel: Panel, *, n_chars: int) -> None:
    """Write a panel's title and its note, which without a title stands in its place."""
    if panel.x_label:
        axes.set_xlabel(panel.x_label, fontsize=SMALL)
    if not panel.title:
        axes.set_title(panel.note, fontsize=SMALL, fontweight="normal")
        return
    n_lines = len(panel.note.splitlines())
    axes.set_title(_cut(panel.title, n_chars), pad=4 + 1.3 * SMALL * n_lines)
    axes.annotate(
        panel.note,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        fontsize=SMALL,
    )


def _scale(axes: Axes, data: Panels) -> None:
    if data.x_scale == "log":
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=data.whole_x))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", color=LINE, linewidth=0.4)
    axes.set_axisbelow(True)
    if data.is_square:
        axes.set_box_aspect(1)


def _cut(name: str, n_chars: int) -> str:
    return name if len(name) <= n_chars else f"{name[: n_chars - 1]}…"


def _mark(axes: Axes, mark: Mark) -> None:
    style: dict[str, Any] = {"color": SOFT, "linewidth": 0.8, "linestyle": "--"}
    text: dict[str, Any] = {
        "color": SOFT,
        "fontsize": SMALL,
        "xytext": (2, -2 if mark.is_below else 2),
        "va": "top" if mark.is_below else "bottom",
        "textcoords": "offset points",
    }
    if mark.axis == "y":
        axes.axhline(mark.value, **style)
        at, coords = (0.0, mark.value), ("axes fraction", "data")
    else:
        axes.axvline(mark.value, **style)
        at, coords = (mark.value, 0.0), ("data", "axes fraction")
    axes.annotate(mark.label, at, xycoords=coords, **text)


def _colour(series: Series) -> str:
    return SOFT if series.tone == QUIET else COLOURS[series.tone % len(COLOURS)]


def _draw_line(axes: Axes, series: Series) -> None:
    dashes: Any = "-" if series.tone == QUIET else DASHES[series.tone % len(DASHES)]
    axes.plot(
        series.x, series.y, color=_colour(series), linewidth=1.4, linestyle=dashes
    )


def _draw_hair(axes: Axes, series: Series) -> None:
    axes.plot(series.x, series.y, color=_colour(series), linewidth=0.5, alpha=0.35)


def _draw_steps(axes: Axes, series: Series) -> None:
    axes.step(series.x, series.y, where="mid", color=_colour(series), linewidth=1.0)


def _draw_bars(axes: Axes, series: Series) -> None:
    axes.bar(series.x, series.y, color=_colour(series), width=0.8, alpha=0.75)


def _draw_band(axes: Axes, series: Series) -> None:
    """Draw the interval as a band around its line."""
    low = [math.nan if bound is None else bound for bound in series.low]
    high = [math.nan if bound is None else bound for bound in series.high]
    axes.fill_between(
        series.x, low, high, color=_colour(series), alpha=0.25, linewidth=0
    )
    axes.plot(series.x, series.y, color=_colour(series), linewidth=1.2)


def _draw_points(axes: Axes, series: Series) -> None:
    axes.errorbar(
        series.x,
        series.y,
        xerr=_reach(series.x, series.x_low, series.x_high),
        yerr=_reach(series.y, series.low, series.high),
        color=_colour(series),
        marker=MARKERS[max(series.tone, 0) % len(MARKERS)],
        markersize=3.5,
        linestyle="none",
        elinewidth=0.9,
    )


def _draw_joined(axes: Axes, series: Series) -> None:
    _draw_line(axes, series)
    _draw_points(axes, series)


def _reach(
    middle: Sequence[float],
    low: Sequence[float | None],
    high: Sequence[float | None],
) -> list[list[float]] | None:
    """Return how far intervals reach down and up; an open side reaches nowhere."""
    if not low or not high:
        return None
    down = [
        max(0.0, at - bound) if bound is not None else 0.0
        for at, bound in zip(middle, low, strict=True)
    ]
    up = [
        max(0.0, bound - at) if bound is not None else 0.0
        for at, bound in zip(middle, high, strict=True)
    ]
    return [down, up]


_DRAWN = {
    "line": _draw_line,
    "points": _draw_points,
    "joined": _draw_joined,
    "band": _draw_band,
    "hair": _draw_hair,
    "steps": _draw_steps,
    "bars": _draw_bars,
}

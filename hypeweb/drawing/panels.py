"""Series in panels that share their axes: curves, points, bands, planes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)

from hypeweb.drawing.labels import fitted, width_pt
from hypeweb.drawing.style import (
    COLOURS,
    DASHES,
    LINE,
    MARKERS,
    PAPER,
    SMALL,
    SOFT,
    TITLE,
    WIDTH_IN,
    Rendering,
    render,
    styled,
)

Look = Literal["line", "points", "joined", "band", "hair", "steps", "bars"]
QUIET = -1
# Of more panels than this, three stand beside each other.
MANY = 6
ROW_IN = {1: 2.3, 2: 1.5, 3: 1.2}
TITLE_PT = {1: 200.0, 2: 92.0, 3: 58.0}
LEGEND_ROW_IN, LEGEND_PT = 0.17, 210.0
GAP_PT = 4.0
# So many series are told apart by marker, colour, and whether they are filled.
N_TONES = 2 * len(MARKERS)


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
    name: str = ""
    """In the legend, which tells the series of that name in every panel."""
    tone: int = 0
    """Colour, marker and dashes; `QUIET` for what is only ground."""


@dataclass(frozen=True)
class Mark:
    """A value that a panel is read against, as a dashed line; the caption names it."""

    axis: Literal["x", "y"]
    value: float


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
    y_ticks: tuple[float, ...] = ()
    """Where the usual ones say too little."""
    x_scale: Literal["linear", "log"] = "linear"
    shares_x: bool = True
    is_square: bool = False
    whole_x: bool = False
    whole_y: bool = False
    row_in: float | None = None
    """Height of a row of panels, where the usual one is too low."""


def draw_panels(data: Panels) -> Rendering:
    """Return small multiples in reading order."""
    n = len(data.panels)
    columns = 3 if n > MANY else min(n, 2)
    rows = -(-n // columns)
    titles = [
        fitted(panel.title, TITLE_PT[columns], size=TITLE, weight="bold")
        for panel in data.panels
    ]
    key = _key(data)
    height = (data.row_in or ROW_IN[columns]) * rows + 0.3
    if data.is_square and n == 1:
        height = 0.85 * WIDTH_IN
    height += LEGEND_ROW_IN * len(key)
    with styled():
        figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
        grid = figure.subplots(
            rows, columns, squeeze=False, sharex=data.shares_x, sharey=True
        )
        cells: list[Axes] = list(grid.flat)
        for axes in cells[n:]:
            axes.set_visible(False)
        for position, (axes, title, panel) in enumerate(
            zip(cells[:n], titles, data.panels, strict=True)
        ):
            _name(axes, panel, title)
            _draw_panel(axes, panel, data)
            if data.shares_x and position + columns >= n:
                axes.tick_params(labelbottom=True)
        _label_axes(figure, cells, data)
        if key:
            figure.legend(handles=key, loc="outside lower left", frameon=False)
        if data.x_scale == "log":
            # What fits is known only once the axes have their place.
            figure.draw_without_rendering()
            for axes in cells[:n]:
                _spread_ticks(axes)
        return render(figure, title=data.title)


def _key(data: Panels) -> list[Line2D]:
    """Return how each named series is drawn, once for all panels."""
    named = {
        series.name: series
        for panel in data.panels
        for series in panel.series
        if series.name
    }
    return [
        Line2D(
            [],
            [],
            label=fitted(name, LEGEND_PT, size=SMALL, n_lines=1),
            linestyle="none",
            **_marker(series),
        )
        for name, series in named.items()
    ]


def _spread_ticks(axes: Axes) -> None:
    """Leave out labels that would touch the one to their right."""
    low, high = axes.get_xlim()
    ticks = [at for at in axes.xaxis.get_majorticklocs() if low <= at <= high]
    if not ticks:
        return
    dots_per_pt = axes.figure.get_dpi() / 72
    places = axes.transData.transform([(at, 1.0) for at in ticks])[:, 0] / dots_per_pt
    kept, left = [], math.inf
    for tick, place in sorted(zip(ticks, places, strict=True), reverse=True):
        half = width_pt(f"{tick:g}", size=SMALL) / 2
        if place + half + GAP_PT <= left:
            kept.append(tick)
            left = place - half
    axes.xaxis.set_major_locator(FixedLocator(sorted(kept)))


def _label_axes(figure: Figure, cells: Sequence[Axes], data: Panels) -> None:
    if len(data.panels) == 1:
        cells[0].set(xlabel=data.x_label, ylabel=data.y_label)
        return
    figure.supylabel(data.y_label, fontsize=8)
    if data.x_label:
        figure.supxlabel(data.x_label, fontsize=8)


def _draw_panel(axes: Axes, panel: Panel, data: Panels) -> None:
    _scale(axes, data)
    for mark in panel.marks:
        line = axes.axhline if mark.axis == "y" else axes.axvline
        line(mark.value, color=SOFT, linewidth=0.8, linestyle="--")
    for series in panel.series:
        _DRAWN[series.look](axes, series)
    # After what is drawn, which would widen them again.
    if data.x_limits:
        axes.set_xlim(*data.x_limits)
    if data.y_limits:
        axes.set_ylim(*data.y_limits)


def _name(axes: Axes, panel: Panel, title: str) -> None:
    """Write a panel's title and its note, which without a title stands in its place."""
    if panel.x_label:
        axes.set_xlabel(panel.x_label, fontsize=SMALL)
    if not title:
        axes.set_title(panel.note, fontsize=SMALL, fontweight="normal")
        return
    n_lines = len(panel.note.splitlines())
    axes.set_title(title, pad=4 + 1.3 * SMALL * n_lines)
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
        n_ticks = 5 if data.is_square else 4
        axes.xaxis.set_major_locator(MaxNLocator(n_ticks, integer=data.whole_x))
    axes.yaxis.set_major_locator(
        FixedLocator(data.y_ticks)
        if data.y_ticks
        else MaxNLocator(5, integer=data.whole_y)
    )
    axes.grid(axis="y", color=LINE, linewidth=0.4)
    axes.set_axisbelow(True)
    if data.is_square:
        axes.set_box_aspect(1)


def _colour(series: Series) -> str:
    return SOFT if series.tone == QUIET else COLOURS[series.tone % len(COLOURS)]


def _marker(series: Series) -> dict[str, Any]:
    tone = max(series.tone, 0)
    is_open = tone // len(MARKERS) % 2
    return {
        "color": _colour(series),
        "marker": MARKERS[tone % len(MARKERS)],
        "markersize": 3.5,
        "markerfacecolor": PAPER if is_open else _colour(series),
    }


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
        linestyle="none",
        elinewidth=0.9,
        **_marker(series),
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

"""Numbers of the arms with their intervals: a dot for each, a panel for each number."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hypeweb.drawing.labels import fitted
from hypeweb.drawing.style import (
    COLOURS,
    LINE,
    PAPER,
    SMALL,
    SOFT,
    TITLE,
    WIDTH_IN,
    Rendering,
    render,
    styled,
)

ROW_IN, HEAD_IN, LINE_IN = 0.19, 0.62, 0.13
NAME_PT, TITLE_PT = 78.0, 74.0
ARROW_PT = 12.0
COLUMNS = 2


@dataclass(frozen=True)
class Dot:
    """One number; without a value where it lies beyond a limit, or is not there."""

    value: float | None
    low: float | None
    high: float | None
    is_best: bool = False


@dataclass(frozen=True)
class DotPanel:
    """One number of every arm."""

    title: str
    unit: str
    dots: tuple[Dot, ...]
    reference: float | None = None
    reference_label: str = ""


@dataclass(frozen=True)
class Dots:
    """Numbers of the same arms, beside each other."""

    title: str
    names: tuple[str, ...]
    """From top to bottom."""
    panels: tuple[DotPanel, ...]


def draw_dots(data: Dots) -> Rendering:
    """Return dots with intervals, the best filled, the others open."""
    columns = min(COLUMNS, len(data.panels))
    rows = -(-len(data.panels) // columns)
    names = [fitted(name, NAME_PT, size=SMALL) for name in data.names]
    titles = [
        fitted(panel.title, TITLE_PT, size=TITLE, weight="bold")
        for panel in data.panels
    ]
    row_in = ROW_IN + (LINE_IN if any("\n" in name for name in names) else 0.0)
    head_in = HEAD_IN + (LINE_IN if any("\n" in title for title in titles) else 0.0)
    height = rows * (head_in + row_in * max(len(names), 2))
    with styled():
        figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        cells: list[Axes] = list(grid.flat)
        for axes in cells[len(data.panels) :]:
            axes.set_visible(False)
        for axes, title, panel in zip(cells, titles, data.panels, strict=False):
            axes.set_title(title)
            _draw(axes, panel, names)
        return render(figure, title=data.title)


def _draw(axes: Axes, panel: DotPanel, names: Sequence[str]) -> None:
    axes.set_xlabel(panel.unit, fontsize=SMALL)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", color=LINE, linewidth=0.4, linestyle=":")
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    if panel.reference is not None:
        axes.axvline(panel.reference, color=SOFT, linewidth=0.8, linestyle="--")
        axes.annotate(
            panel.reference_label,
            (panel.reference, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-2, -1),
            textcoords="offset points",
            ha="right",
            va="top",
            color=SOFT,
            fontsize=SMALL,
        )
    for row, dot in enumerate(panel.dots):
        _dot(axes, row, dot)
    has_arrow = any((dot.low is None) != (dot.high is None) for dot in panel.dots)
    axes.margins(x=0.2 if has_arrow else 0.08)


def _dot(axes: Axes, row: int, dot: Dot) -> None:
    colour = COLOURS[0]
    known = [at for at in (dot.low, dot.value, dot.high) if at is not None]
    if not known:
        axes.annotate(
            "none yet",
            (0.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            color=SOFT,
            fontsize=SMALL,
        )
        return
    axes.plot([min(known), max(known)], [row, row], color=colour, linewidth=1.4)
    if (dot.low is None) != (dot.high is None):
        # Open on one side: an arrow says that nobody knows how far.
        at, reach = (
            (min(known), -ARROW_PT) if dot.low is None else (max(known), ARROW_PT)
        )
        axes.annotate(
            "",
            (at, row),
            xytext=(reach, 0),
            textcoords="offset points",
            arrowprops={
                "arrowstyle": "<|-",
                "color": colour,
                "linewidth": 1.4,
                "mutation_scale": 7,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
    if dot.value is not None:
        axes.plot(
            dot.value,
            row,
            marker="o",
            markersize=5,
            markeredgecolor=colour,
            markerfacecolor=colour if dot.is_best else PAPER,
        )
    elif len(known) == 1:
        axes.plot(known, [row], marker="|", markersize=6, color=colour)

"""Numbers of the arms with their intervals: a dot for each, a panel for each number."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hypeweb.drawing.style import (
    COLOURS,
    LINE,
    PAPER,
    SMALL,
    SOFT,
    WIDTH_IN,
    Rendering,
    render,
    styled,
)

ROW_IN, HEAD_IN = 0.19, 0.62
NAME_CHARS = 18
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
    height = rows * (HEAD_IN + ROW_IN * max(len(data.names), 2))
    with styled():
        figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        cells: list[Axes] = list(grid.flat)
        for axes in cells[len(data.panels) :]:
            axes.set_visible(False)
        for axes, panel in zip(cells, data.panels, strict=False):
            _draw(axes, panel, data.names)
        return render(figure, title=data.title)


def _draw(axes: Axes, panel: DotPanel, names: Sequence[str]) -> None:
    axes.set_title(panel.title)
    axes.set_xlabel(panel.unit, fontsize=SMALL)
    axes.set_yticks(range(len(names)), [_cut(name) for name in names])
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
    axes.margins(x=0.08)


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
    open_sides = (dot.low is None, "<", min(known)), (dot.high is None, ">", max(known))
    if (dot.low is None) != (dot.high is None):
        # Open on one side: an arrow says that nobody knows how far.
        for is_open, marker, at in open_sides:
            if is_open:
                axes.plot(at, row, marker=marker, markersize=5, color=colour)
    if dot.value is not None:
        axes.plot(
            dot.value,
            row,
            marker="o",
            markersize=5,
            markeredgecolor=colour,
            markerfacecolor=colour if dot.is_best else PAPER,
        )


def _cut(name: str) -> str:
    return name if len(name) <= NAME_CHARS else f"{name[: NAME_CHARS - 1]}…"

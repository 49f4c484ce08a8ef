"""A figure before it is drawn, and the words that go with every one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypeweb.services.report_columns import Column
from hypeweb.services.reports import Cell, Report, Row

if TYPE_CHECKING:
    from hypeweb.drawing.style import Rendering

CHANCE = {"hype_inf": 50.0}


@dataclass(frozen=True)
class Planned:
    """A figure not yet drawn: what it shows, and how it would be."""

    kind: str
    title: str
    alt: str
    data: Any
    """A frozen dataclass of plain values; with the versions it decides the bytes."""
    draw: Callable[[Any], "Rendering"]


def scaled(column: Column, value: float | None) -> float | None:
    """Return a number in the unit it is printed in."""
    return None if value is None else value * column.factor


def axis_label(column: Column) -> str:
    """Return what an axis says of a number: its unit, and which way is better."""
    arrow = {"up": " ↑", "down": " ↓", "": ""}[column.direction]
    unit = f", {column.unit}" if column.unit else ""
    return f"{column.label}{unit}{arrow}"


def cells_of(report: Report, column: Column) -> list[tuple[Row, Cell]]:
    """Return one number of every arm."""
    index = report.columns.index(column)
    return [(row, row.cells[index]) for row in report.rows]


def printed(column: Column, cell: Cell) -> str:
    """Return a number with unit and interval as the table prints them."""
    unit = f" {column.unit}" if column.unit else ""
    return f"{cell.text}{unit} {cell.interval_text}".strip()


def extremes(report: Report, column: Column) -> str:
    """Return one number's highest and lowest arm in a sentence, ties said as such."""
    known = [
        (cell.value, row.arm_label, printed(column, cell))
        for row, cell in cells_of(report, column)
        if cell.value is not None
    ]
    if not known:
        return f"{column.label}: none yet."
    high, low = max(known), min(known)
    if len(known) == 1:
        return f"{column.label} of “{high[1]}”: {high[2]}."
    if high[0] == low[0]:
        return f"{column.label} is {high[2]} in all arms."
    return f"{column.label} goes from {low[2]} (“{low[1]}”) to {high[2]} (“{high[1]}”)."


def listed(sentences: Sequence[str]) -> str:
    """Return sentences as one text."""
    return " ".join(sentence for sentence in sentences if sentence)

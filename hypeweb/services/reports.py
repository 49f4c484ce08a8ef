"""The report: people and metrics side by side, every number from one place."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from django.db.models import Count

from hypeweb.models import (
    Arm,
    Evaluation,
    Judgment,
    Sample,
    SampleSet,
    Score,
    Session,
    Study,
)
from hypeweb.services import evaluations, studies

Population = Literal["people", "simulated"]
N_GRID = 24


@dataclass(frozen=True)
class Column:
    """One number of the table: what it is and which way is better."""

    key: str
    label: str
    group: Literal["people", "metrics"]
    unit: str
    direction: Literal["up", "down", ""]
    digits: int
    help: str
    factor: float = 1.0


@dataclass(frozen=True)
class Cell:
    """One number of one arm, as a number and as it is printed everywhere."""

    key: str
    value: float | None
    low: float | None
    high: float | None
    text: str
    interval_text: str
    is_best: bool
    note: str


@dataclass(frozen=True)
class Row:
    """One arm of the report."""

    arm_label: str
    sample_set: SampleSet
    cells: tuple[Cell, ...]
    n_evaluators: int
    n_judgments: int
    n_shown_again: int
    state_text: str
    warnings: tuple[str, ...]
    grid: tuple[int, ...]
    provenance: dict[str, object]


@dataclass(frozen=True)
class Report:
    """What the page, the JSON and the CSV show of a study."""

    study: Study
    population: Population
    other_population: Population | None
    headline: tuple[str, ...]
    notes: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    settings: tuple[tuple[str, str], ...]
    real_grid: tuple[int, ...]


# Biased by the number of images, so that arms of other sizes are no match.
DEPEND_ON_COUNT = frozenset({"fid", "inception_score_mean"})

UNTIMED_COLUMNS = (
    Column(
        "hype_inf",
        "HYPE_inf",
        "people",
        "%",
        "up",
        1,
        "share of images judged wrongly; 50 % is chance",
        100,
    ),
    Column(
        "fakes_error",
        "Fakes error",
        "people",
        "%",
        "up",
        1,
        "share of generated images taken for real",
        100,
    ),
    Column(
        "reals_error",
        "Reals error",
        "people",
        "%",
        "",
        1,
        "share of real images taken for generated",
        100,
    ),
)
TIMED_COLUMNS = (
    Column(
        "hype_time",
        "HYPE_time",
        "people",
        "ms",
        "up",
        0,
        "modal exposure of the staircase, averaged over blocks and evaluators",
    ),
)
METRIC_COLUMNS = (
    Column(
        "fid",
        "FID",
        "metrics",
        "",
        "down",
        2,
        "Fréchet distance of the extractor's features to those of the real set",
    ),
    Column(
        "inception_score_mean",
        "Inception Score",
        "metrics",
        "",
        "up",
        2,
        "exp of the mean divergence of label predictions from their average",
    ),
    Column(
        "precision",
        "Precision",
        "metrics",
        "",
        "up",
        3,
        "share of generated images inside the real manifold (k = 3)",
    ),
    Column(
        "recall",
        "Recall",
        "metrics",
        "",
        "up",
        3,
        "share of real images inside the generated manifold (k = 3)",
    ),
)


def build_report(study: Study, *, population: Population | None = None) -> Report:
    """Return the report of a study for people, or for simulated evaluators."""
    arms = list(study.arms.select_related("sample_set"))
    scores = list(Score.objects.filter(arm__study=study).select_related("arm"))
    scored = {score.population for score in scores}
    chosen = population or _default_population(scored)
    other: Population = "simulated" if chosen == "people" else "people"
    columns = (TIMED_COLUMNS if study.is_timed else UNTIMED_COLUMNS) + METRIC_COLUMNS
    runs = evaluations.evaluations_of(study)
    shown_again = _n_shown_again(study, chosen)
    rows = _mark_best(
        columns,
        [
            _row(
                arm,
                columns,
                [s for s in scores if s.arm_id == arm.pk and s.population == chosen],
                runs.get(arm.sample_set_id),
                n_shown_again=shown_again.get(arm.pk, 0),
            )
            for arm in arms
        ],
    )
    return Report(
        study=study,
        population=chosen,
        other_population=other if other in scored else None,
        headline=_headline(columns, rows, chosen),
        notes=_notes(study, chosen, rows),
        columns=columns,
        rows=rows,
        settings=tuple(studies.describe(study)),
        real_grid=_grid(study.real_set),
    )


def as_json(report: Report) -> dict[str, object]:
    """Return the report as plain data: the page's numbers and their strings."""
    return {
        "study": report.study.name,
        "slug": report.study.slug,
        "protocol": report.study.protocol,
        "population": report.population,
        "headline": list(report.headline),
        "notes": list(report.notes),
        "settings": dict(report.settings),
        "columns": [
            {
                "key": column.key,
                "label": column.label,
                "unit": "share" if column.unit == "%" else column.unit,
                "better": {"up": "higher", "down": "lower", "": None}[column.direction],
                "help": column.help,
            }
            for column in report.columns
        ],
        "arms": [_row_json(row) for row in report.rows],
    }


def as_csv_rows(report: Report) -> list[list[str]]:
    """Return the report as a table of strings, heading first."""
    heading = ["arm", "population", "evaluators", "judgments"]
    for column in report.columns:
        heading += [column.key, f"{column.key}_low", f"{column.key}_high"]
    table = [heading]
    for row in report.rows:
        line = [row.arm_label, report.population]
        line += [str(row.n_evaluators), str(row.n_judgments)]
        for cell in row.cells:
            line += [_plain(cell.value), _plain(cell.low), _plain(cell.high)]
        table.append(line)
    return table


def as_text(report: Report) -> str:
    """Return the report's table for a terminal."""
    table = [["arm", *(_heading(column) for column in report.columns), "evaluators"]]
    for row in report.rows:
        cells = [
            f"{cell.text} {cell.interval_text}".strip() + ("*" * cell.is_best)
            for cell in row.cells
        ]
        table.append([row.arm_label, *cells, str(row.n_evaluators)])
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        for line in table
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in [*lines, "", *report.notes])


def _heading(column: Column) -> str:
    arrow = {"up": " ↑", "down": " ↓", "": ""}[column.direction]
    unit = f" ({column.unit})" if column.unit else ""
    return f"{column.label}{unit}{arrow}"


def _n_shown_again(study: Study, population: Population) -> dict[int, int]:
    counted = (
        Judgment.objects.filter(
            trial__session__study=study,
            trial__session__population=population,
            trial__session__state=Session.State.FINISHED,
            exposure_flags__contains="shown_again",
        )
        .values_list("trial__session__arm")
        .annotate(n=Count("pk"))
    )
    return dict(counted)


def _default_population(scored: set[str]) -> Population:
    return "simulated" if scored == {Session.Population.SIMULATED} else "people"


def _row(
    arm: Arm,
    columns: Sequence[Column],
    scores: Sequence[Score],
    run: Evaluation | None,
    *,
    n_shown_again: int,
) -> Row:
    numbers: dict[str, tuple[float, float | None, float | None, str]] = {
        score.kind: (score.value, score.low, score.high, score.note) for score in scores
    }
    if run and run.state == Evaluation.State.DONE:
        numbers |= {
            result.name: (result.value, result.low, result.high, "")
            for result in run.results.all()
        }
    main = next((score for score in scores if score.kind == columns[0].key), None)
    return Row(
        arm_label=arm.label,
        sample_set=arm.sample_set,
        cells=tuple(_cell(column, numbers.get(column.key)) for column in columns),
        n_evaluators=main.n_evaluators if main else 0,
        n_judgments=main.n_judgments if main else 0,
        n_shown_again=n_shown_again,
        state_text=_state_text(run),
        warnings=tuple(w.message for w in run.warnings.all()) if run else (),
        grid=_grid(arm.sample_set),
        provenance=run.provenance if run else {},
    )


def _cell(
    column: Column, number: tuple[float, float | None, float | None, str] | None
) -> Cell:
    if number is None:
        return Cell(column.key, None, None, None, "not yet", "", False, "")
    value, low, high, note = number
    text = f"{value * column.factor:.{column.digits}f}"
    interval = ""
    if low is not None and high is not None:
        interval = (
            f"[{low * column.factor:.{column.digits}f}, "
            f"{high * column.factor:.{column.digits}f}]"
        )
    return Cell(column.key, value, low, high, text, interval, False, note)


def _mark_best(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Row, ...]:
    same_counts = len({row.sample_set.n_samples for row in rows}) == 1
    best: dict[str, float] = {}
    for index, column in enumerate(columns):
        values = [v for row in rows if (v := row.cells[index].value) is not None]
        is_fair = same_counts or column.key not in DEPEND_ON_COUNT
        if len(values) > 1 and column.direction and is_fair:
            best[column.key] = max(values) if column.direction == "up" else min(values)
    return tuple(
        replace(
            row,
            cells=tuple(
                replace(cell, is_best=cell.value == best.get(cell.key))
                if cell.value is not None
                else cell
                for cell in row.cells
            ),
        )
        for row in rows
    )


def _headline(
    columns: Sequence[Column], rows: Sequence[Row], population: Population
) -> tuple[str, ...]:
    """Say first which arm people and metrics put on top, and how clearly."""
    who = "people" if population == "people" else "simulated evaluators"
    subjects = {
        "hype_inf": f"By {who}, “{{arm}}” has the highest HYPE_inf",
        "hype_time": f"By {who}, “{{arm}}” has the highest HYPE_time",
        "fid": "By the metrics, “{arm}” has the lowest FID",
    }
    sentences = []
    for index, column in enumerate(columns):
        winners = [row for row in rows if row.cells[index].is_best]
        if column.key not in subjects or len(winners) != 1:
            continue
        (winner,) = winners
        value = f"{winner.cells[index].text} {column.unit}".strip()
        sentence = f"{subjects[column.key].format(arm=winner.arm_label)}: {value}"
        others = [
            row.arm_label
            for row in rows
            if row is not winner and _overlap(winner.cells[index], row.cells[index])
        ]
        if others:
            named = ", ".join(f"“{label}”" for label in others)
            sentence += f"; its interval overlaps that of {named}"
        sentences.append(f"{sentence}.")
    return tuple(sentences)


def _overlap(one: Cell, other: Cell) -> bool:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low <= other.high and other.low <= one.high


def _notes(
    study: Study, population: Population, rows: Sequence[Row]
) -> tuple[str, ...]:
    notes = []
    if population == "simulated":
        notes.append(
            "Every judgment in this report comes from simulated evaluators: it shows "
            "how the report works, and says nothing about what people see."
        )
    elif not any(row.n_evaluators for row in rows):
        notes.append("No evaluator has finished yet, so there is no human score.")
    counts = sorted({row.sample_set.n_samples for row in rows})
    if len(counts) > 1:
        notes.append(
            f"The arms have between {counts[0]} and {counts[-1]} images. FID and "
            "Inception Score depend on the number, so their best is not marked."
        )
    n_shown_again = sum(row.n_shown_again for row in rows)
    if n_shown_again:
        notes.append(
            f"{n_shown_again} timed images were shown more than once, after a reload."
        )
    if any(row.state_text for row in rows):
        notes.append("Some automated metrics are missing: see the state of each arm.")
    if study.is_open:
        notes.append("The study is still open; the numbers may change.")
    return tuple(notes)


def _state_text(run: Evaluation | None) -> str:
    if run is None:
        return "metrics were not requested"
    if run.state == Evaluation.State.DONE:
        return ""
    if run.state == Evaluation.State.FAILED:
        return f"metrics failed: {run.error}"
    return f"metrics {run.get_state_display()}"


def _grid(sample_set: SampleSet) -> tuple[int, ...]:
    """Return samples spread evenly over the set, so that none is picked by hand."""
    n = min(N_GRID, sample_set.n_samples)
    positions = [index * sample_set.n_samples // n for index in range(n)]
    return tuple(
        Sample.objects.filter(sample_set=sample_set, position__in=positions)
        .order_by("position")
        .values_list("pk", flat=True)
    )


def _plain(value: float | None) -> str:
    return "" if value is None else repr(value)


def _row_json(row: Row) -> dict[str, object]:
    return {
        "arm": row.arm_label,
        "sample_set": row.sample_set.name,
        "content_hash": row.sample_set.content_hash,
        "n_evaluators": row.n_evaluators,
        "n_judgments": row.n_judgments,
        "state": row.state_text,
        "warnings": list(row.warnings),
        "provenance": row.provenance,
        "numbers": {
            cell.key: {
                "value": cell.value,
                "low": cell.low,
                "high": cell.high,
                "text": cell.text,
                "interval_text": cell.interval_text,
                "is_best": cell.is_best,
                "note": cell.note,
            }
            for cell in row.cells
        },
    }

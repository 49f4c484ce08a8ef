"""Figures of reports: from the report's numbers to stored files, in the worker."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Max, Q, QuerySet

from hypeweb.models import Evaluation, Study, StudyFigure
from hypeweb.services import reports, sweeps
from hypeweb.services.errors import NotFoundError
from hypeweb.services.report_columns import METRIC_COLUMNS, Column, score_columns
from hypeweb.services.reports import Population, Report

if TYPE_CHECKING:
    from hypeweb.drawing.style import Rendering

FORMATS = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}
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


def draw_study(study_id: int, *, now: datetime) -> None:
    """Draw what a study's reports show; what has not changed is not drawn again."""
    study = Study.objects.select_related("real_set").get(pk=study_id)
    first = reports.build_report(study)
    built = [first]
    if first.other_population is not None:
        built.append(reports.build_report(study, population=first.other_population))
    figures = [
        _stored(report, position, planned, now=now)
        for report in built
        for position, planned in enumerate(_planned(report))
    ]
    with transaction.atomic():
        Study.objects.select_for_update(of=("self",)).get(pk=study_id)
        old = StudyFigure.objects.filter(study=study)
        if old.filter(drawn_at__gt=now).exists():
            return  # a later reading of the numbers was quicker
        old.delete()
        StudyFigure.objects.bulk_create(figures)


def figures_of(study: Study, *, population: Population) -> QuerySet[StudyFigure]:
    """Return what was last drawn for a report."""
    return StudyFigure.objects.filter(study=study, population=population)


def read_figure(study: Study, pk: int, suffix: str) -> bytes:
    """Return a figure's file in one of the formats."""
    figure = StudyFigure.objects.filter(study=study, pk=pk).first()
    if figure is None:
        raise NotFoundError(
            "This figure was drawn anew since; reload the report to see it."
        )
    with default_storage.open(figure.storage_key(suffix)) as file:
        data: bytes = file.read()
    return data


def undrawn() -> list[int]:
    """Return sweeps with numbers that are in no figure yet."""
    measured = Q(
        arms__sample_set__evaluations__state=Evaluation.State.DONE,
        arms__sample_set__evaluations__real_set=F("real_set"),
        arms__sample_set__evaluations__extractor=F("extractor"),
    )
    found = Study.objects.exclude(sweep_axis=Study.SweepAxis.NONE).annotate(
        drawn=Max("figures__drawn_at"),
        scored=Max("arms__scores__computed_at"),
        measured=Max("arms__sample_set__evaluations__finished_at", filter=measured),
    )
    has_numbers = Q(scored__isnull=False) | Q(measured__isnull=False)
    late = Q(drawn__isnull=True) | Q(drawn__lt=F("scored")) | Q(drawn__lt=F("measured"))
    return list(found.filter(has_numbers, late).values_list("pk", flat=True))


def _planned(report: Report) -> Iterator[Planned]:
    if report.study.is_sweep:
        yield from _sweep_curves(report)


def _sweep_curves(report: Report) -> Iterator[Planned]:
    """Plan a curve of the published score, and one of each metric."""
    from hypeweb.drawing.curves import Curve, Point, draw_curve

    study = report.study
    axis = study.SweepAxis(study.sweep_axis).label
    places = list(study.arms.values_list("axis_value", flat=True))
    for column in (score_columns(study)[0], *METRIC_COLUMNS):
        index = report.columns.index(column)
        points = [
            Point(
                x=place,
                tick=sweeps.tick(study.sweep_axis, place),
                value=cell.value * column.factor,
                low=None if cell.low is None else cell.low * column.factor,
                high=None if cell.high is None else cell.high * column.factor,
            )
            for place, row in zip(places, report.rows, strict=True)
            if (cell := row.cells[index]).value is not None and place is not None
        ]
        if points:
            yield Planned(
                kind=f"sweep_{column.key}",
                title=f"{column.label} over {axis}",
                alt=_alt(report, column, places),
                data=Curve(
                    title=column.label,
                    x_label=axis,
                    y_label=_y_label(column),
                    points=tuple(points),
                    reference=CHANCE.get(column.key),
                    reference_label="chance",
                ),
                draw=draw_curve,
            )


def _alt(report: Report, column: Column, places: Sequence[float | None]) -> str:
    """Return the curve in words: each arm's number and interval as printed."""
    index = report.columns.index(column)
    unit = f" {column.unit}" if column.unit else ""
    better = {"up": ", higher is better", "down": ", lower is better", "": ""}
    told = []
    for place, row in zip(places, report.rows, strict=True):
        cell = row.cells[index]
        where = "no truncation" if place is not None and math.isinf(place) else ""
        where = where or sweeps.tick(report.study.sweep_axis, place or 0.0)
        told.append(f"{where}: {cell.text}{unit} {cell.interval_text}".strip())
    return (
        f"{column.label} over {report.study.get_sweep_axis_display()}"
        f"{better[column.direction]}. {'; '.join(told)}."
    )


def _y_label(column: Column) -> str:
    arrow = {"up": " ↑", "down": " ↓", "": ""}[column.direction]
    unit = f", {column.unit}" if column.unit else ""
    return f"{column.label}{unit}{arrow}"


def _stored(
    report: Report, position: int, planned: Planned, *, now: datetime
) -> StudyFigure:
    """Return a figure whose files are there, drawn unless they already were."""
    figure = StudyFigure(
        study=report.study,
        population=report.population,
        kind=planned.kind,
        position=position,
        title=planned.title,
        alt=planned.alt,
        content_hash=_hash(planned),
        drawn_at=now,
    )
    keys = {suffix: figure.storage_key(suffix) for suffix in FORMATS}
    if not all(default_storage.exists(key) for key in keys.values()):
        rendering = planned.draw(planned.data)
        for suffix, key in keys.items():
            default_storage.delete(key)
            default_storage.save(key, ContentFile(getattr(rendering, suffix)))
    return figure


def _hash(planned: Planned) -> str:
    from hypeweb.drawing.style import versions

    content = [planned.kind, versions(), asdict(planned.data)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()

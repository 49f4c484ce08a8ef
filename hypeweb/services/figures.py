"""Figures of reports: from what is stored to files, in the worker."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Max, Q, QuerySet

from hypeweb.models import Evaluation, Score, Study, StudyFigure
from hypeweb.models.scores import Exclusions
from hypeweb.services import answer_details, reports
from hypeweb.services.errors import NotFoundError
from hypeweb.services.planned_figures import Planned
from hypeweb.services.reports import ExclusionsChoice, Population, Report

SVG = "image/svg+xml"
FORMATS = {
    "svg": SVG,
    "dark.svg": SVG,
    "pdf": "application/pdf",
    "png": "image/png",
}
# While a study runs its numbers change with every session that ends.
DRAW_EVERY = timedelta(minutes=5)


def draw_study(study_id: int, *, now: datetime) -> None:
    """Draw what a study's reports show; what has not changed is not drawn again."""
    study = Study.objects.select_related("real_set").get(pk=study_id)
    figures = [
        _stored(report, position, planned, now=now)
        for report in _reports(study)
        for position, planned in enumerate(_planned(report))
    ]
    with transaction.atomic():
        Study.objects.select_for_update(of=("self",)).get(pk=study_id)
        old = StudyFigure.objects.filter(study=study)
        if old.filter(drawn_at__gt=now).exists():
            return  # a later reading of the numbers was quicker
        old.delete()
        StudyFigure.objects.bulk_create(figures)


def is_soon(study_id: int, *, now: datetime) -> bool:
    """Say whether a running study was drawn so lately that it can wait."""
    lately = StudyFigure.objects.filter(study=study_id, drawn_at__gt=now - DRAW_EVERY)
    is_running = Study.objects.filter(pk=study_id, state=Study.State.OPEN).exists()
    return is_running and lately.exists()


def figures_of(
    study: Study, *, population: Population, exclusions: ExclusionsChoice = "none"
) -> QuerySet[StudyFigure]:
    """Return what was last drawn for a report."""
    return StudyFigure.objects.filter(
        study=study, population=population, exclusions=exclusions
    )


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


def undrawn(*, now: datetime) -> list[int]:
    """Return studies with numbers that are in no figure yet, and can be drawn now."""
    can_wait = Q(state=Study.State.OPEN, drawn__gt=now - DRAW_EVERY)
    due = Q(drawn__isnull=True) | ~can_wait
    return list(_behind().filter(due).values_list("pk", flat=True))


def is_drawn(study: Study) -> bool:
    """Say whether a study's figures show its latest numbers."""
    return not _behind().filter(pk=study.pk).exists()


def _behind() -> QuerySet[Study]:
    measured = Q(
        arms__sample_set__evaluations__state=Evaluation.State.DONE,
        arms__sample_set__evaluations__real_set=F("real_set"),
        arms__sample_set__evaluations__extractor=F("extractor"),
    )
    found = Study.objects.annotate(
        drawn=Max("figures__drawn_at"),
        scored=Max("arms__scores__computed_at"),
        measured=Max("arms__sample_set__evaluations__finished_at", filter=measured),
    )
    has_numbers = Q(scored__isnull=False) | Q(measured__isnull=False)
    late = Q(drawn__isnull=True) | Q(drawn__lt=F("scored")) | Q(drawn__lt=F("measured"))
    return found.filter(has_numbers, late)


def _reports(study: Study) -> Iterator[Report]:
    """Return every report with numbers of its own, and one where there is none."""
    scored = Score.objects.filter(arm__study=study)
    bases = set(scored.values_list("population", "exclusions"))
    for population, exclusions in sorted(bases) or [("people", Exclusions.NONE)]:
        yield reports.build_report(
            study,
            population="simulated" if population == "simulated" else "people",
            exclusions="applied" if exclusions == Exclusions.APPLIED else "none",
        )


def _planned(report: Report) -> Iterator[Planned]:
    """Plan every figure of a report; only here the site loads what draws."""
    from hypeweb.services import answer_figures, report_figures  # noqa: PLC0415

    yield from report_figures.plan(report)
    details = answer_details.answer_details(
        report.study, population=report.population, exclusions=report.exclusions
    )
    if details is not None:
        yield from answer_figures.plan(report, details)


def _stored(
    report: Report, position: int, planned: Planned, *, now: datetime
) -> StudyFigure:
    """Return a figure whose files are there, drawn unless they already were."""
    figure = StudyFigure(
        study=report.study,
        population=report.population,
        exclusions=report.exclusions,
        kind=planned.kind,
        position=position,
        title=planned.title,
        alt=planned.alt,
        content_hash=_hash(planned),
        drawn_at=now,
    )
    keys = {suffix: figure.storage_key(suffix) for suffix in FORMATS}
    same = StudyFigure.objects.filter(content_hash=figure.content_hash).first()
    if same is not None and all(default_storage.exists(key) for key in keys.values()):
        figure.width_pt, figure.height_pt = same.width_pt, same.height_pt
        return figure
    rendering = planned.draw(planned.data)
    figure.width_pt, figure.height_pt = rendering.width_pt, rendering.height_pt
    for suffix, key in keys.items():
        default_storage.delete(key)
        data = getattr(rendering, suffix.replace(".", "_"))
        default_storage.save(key, ContentFile(data))
    return figure


def _hash(planned: Planned) -> str:
    from hypeweb.drawing.style import versions

    content = [planned.kind, versions(), asdict(planned.data)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()

"""Exports: what a study has collected, as tables without anybody's identity."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import BooleanField, Case, ExpressionWrapper, F, Q, QuerySet, When

from hypeweb.models import Evaluation, Judgment, MetricWarning, Score, Study, Trial
from hypeweb.services import comparisons, evaluations, export_formats
from hypeweb.services.export_columns import TABLES, ExportTable, What
from hypeweb.services.export_formats import Format, Row
from hypeweb.services.pseudonyms import pseudonym
from hypeweb.services.scores import COUNTS

Population = Literal["people", "simulated", "preview", "all"]
ROWS_AT_A_TIME = 2000


@dataclass(frozen=True)
class Selection:
    """Which rows: of whom, and whether only those that the scores rest on."""

    population: Population = "people"
    scored_only: bool = False


def export(
    study: Study, *, what: What, form: Format, selection: Selection
) -> Iterator[bytes]:
    """Return a file of one of the tables, piece by piece."""
    table = TABLES[what]
    return export_formats.write(table, rows_of(study, table, selection), form)


def file_name(study: Study, *, what: What, form: Format, selection: Selection) -> str:
    """Return what a downloaded export is called."""
    parts = [study.slug, what]
    if what != "evaluations":
        parts.append(selection.population)
    if what == "judgments" and selection.scored_only:
        parts.append("scored")
    return f"{'-'.join(parts)}.{form}"


def rows_of(study: Study, table: ExportTable, selection: Selection) -> Iterator[Row]:
    """Return a table's rows as they come from the database."""
    found = _QUERIES[table.what](study, selection)
    sources = [column.source for column in table.columns]
    converted = _converters(study, table)
    for row in found.values_list(*sources).iterator(chunk_size=ROWS_AT_A_TIME):
        values = list(row)
        for index, convert in converted:
            values[index] = convert(values[index])
        yield values


def _converters(
    study: Study, table: ExportTable
) -> list[tuple[int, Callable[[object], object]]]:
    """Return what turns the database's values into the table's, by column."""
    arms = list(study.arms.all())
    names = comparisons.arm_names(arms)
    by_set = {arm.sample_set_id: names[arm.pk] for arm in arms}
    warned = _warnings(study) if table.what == "evaluations" else {}
    convert: dict[str, Callable[[object], object]] = {
        "arm": (by_set if table.what == "evaluations" else names).get,  # type: ignore[dict-item]
        "evaluator": lambda pk: pseudonym(study, pk),  # type: ignore[arg-type]
        "quality_flags": lambda flags: ",".join(flags or ()),  # type: ignore[arg-type]
        "shown_ms": _measured,
        "warnings": lambda pk: json.dumps(warned.get(pk, []), ensure_ascii=False),  # type: ignore[call-overload]
        "provenance": lambda value: json.dumps(value, ensure_ascii=False),
    }
    return [
        (index, convert[column.name])
        for index, column in enumerate(table.columns)
        if column.name in convert
    ]


def _measured(shown_ms: object) -> object:
    """Return an exposure, and nothing for one that cannot have been."""
    return shown_ms if isinstance(shown_ms, float) and shown_ms > 0 else None


def _warnings(study: Study) -> dict[int, list[dict[str, str]]]:
    found: dict[int, list[dict[str, str]]] = {}
    runs = evaluations.runs_of(study).prefetch_related(None)
    of_study = MetricWarning.objects.filter(evaluation__in=runs)
    for pk, code, message in of_study.values_list("evaluation_id", "code", "message"):
        found.setdefault(pk, []).append({"code": code, "message": message})
    return found


def _judgments(study: Study, selection: Selection) -> QuerySet[Judgment]:
    found = Judgment.objects.filter(trial__session__study=study)
    if selection.population != "all":
        found = found.filter(trial__session__population=selection.population)
    if selection.scored_only:
        found = found.filter(COUNTS)
    is_scored = ExpressionWrapper(COUNTS, output_field=BooleanField())
    # The order in which scores read them, so that whoever scores them anew agrees.
    return found.annotate(is_scored=is_scored).order_by(
        "trial__session__finished_at",
        "trial__session_id",
        "trial__block",
        "trial__number",
    )


def _trials(study: Study, selection: Selection) -> QuerySet[Trial]:
    found = Trial.objects.filter(session__study=study)
    if selection.population != "all":
        found = found.filter(session__population=selection.population)
    answered = Q(judgment__isnull=False)
    is_over = answered | Q(session__finished_at__isnull=False)
    return found.annotate(
        is_answered=ExpressionWrapper(answered, output_field=BooleanField()),
        shown_sample=Case(When(is_over, then=F("sample_id"))),
        shown_content_hash=Case(When(is_over, then=F("sample__content_hash"))),
        shown_source_name=Case(When(is_over, then=F("sample__source_name"))),
        shown_truth=Case(When(is_over, then=F("truth"))),
        shown_purpose=Case(When(is_over, then=F("purpose"))),
    ).order_by("session_id", "block", "number")


def _scores(study: Study, selection: Selection) -> QuerySet[Score]:
    found = Score.objects.filter(arm__study=study)
    if selection.population != "all":
        found = found.filter(population=selection.population)
    return found.order_by("arm__position", "population", "exclusions", "kind")


def _evaluations(study: Study, selection: Selection) -> QuerySet[Evaluation]:
    del selection  # metrics have no evaluators
    return (
        evaluations.runs_of(study).prefetch_related(None).order_by("pk", "results__pk")
    )


_QUERIES: dict[What, Callable[[Study, Selection], QuerySet[Any]]] = {
    "judgments": _judgments,
    "trials": _trials,
    "scores": _scores,
    "evaluations": _evaluations,
}

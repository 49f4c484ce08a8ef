"""The report: page, JSON, CSV."""

import csv
from typing import get_args

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from hypeweb import access
from hypeweb.services import figures, report_formats, reports
from hypeweb.services.errors import DomainError
from hypeweb.services.reports import ExclusionsChoice, Population, Report


def _build(request: HttpRequest, slug: str) -> Report:
    study = access.study(access.researcher(request), slug)
    population = request.GET.get("population")
    if population is not None and population not in get_args(Population):
        raise DomainError(
            f"The population must be people or simulated; got {population}."
        )
    exclusions = request.GET.get("exclusions", "none")
    if exclusions not in get_args(ExclusionsChoice):
        raise DomainError(f"The exclusions must be none or applied; got {exclusions}.")
    return reports.build_report(
        study,
        population=population,  # type: ignore[arg-type]
        exclusions=exclusions,  # type: ignore[arg-type]
    )


def _attachment(report: Report, suffix: str) -> str:
    applied = "-exclusions-applied" if report.exclusions == "applied" else ""
    name = f"{report.study.slug}-{report.population}{applied}.{suffix}"
    return f'attachment; filename="{name}"'


@login_required
@require_GET
def report(request: HttpRequest, slug: str) -> HttpResponse:
    built = _build(request, slug)
    address = reverse("report", args=[slug])
    other, applied = built.other_population, built.excluded.is_applied
    context = {
        "report": built,
        "study": built.study,
        "figures": figures.figures_of(built.study, population=built.population),
        "can_change": access.can_change(access.researcher(request), built.study),
        "other_exclusions_url": f"{address}?population={built.population}"
        f"&exclusions={'none' if applied else 'applied'}",
        "other_population_url": f"{address}?population={other}"
        f"&exclusions={built.exclusions}"
        if other
        else None,
    }
    return render(request, "reports/report.html", context)


@login_required
@require_GET
def report_json(request: HttpRequest, slug: str) -> HttpResponse:
    built = _build(request, slug)
    response = JsonResponse(
        report_formats.as_json(built), json_dumps_params={"indent": 2}
    )
    response["Content-Disposition"] = _attachment(built, "json")
    return response


@login_required
@require_GET
def report_csv(request: HttpRequest, slug: str) -> HttpResponse:
    built = _build(request, slug)
    return _csv(built, "csv", report_formats.as_csv_rows(built))


@login_required
@require_GET
def comparisons_csv(request: HttpRequest, slug: str) -> HttpResponse:
    built = _build(request, slug)
    return _csv(built, "comparisons.csv", report_formats.as_comparison_rows(built))


def _csv(report: Report, suffix: str, rows: list[list[str]]) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = _attachment(report, suffix)
    csv.writer(response).writerows(rows)
    return response

"""The report: page, JSON, CSV."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import get_args

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from hypeweb import access, tasks
from hypeweb.models import ReportPdf, Study, StudyFigure
from hypeweb.services import figures, paper, report_formats, report_pdfs, reports
from hypeweb.services.errors import DomainError
from hypeweb.services.reports import ExclusionsChoice, Population, Report

# What a report can be had as, by the end of its address.
FILES = {
    "pdf": "PDF",
    "json": "JSON",
    "csv": "CSV",
    "comparisons.csv": "CSV of comparisons",
    "tex": "LaTeX",
    "bib": "BibTeX",
    "txt": "Methods",
}
ADDRESSES = {
    "pdf": "report_pdf",
    "json": "report_json",
    "csv": "report_csv",
    "comparisons.csv": "comparisons_csv",
    "tex": "report_tex",
    "bib": "report_bib",
    "txt": "report_txt",
}
TEXTS: dict[str, Callable[[Report], str]] = {
    "tex": paper.latex_table,
    "bib": paper.bibtex,
    "txt": paper.methods_text,
}


@dataclass(frozen=True)
class ReportPage:
    """What one template shows of a report: as it is now, or of a version."""

    report: Report
    study: Study
    figures: Sequence[StudyFigure]
    figure_root: str
    downloads: tuple[tuple[str, str], ...] = ()
    other_population_url: str = ""
    other_exclusions_url: str = ""
    share_token: str = ""


def render_page(
    request: HttpRequest,
    page: ReportPage,
    context: Mapping[str, object],
    *,
    status: int = 200,
) -> HttpResponse:
    """Return the page; nothing on it leads a reader with a link further."""
    whole = {one.name: getattr(page, one.name) for one in fields(page)}
    whole["paper"] = paper.for_page(page.report)
    return render(request, "reports/report.html", {**whole, **context}, status=status)


def exclusions_of(request: HttpRequest) -> ExclusionsChoice:
    """Return whether an address asks to leave out whom the rules leave out."""
    exclusions = request.GET.get("exclusions", "none")
    if exclusions not in get_args(ExclusionsChoice):
        raise DomainError(f"The exclusions must be none or applied; got {exclusions}.")
    return exclusions  # type: ignore[return-value]


def population_of(request: HttpRequest) -> Population | None:
    """Return whose judgments an address asks for; None leaves it to the report."""
    population = request.GET.get("population")
    if population is not None and population not in get_args(Population):
        raise DomainError(
            f"The population must be people or simulated; got {population}."
        )
    return population  # type: ignore[return-value]


def file_of(report: Report, form: str, *, name: str) -> HttpResponse:
    """Return a report as a file to download."""
    applied = "-exclusions-applied" if report.exclusions == "applied" else ""
    response: HttpResponse
    if form == "json":
        response = JsonResponse(
            report_formats.as_json(report), json_dumps_params={"indent": 2}
        )
    elif form in TEXTS:
        response = HttpResponse(
            TEXTS[form](report), content_type="text/plain; charset=utf-8"
        )
    else:
        rows = {
            "csv": report_formats.as_csv_rows,
            "comparisons.csv": report_formats.as_comparison_rows,
        }[form](report)
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        csv.writer(response).writerows(rows)
    response["Content-Disposition"] = f'attachment; filename="{name}{applied}.{form}"'
    return response


def pdf_response(pdf: ReportPdf | None, *, name: str) -> HttpResponse:
    """Return a PDF that is there; else say that it is not."""
    response = HttpResponse(report_pdfs.read_pdf(pdf), content_type="application/pdf")
    applied = "-exclusions-applied" if pdf and pdf.exclusions == "applied" else ""
    response["Content-Disposition"] = f'attachment; filename="{name}{applied}.pdf"'
    return response


@login_required
@require_http_methods(["GET", "POST"])
def report_pdf(request: HttpRequest, slug: str) -> HttpResponse:
    """Show how far the PDF of the report as it is now is; ask for it anew."""
    user = access.researcher(request)
    is_post = request.method == "POST"
    study = access.study_to_change(user, slug) if is_post else access.study(user, slug)
    population = population_of(request) or reports.population_shown(study)
    exclusions = exclusions_of(request)
    if is_post:
        wanted = report_pdfs.request_pdf(
            study=study, population=population, exclusions=exclusions
        )
        tasks.enqueue(tasks.set_pdf, wanted.pk)
        return redirect(request.get_full_path())
    pdf = report_pdfs.pdf_of(
        study, version=None, population=population, exclusions=exclusions
    )
    if "download" in request.GET:
        return pdf_response(pdf, name=f"{slug}-{population}")
    context = {
        "study": study,
        "pdf": pdf,
        "population": population,
        "exclusions": exclusions,
        "can_change": access.can_change(user, study),
    }
    return render(request, "reports/pdf.html", context)


def _build(request: HttpRequest, slug: str) -> Report:
    study = access.study(access.researcher(request), slug)
    return reports.build_report(
        study,
        population=population_of(request),
        exclusions=exclusions_of(request),
    )


@login_required
@require_GET
def report(request: HttpRequest, slug: str) -> HttpResponse:
    built = _build(request, slug)
    address = reverse("report", args=[slug])
    other, applied = built.other_population, built.excluded.is_applied
    page = ReportPage(
        report=built,
        study=built.study,
        figures=list(
            figures.figures_of(
                built.study, population=built.population, exclusions=built.exclusions
            )
        ),
        figure_root=reverse("figure", args=[slug, 0, "svg"]).removesuffix("0.svg"),
        downloads=_downloads(built),
        other_population_url=f"{address}?population={other}"
        f"&exclusions={built.exclusions}"
        if other
        else "",
        other_exclusions_url=f"{address}?population={built.population}"
        f"&exclusions={'none' if applied else 'applied'}",
    )
    context = {
        "can_change": access.can_change(access.researcher(request), built.study),
    }
    return render_page(request, page, context)


@login_required
@require_GET
def report_file(request: HttpRequest, slug: str, form: str) -> HttpResponse:
    built = _build(request, slug)
    return file_of(built, form, name=f"{slug}-{built.population}")


def _downloads(report: Report) -> tuple[tuple[str, str], ...]:
    slug = report.study.slug
    query = f"?population={report.population}&exclusions={report.exclusions}"
    files = [
        (label, f"{reverse(ADDRESSES[form], args=[slug])}{query}")
        for form, label in FILES.items()
        if form != "comparisons.csv" or report.comparison
    ]
    return tuple(files)

"""Published versions of a report: publish, read, retract."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from hypeweb import access, tasks
from hypeweb.models import ReportVersion
from hypeweb.project_forms import PublishForm, RetractForm
from hypeweb.services import report_links, report_pdfs
from hypeweb.services import report_versions as service
from hypeweb.services.errors import DomainError
from hypeweb.services.reports import ExclusionsChoice
from hypeweb.views import reports
from hypeweb.views.reports import ReportPage


@login_required
@require_http_methods(["GET", "POST"])
def report_versions(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    is_post = request.method == "POST"
    found = access.study_to_change(user, slug) if is_post else access.study(user, slug)
    form = PublishForm(request.POST if is_post else None)
    if is_post and form.is_valid():
        try:
            version = service.publish(
                study=found,
                population=form.cleaned_data["population"],
                note=form.cleaned_data["note"],
                actor=user,
                now=timezone.now(),
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            tasks.set_pdfs_of(version)
            return redirect("report_version", slug=slug, number=version.number)
    context = {
        "study": found,
        "versions": service.versions_of(found),
        "form": form,
        "can_change": access.can_change(user, found),
    }
    status = 400 if form.errors else 200
    return render(request, "reports/versions.html", context, status=status)


@login_required
@require_GET
def report_version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    return _member_page(request, slug, number, RetractForm())


@login_required
@require_POST
def report_version_retract(
    request: HttpRequest, slug: str, number: int
) -> HttpResponse:
    user = access.researcher(request)
    version = access.report_version(access.study_to_change(user, slug), number)
    form = RetractForm(request.POST)
    if not form.is_valid():
        return _member_page(request, slug, number, form)
    service.retract(
        version=version,
        reason=form.cleaned_data["reason"],
        actor=user,
        now=timezone.now(),
    )
    return redirect("report_version", slug=slug, number=number)


@login_required
@require_POST
def report_version_pdf(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Have a version's PDFs made that could not be."""
    found = access.study_to_change(access.researcher(request), slug)
    tasks.set_pdfs_of(access.report_version(found, number))
    return redirect("report_version", slug=slug, number=number)


@login_required
@require_GET
def report_version_file(
    request: HttpRequest, slug: str, number: int, form: str
) -> HttpResponse:
    found = access.study(access.researcher(request), slug)
    return version_file(request, access.report_version(found, number), form)


def version_file(
    request: HttpRequest, version: ReportVersion, form: str
) -> HttpResponse:
    """Return a version as a file: the document itself, or made from it."""
    name = service.file_name(version)
    if form == "json":
        response = HttpResponse(version.document, content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="{name}.json"'
        return response
    exclusions = reports.exclusions_of(request)
    if form == "pdf":
        pdf = report_pdfs.pdf_of(
            version.study,
            version=version,
            population=version.population,
            exclusions=exclusions,
        )
        return reports.pdf_response(pdf, name=name)
    published = service.read(version, exclusions=exclusions)
    return reports.file_of(published.report, form, name=name)


def version_page(
    request: HttpRequest,
    version: ReportVersion,
    *,
    share_token: str = "",
    form: RetractForm | None = None,
) -> HttpResponse:
    """Return the page of a version, for a member or for who has its link."""
    exclusions = reports.exclusions_of(request)
    published = service.read(version, exclusions=exclusions)
    own, root = _addresses(version, share_token)
    other: ExclusionsChoice = "none" if exclusions == "applied" else "applied"
    page = ReportPage(
        report=published.report,
        study=version.study,
        figures=published.figures,
        figure_root=root,
        downloads=_downloads(published, share_token),
        other_exclusions_url=f"{own}?exclusions={other}"
        if published.has_exclusions
        else "",
        share_token=share_token,
    )
    context = {
        "published": published,
        "retract_form": form,
        "failed_pdf": report_pdfs.failed_of(version) if form is not None else None,
    }
    status = 400 if form is not None and form.errors else 200
    return reports.render_page(request, page, context, status=status)


def _member_page(
    request: HttpRequest, slug: str, number: int, form: RetractForm
) -> HttpResponse:
    user = access.researcher(request)
    found = access.study(user, slug)
    version = access.report_version(found, number)
    may_retract = access.can_change(user, found)
    return version_page(request, version, form=form if may_retract else None)


def _addresses(version: ReportVersion, share_token: str) -> tuple[str, str]:
    """Return a version's own address and the one its figures are below."""
    if share_token:
        own = reverse("shared_report", args=[share_token])
        figure = reverse("shared_figure", args=[share_token, 0, "svg"])
    else:
        names = [version.study.slug, version.number]
        own = reverse("report_version", args=names)
        figure = reverse("version_figure", args=[*names, 0, "svg"])
    return own, figure.removesuffix("0.svg")


def _downloads(
    published: service.Published, share_token: str
) -> tuple[tuple[str, str], ...]:
    version, report = published.version, published.report
    of_study = version.study
    found = []
    for form, label in reports.FILES.items():
        if form == "comparisons.csv" and not report.comparison:
            continue
        if form == "pdf" and share_token and not report_links.shows_images(of_study):
            continue
        address = (
            reverse("shared_report_file", args=[share_token, form])
            if share_token
            else reverse(
                "report_version_file", args=[version.study.slug, version.number, form]
            )
        )
        query = "" if form == "json" else f"?exclusions={report.exclusions}"
        found.append((label, f"{address}{query}"))
    return tuple(found)

"""Links to a report: make, withdraw, and the page behind one."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from hypeweb import access
from hypeweb.project_forms import LIVE, ReportLinkForm
from hypeweb.services import figures, report_links, report_versions, samples
from hypeweb.services.errors import DomainError
from hypeweb.services.reports import build_report
from hypeweb.views import reports
from hypeweb.views.report_versions import version_file, version_page
from hypeweb.views.reports import ReportPage


@login_required
@require_http_methods(["GET", "POST"])
def study_links(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    versions = list(report_versions.versions_of(found))
    wanted = request.GET.get("version", "")
    form = ReportLinkForm(
        request.POST if request.method == "POST" else None,
        versions=versions,
        chosen=int(wanted) if wanted.isdecimal() else LIVE,
    )
    now = timezone.now()
    if request.method == "POST" and form.is_valid():
        try:
            report_links.create_link(
                study=found,
                version=form.version(),
                days=form.lasts_days(),
                actor=user,
                now=now,
            )
        except DomainError as error:
            form.add_error("days", str(error))
        else:
            return redirect("report_links", slug=slug)
    links = report_links.links_of(found, now=now)
    for link in links:
        path = reverse("shared_report", args=[link.token])
        link.address = access.site_url(request, path)  # type: ignore[attr-defined]
    context = {"study": found, "links": links, "form": form}
    status = 400 if form.errors else 200
    return render(request, "reports/links.html", context, status=status)


@login_required
@require_POST
def study_link_revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.researcher(request)
    link = access.report_link(access.study_to_change(user, slug), pk)
    report_links.revoke_link(link=link, actor=user, now=timezone.now())
    return redirect("report_links", slug=slug)


@never_cache
@require_GET
def shared_report(request: HttpRequest, token: str) -> HttpResponse:
    """Show a report to whoever holds its link; nothing on it leads further."""
    link = access.shared_link(token, now=timezone.now())
    if link.version is not None:
        response = version_page(request, link.version, share_token=token)
    else:
        built = build_report(link.study)
        drawn = figures.figures_of(link.study, population=built.population)
        root = reverse("shared_figure", args=[token, 0, "svg"]).removesuffix("0.svg")
        page = ReportPage(
            report=built,
            study=link.study,
            figures=list(drawn),
            figure_root=root,
            share_token=token,
        )
        response = reports.render_page(request, page, {})
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


@never_cache
@require_GET
def shared_report_file(request: HttpRequest, token: str, form: str) -> HttpResponse:
    """Hand a published version's files to whoever holds its link."""
    version = access.shared_version(token, form=form, now=timezone.now())
    return version_file(request, version, form)


@require_GET
@cache_control(private=True, max_age=3600)
def shared_image(request: HttpRequest, token: str, pk: int) -> HttpResponse:
    found = access.shared_sample(token, pk, now=timezone.now())
    return HttpResponse(samples.read_png(found), content_type="image/png")

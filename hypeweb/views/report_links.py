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
from hypeweb.project_forms import ReportLinkForm
from hypeweb.services import figures, report_links, reports, samples


@login_required
@require_http_methods(["GET", "POST"])
def study_links(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.researcher(request)
    found = access.study_to_change(user, slug)
    form = ReportLinkForm(request.POST if request.method == "POST" else None)
    now = timezone.now()
    if request.method == "POST" and form.is_valid():
        report_links.create_link(
            study=found, days=form.cleaned_data["days"], actor=user, now=now
        )
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
    found = access.shared_report(token, now=timezone.now())
    built = reports.build_report(found)
    context = {
        "report": built,
        "study": found,
        "figures": figures.figures_of(found, population=built.population),
        "share_token": token,
    }
    response = render(request, "reports/report.html", context)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


@require_GET
@cache_control(private=True, max_age=3600)
def shared_image(request: HttpRequest, token: str, pk: int) -> HttpResponse:
    found = access.shared_sample(token, pk, now=timezone.now())
    return HttpResponse(samples.read_png(found), content_type="image/png")

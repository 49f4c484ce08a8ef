"""The figures of a report, as files."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from hypeweb import access
from hypeweb.models import ReportVersion, Study
from hypeweb.services import figures, report_versions


@login_required
@require_GET
@cache_control(private=True, max_age=3600)
def figure(request: HttpRequest, slug: str, pk: int, suffix: str) -> HttpResponse:
    found = access.study(access.researcher(request), slug)
    return _file(found, pk, suffix)


@require_GET
@cache_control(private=True, max_age=3600)
def shared_figure(
    request: HttpRequest, token: str, pk: int, suffix: str
) -> HttpResponse:
    link = access.shared_link(token, now=timezone.now())
    if link.version is not None:
        return _version_file(link.version, pk, suffix)
    return _file(link.study, pk, suffix)


@login_required
@require_GET
@cache_control(private=True, max_age=3600)
def version_figure(
    request: HttpRequest, slug: str, number: int, pk: int, suffix: str
) -> HttpResponse:
    found = access.study(access.researcher(request), slug)
    return _version_file(access.report_version(found, number), pk, suffix)


def _file(study: Study, pk: int, suffix: str) -> HttpResponse:
    data = figures.read_figure(study, pk, suffix)
    return _response(data, suffix, f"{study.slug}-{pk}")


def _version_file(version: ReportVersion, pk: int, suffix: str) -> HttpResponse:
    data = report_versions.read_file(version, pk, suffix)
    return _response(data, suffix, f"{version.study.slug}-v{version.number}-{pk}")


def _response(data: bytes, suffix: str, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type=figures.FORMATS[suffix])
    response["Content-Disposition"] = f'inline; filename="{name}.{suffix}"'
    # A drawing styles itself, and needs nothing else.
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    )
    return response

"""The figures of a report, as files."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from hypeweb import access
from hypeweb.models import Study
from hypeweb.services import figures


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
    found = access.shared_report(token, now=timezone.now())
    return _file(found, pk, suffix)


def _file(study: Study, pk: int, suffix: str) -> HttpResponse:
    data = figures.read_figure(study, pk, suffix)
    response = HttpResponse(data, content_type=figures.FORMATS[suffix])
    name = f"{study.slug}-{pk}.{suffix}"
    response["Content-Disposition"] = f'inline; filename="{name}"'
    # A drawing styles itself, and needs nothing else.
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    )
    return response

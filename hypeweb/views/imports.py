"""How a set came in and goes out: its report, another try, its zip."""

import csv
from collections.abc import Iterator

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from hypeweb import access, tasks
from hypeweb.sample_forms import RetryForm, checked
from hypeweb.services import imports, set_archives, validation


@login_required
@require_GET
def sample_set_report(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.sample_set(access.researcher(request), pk)
    context = {"sample_set": found, "report": validation.build_report(found)}
    return render(request, "sample_sets/report.html", context)


@login_required
@require_GET
def skipped_csv(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    found = access.sample_set(access.researcher(request), pk)
    writer = csv.writer(_Echo())
    lines: Iterator[str] = map(writer.writerow, validation.skipped_rows(found))
    return _download(lines, f"{found.name} skipped.csv", "text/csv; charset=utf-8")


@login_required
@require_GET
def sample_set_zip(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    found = access.sample_set(access.researcher(request), pk)
    pieces = set_archives.stream_zip(found)
    return _download(pieces, f"{found.name}.zip", "application/zip")


@login_required
@require_POST
def sample_set_retry(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.sample_set_to_change(access.researcher(request), pk)
    size = checked(RetryForm(request.POST))["size"]
    job = imports.retry(found, size=size)
    tasks.enqueue(tasks.import_samples, job.pk)
    return redirect("sample_set", pk=found.pk)


class _Echo:
    """A file whose lines come back to whoever writes them."""

    def write(self, line: str) -> str:
        return line


def _download(
    pieces: Iterator[bytes] | Iterator[str], name: str, content_type: str
) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces, content_type=content_type)
    disposition = content_disposition_header(as_attachment=True, filename=name)
    if disposition:
        response["Content-Disposition"] = disposition
    return response

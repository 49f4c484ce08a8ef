"""Exports: the page that offers them, the files, the data dictionary."""

import csv

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from hypeweb import access
from hypeweb.forms import ExportForm
from hypeweb.models import Study
from hypeweb.services import data_dictionary, export_formats
from hypeweb.services import exports as service
from hypeweb.services.errors import DomainError
from hypeweb.services.export_columns import What
from hypeweb.services.export_formats import CONTENT_TYPES, Format
from hypeweb.services.exports import Selection


@login_required
@require_GET
def exports(request: HttpRequest, slug: str) -> HttpResponse:
    found = access.study(access.researcher(request), slug)
    form = ExportForm(request.GET or None)
    context = {
        "study": found,
        "form": form,
        "query": request.GET.urlencode() if form.is_valid() else "",
        "tables": data_dictionary.tables(),
        "formats": export_formats.FORMATS,
    }
    status = 400 if form.errors else 200
    return render(request, "studies/exports.html", context, status=status)


@login_required
@require_GET
def export(
    request: HttpRequest, slug: str, what: What, form: Format
) -> StreamingHttpResponse:
    found = access.study(access.researcher(request), slug)
    chosen = ExportForm(request.GET)
    if not chosen.is_valid():
        field, errors = next(iter(chosen.errors.items()))
        raise DomainError(f"The export's {field} cannot be used: {errors[0]}")
    return export_response(found, what, form, chosen.as_selection())


def export_response(
    study: Study, what: What, form: Format, selection: Selection
) -> StreamingHttpResponse:
    """Send an export as a file while it is being read from the database."""
    response = StreamingHttpResponse(
        service.export(study, what=what, form=form, selection=selection),
        content_type=CONTENT_TYPES[form],
    )
    name = service.file_name(study, what=what, form=form, selection=selection)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_GET
def dictionary_csv(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="data-dictionary.csv"'
    csv.writer(response).writerows(data_dictionary.as_rows())
    return response

"""What the API can do, as a page for people."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from hypeweb.views.api.interface import operations


@login_required
@require_GET
def api_description(request: HttpRequest) -> HttpResponse:
    return render(request, "account/api.html", {"operations": operations()})

"""The front door."""

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("studies")
    return render(request, "home.html")


@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 while this process can serve and reach its database."""
    connection.ensure_connection()
    return JsonResponse({"status": "ok"})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.accepts("text/html"):
        return render(request, "404.html", status=404)
    return JsonResponse({"error": "There is nothing at this address."}, status=404)

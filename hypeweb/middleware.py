"""What every response carries, and how a domain error reaches a person."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from hypeweb.services.errors import DomainError

GetResponse = Callable[[HttpRequest], HttpResponse]

HEADERS = {
    # Nothing inline, nothing from elsewhere; the trial shows images as blobs.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    # Isolation sharpens the browser's clock from 100 to 5 microseconds.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


# Where evaluators are, or one who previews: not images, which have no language.
EVALUATORS_PATHS = re.compile(r"/(e|p|s)/|/studies/[^/]+/preview/$")


def languages(get_response: GetResponse) -> GetResponse:
    """Speak each evaluator's language on their pages, and English on all others.

    The one chosen on the page goes before the browser's. A study with a fixed language
    overrules both, once access.py has found it.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if not EVALUATORS_PATHS.match(request.path_info):
            with translation.override(settings.LANGUAGE_CODE):
                return get_response(request)
        request.LANGUAGE_CODE = translation.get_language_from_request(request)
        with translation.override(request.LANGUAGE_CODE):
            response = get_response(request)
            response["Content-Language"] = translation.get_language()
        patch_vary_headers(response, ("Accept-Language",))
        return response

    return middleware


def security_headers(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        return response

    return middleware


API = "/api/v1/"
BAD_REQUEST = 400
API_ERRORS = {
    BAD_REQUEST: ("invalid", "The request cannot be read."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address; see the API's description."),
    405: ("method_not_allowed", "This address does not take this method."),
    500: ("server_error", "Something went wrong that was not foreseen; try again."),
}


def api_errors(get_response: GetResponse) -> GetResponse:
    """Give what Django itself answers to a script the form of the API's errors."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_told = response.get("Content-Type", "").startswith("application/json")
        if (
            not request.path.startswith(API)
            or response.status_code < BAD_REQUEST
            or is_told
        ):
            return response
        code, message = API_ERRORS.get(response.status_code, API_ERRORS[BAD_REQUEST])
        told = JsonResponse({"code": code, "message": message})
        told.status_code = response.status_code
        if "Allow" in response:
            told["Allow"] = response["Allow"]
        return told

    return middleware


class DomainErrors:
    """Answers a domain error with its sentence, as a page or as JSON."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, error: Exception
    ) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if request.accepts("text/html"):
            context = {"message": str(error), "back": _page_before(request)}
            return render(request, "error.html", context, status=error.status)
        return JsonResponse({"error": str(error)}, status=error.status)


def _page_before(request: HttpRequest) -> str:
    """Return the page of this site that somebody came from, if it says so."""
    page = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()})
    is_another = page != request.build_absolute_uri()
    return page if is_ours and is_another else ""

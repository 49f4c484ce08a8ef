"""Every error in one form: {code, message}."""

from collections.abc import Mapping, Sequence

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError

from hypeweb.services.errors import DomainError

UNAUTHENTICATED = (
    "Send a valid access token as `Authorization: Bearer hype_...`; make one on the "
    "site under Access tokens."
)
CODES = {400: "invalid", 401: "unauthenticated", 429: "too_many_requests"}


def add_handlers(api: NinjaAPI) -> None:
    """Give an API the answers to whatever may be raised below it."""
    api.add_exception_handler(DomainError, _domain_error)
    api.add_exception_handler(ValidationError, _validation_error)
    api.add_exception_handler(HttpError, _http_error)


def _domain_error(
    request: HttpRequest, error: DomainError | type[DomainError]
) -> HttpResponse:
    code, status = "invalid", 400
    if isinstance(error, DomainError):
        code, status = error.code, error.status
    return _response(code, str(error), status)


def _validation_error(
    request: HttpRequest, error: ValidationError | type[ValidationError]
) -> HttpResponse:
    found = error.errors if isinstance(error, ValidationError) else []
    return _response("invalid_request", _sentence(found), 422)


def _http_error(
    request: HttpRequest, error: HttpError | type[HttpError]
) -> HttpResponse:
    if isinstance(error, AuthenticationError):
        response = _response("unauthenticated", UNAUTHENTICATED, 401)
        response["WWW-Authenticate"] = "Bearer"
        return response
    if isinstance(error, Throttled):
        message = "This token has made too many requests; wait a minute."
        return _response("too_many_requests", message, 429)
    status = error.status_code if isinstance(error, HttpError) else 400
    return _response(CODES.get(status, "invalid"), f"{error}.", status)


def _sentence(errors: Sequence[Mapping[str, object]]) -> str:
    """Return what is wrong with the first of a request's faulty fields."""
    first: Mapping[str, object] = errors[0] if errors else {}
    where = first.get("loc", ())
    path = [str(step) for step in where] if isinstance(where, list | tuple) else []
    # The name of the view's own argument says nothing to who sent the body.
    if path[:1] == ["body"]:
        path = ["body", *path[2:]]
    said = str(first.get("msg", "it cannot be read")).rstrip(".")
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{'.'.join(path) or 'The request'}: {said}{more}."


def _response(code: str, message: str, status: int) -> JsonResponse:
    return JsonResponse({"code": code, "message": message}, status=status)

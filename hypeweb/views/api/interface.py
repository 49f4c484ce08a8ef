"""The API itself: its routers, and what its description says of every operation."""

from dataclasses import dataclass
from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from hypeweb.services.replies import MAX_KEY_LENGTH
from hypeweb.views.api import (
    errors,
    evaluations,
    exports,
    generators,
    projects,
    reports,
    samples,
    scores,
    sessions,
    studies,
    uploads,
)
from hypeweb.views.api.auth import AccessTokenAuth, PerToken
from hypeweb.views.api.fields import Error
from hypeweb.views.api.idempotency import HEADER, idempotent

ROOT = "/api/v1"
DESCRIPTION = """\
Push samples from a training loop, run studies, read scores and metrics back.

Every request carries an access token (`Authorization: Bearer hype_...`), made on the
site with the scopes it needs. Lists come in pages of `limit` items from `offset` on. A
POST that carries an `Idempotency-Key` is carried out once within 24 hours: sent again
with the same body it gets the same reply, with another body it is refused. Every error
is an object with a `code` for programs and a `message` for people."""

# What may go wrong with any request.
ERRORS = {
    400: "What was asked for cannot be done; the message says why.",
    401: "There is no valid token.",
    403: "The token, or the person's role in the project, does not allow this.",
    404: "There is nothing of this name that the token's owner may see.",
    409: "This is no longer, or not yet, possible.",
    422: "The request is not what the description asks for.",
    429: "The token has made too many requests in this minute.",
}
KEY_PARAMETER = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "description": "Makes the request safe to send again.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_KEY_LENGTH,
        "pattern": "^[!-~]+$",
    },
}


class Description(OpenAPISchema):
    """The OpenAPI document, with the scopes, keys and errors of every operation."""

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        details: dict[str, Any] = super().operation_details(operation)
        if "POST" in operation.methods:
            details["parameters"] = [*details["parameters"], KEY_PARAMETER]
        self.schemas["Error"] = Error.model_json_schema()
        reference = {"$ref": "#/components/schemas/Error"}
        for status, description in ERRORS.items():
            details["responses"][status] = {
                "description": description,
                "content": {"application/json": {"schema": reference}},
            }
        return details

    def operation_security(self, operation: Operation) -> list[dict[str, Any]] | None:
        super().operation_security(operation)  # which declares the scheme
        return [
            {AccessTokenAuth.__name__: [check.scope.value]}
            for check in operation.auth_callbacks
            if isinstance(check, AccessTokenAuth)
        ]


class Interface(NinjaAPI):
    """An API that is described as above."""

    def get_openapi_schema(
        self,
        *,
        path_prefix: str | None = None,
        path_params: dict[str, Any] | None = None,
    ) -> OpenAPISchema:
        prefix = path_prefix or self.get_root_path(path_params or {})
        return Description(self, prefix)


api = Interface(
    title="hypeweb",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url=None,
    throttle=PerToken(),
)
errors.add_handlers(api)
api.add_decorator(idempotent)
for stage in (
    projects,
    uploads,
    samples,
    generators,
    studies,
    sessions,
    scores,
    evaluations,
    reports,
    exports,
):
    api.add_router("", stage.router, tags=[stage.__name__.rsplit(".", 1)[-1]])


@dataclass(frozen=True)
class Described:
    """One operation, as the page on the API lists it."""

    method: str
    path: str
    summary: str
    scope: str


def operations() -> list[Described]:
    """Return every operation of the API in the order of the pipeline."""
    return [
        Described(
            method=method.upper(),
            path=path.removeprefix(ROOT),
            summary=details["description"],
            scope=details["security"][0][AccessTokenAuth.__name__][0],
        )
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, details in methods.items()
    ]

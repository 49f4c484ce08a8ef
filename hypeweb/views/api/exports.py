"""Exports: whole tables as files."""

from typing import Annotated, Any

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Field, Path, Query, Router, Schema

from hypeweb import access
from hypeweb.services import data_dictionary
from hypeweb.services.export_columns import ExportTable, What
from hypeweb.services.export_formats import CONTENT_TYPES, Format
from hypeweb.services.exports import Population, Selection
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import Slug
from hypeweb.views.exports import export_response

router = Router()

FILE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "The table, sent while it is being read.",
            "content": {
                kind.split(";", 1)[0]: {
                    "schema": {"type": "array", "items": {"type": "object"}}
                    if form == "json"
                    else {"type": "string", "format": "binary"}
                }
                for form, kind in CONTENT_TYPES.items()
            },
        }
    }
}


class ExportQuery(Schema):
    """Which rows, and in what kind of file."""

    format: Format = Field("csv", description="Of the file.")
    population: Population = Field("people", description="Whose rows.")
    scored_only: bool = Field(
        False, description="Only judgments that the scores rest on."
    )

    def as_selection(self) -> Selection:
        return Selection(self.population, self.scored_only)


class ExportColumnOut(Schema):
    """One column of an export."""

    name: str
    kind: str
    unit: str
    help: str


class ExportTableOut(Schema):
    """One table of the exports."""

    what: str
    row: str
    columns: list[ExportColumnOut]


@router.get(
    "/studies/{slug}/exports/{what}", auth=needs(Scope.EXPORT), openapi_extra=FILE
)
def export_table(
    request: HttpRequest,
    slug: Slug,
    what: Annotated[What, Path(description="Which table.")],
    chosen: Query[ExportQuery],
) -> StreamingHttpResponse:
    """Download a table, evaluators under pseudonyms made for this study alone."""
    study = access.study(user_of(request), slug)
    return export_response(study, what, chosen.format, chosen.as_selection())


@router.get("/data-dictionary", response=list[ExportTableOut], auth=needs(Scope.READ))
def read_data_dictionary(request: HttpRequest) -> list[ExportTable]:
    """Return what every column of the exports holds."""
    return data_dictionary.tables()

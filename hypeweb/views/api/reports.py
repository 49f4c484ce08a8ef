"""Reports: people and metrics side by side."""

from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from ninja import Field, Query, Router, Schema
from pydantic import ConfigDict

from hypeweb import access
from hypeweb.services import report_formats
from hypeweb.services import reports as service
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import Scored, Slug

router = Router()


class ColumnOut(Schema):
    """One number that the report prints of every arm."""

    key: str
    label: str
    unit: str
    better: str | None = Field(description="higher or lower; null where neither is.")
    help: str


class ReportOut(Schema):
    """The report as the page prints it; the same object as its report.json."""

    model_config = ConfigDict(extra="allow")

    study: str = Field(description="The study's name.")
    slug: str = Field(description="Its short name in its address.")
    protocol: str
    population: str = Field(description="Whose judgments: people or simulated.")
    headline: list[str] = Field(
        description="How people and FID rank the arms, and how clearly; or why not."
    )
    notes: list[str] = Field(description="What to keep in mind.")
    settings: dict[str, str] = Field(description="The study's settings, as printed.")
    columns: list[ColumnOut]
    arms: list[dict[str, Any]] = Field(
        description="For each arm its numbers by column, with intervals and as printed."
    )
    comparison: dict[str, Any] | None = Field(
        description="Tests, pairs and ranking of the arms."
    )
    people_and_metrics: dict[str, Any] | None = Field(
        description="Whether people and metrics order the arms alike."
    )


@router.get("/studies/{slug}/report", response=ReportOut, auth=needs(Scope.READ))
def read_report(
    request: HttpRequest,
    slug: Slug,
    population: Annotated[
        Scored | None,
        Query(description="Whose judgments; people's, if there are any."),
    ] = None,
    exclusions: Annotated[
        service.ExclusionsChoice,
        Query(description="applied: without whom the study's rules leave out."),
    ] = "none",
) -> JsonResponse:
    """Return a study's report; nothing is computed for it."""
    study = access.study(user_of(request), slug)
    report = service.build_report(study, population=population, exclusions=exclusions)
    return JsonResponse(report_formats.as_json(report))

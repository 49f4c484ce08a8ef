"""Scores: what people say of the arms."""

from datetime import datetime
from typing import Annotated

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from ninja.pagination import paginate

from hypeweb import access
from hypeweb.models import Score
from hypeweb.services import scores as service
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import Paged, Scored, Slug

router = Router()


class ScoreOut(Schema):
    """One number on one arm, with its interval."""

    arm: str = Field(alias="arm.label", description="The arm's label.")
    sample_set: int = Field(alias="arm.sample_set_id", description="Its sample set.")
    population: str = Field(description="Whose judgments: people or simulated.")
    kind: str = Field(
        description="Which number, such as hype_inf (a share from 0 to 1) or hype_time "
        "(in ms)."
    )
    value: float | None = Field(
        description="The number; null where only a bound or a statement is known."
    )
    low: float | None = Field(description="Lower end of its 95 % interval.")
    high: float | None = Field(description="Upper end of its 95 % interval.")
    bound: str = Field(
        description="below or above where it lies beyond the exposures shown."
    )
    statement: str = Field(
        description="The result in words, where a number would not do."
    )
    n_evaluators: int = Field(description="Evaluators it rests on.")
    n_judgments: int = Field(description="Judgments it rests on.")
    note: str = Field(description="Cautions, in sentences.")
    method: str = Field(description="How number and interval were computed.")
    judgments_hash: str = Field(
        description="SHA-256 of the judgments it was computed from."
    )
    computed_at: datetime


@router.get("/studies/{slug}/scores", response=list[ScoreOut], auth=needs(Scope.READ))
@paginate(Paged)
def list_scores(
    request: HttpRequest,
    slug: Slug,
    population: Annotated[
        Scored | None, Query(description="Whose judgments; both if left out.")
    ] = None,
) -> QuerySet[Score]:
    """List the scores of a study's arms."""
    study = access.study(user_of(request), slug)
    return service.scores_of(study, population=population)

"""Evaluations: the automated metrics of each arm."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Router, Schema
from ninja.pagination import paginate
from ninja.responses import Status
from pydantic import ConfigDict

from hypeweb import access, tasks
from hypeweb.models import Evaluation
from hypeweb.services import evaluations as service
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import Paged, PathId, Slug

router = Router()


class MetricOut(Schema):
    """One number of an evaluation."""

    name: str = Field(description="As `python -m metrics` names it, such as fid.")
    value: float
    low: float | None = Field(description="Lower end of its interval, if computed.")
    high: float | None = Field(description="Upper end of its interval, if computed.")


class WarningOut(Schema):
    """One doubt that the metrics package raised."""

    code: str
    message: str


class EvaluationOut(Schema):
    """One run of the metrics on a real and a generated set."""

    model_config = ConfigDict(populate_by_name=True)

    id: int = Field(description="Its number.")
    real_set: int = Field(alias="real_set_id", description="The real sample set.")
    sample_set: int = Field(alias="sample_set_id", description="The generated one.")
    extractor: str = Field(description="The network whose features are compared.")
    state: str = Field(description="queued, running, done or failed.")
    stage: str = Field(description="What a running one is busy with.")
    percent: int = Field(description="How far it is.")
    error: str = Field(description="Why it failed; empty where it did not.")
    created_at: datetime
    finished_at: datetime | None
    results: list[MetricOut] = Field(description="Empty until it is done.")
    warnings: list[WarningOut]
    provenance: dict[str, Any] = Field(
        description="What the numbers were computed from and with."
    )


class EvaluationsOut(Schema):
    """The evaluations of a study."""

    items: list[EvaluationOut]


@router.get(
    "/studies/{slug}/evaluations",
    response=list[EvaluationOut],
    auth=needs(Scope.READ),
)
@paginate(Paged)
def list_evaluations(request: HttpRequest, slug: Slug) -> QuerySet[Evaluation]:
    """List the evaluations of a study's arms."""
    return service.runs_of(access.study(user_of(request), slug))


@router.post(
    "/studies/{slug}/evaluations",
    response={202: EvaluationsOut},
    auth=needs(Scope.EVALUATIONS),
)
def start_evaluations(request: HttpRequest, slug: Slug) -> Status[EvaluationsOut]:
    """Ask for the evaluation of every arm; those there are stay as they are."""
    study = access.study_to_change(user_of(request), slug)
    for run in service.request_evaluations(study):
        tasks.enqueue(tasks.evaluate, run.pk)
    found = [EvaluationOut.from_orm(run) for run in service.runs_of(study)]
    return Status(202, EvaluationsOut(items=found))


@router.get("/evaluations/{pk}", response=EvaluationOut, auth=needs(Scope.READ))
def read_evaluation(request: HttpRequest, pk: PathId) -> Evaluation:
    """Return one evaluation with its results, warnings and provenance."""
    return access.evaluation(user_of(request), pk)


@router.post(
    "/studies/{slug}/evaluations/{pk}/retry",
    response={202: EvaluationOut},
    auth=needs(Scope.EVALUATIONS),
)
def retry_evaluation(
    request: HttpRequest, slug: Slug, pk: PathId
) -> Status[EvaluationOut]:
    """Let a failed evaluation of a study run again."""
    user = user_of(request)
    study = access.study_to_change(user, slug)
    found = access.evaluation_of(study, pk)
    service.retry(found)
    tasks.enqueue(tasks.evaluate, found.pk)
    found.refresh_from_db()
    return Status(202, EvaluationOut.from_orm(found))

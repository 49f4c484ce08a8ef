"""Sessions: how far they are, without truth and without anybody's identity."""

from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Router, Schema
from ninja.pagination import paginate

from hypeweb import access
from hypeweb.models import Session
from hypeweb.services import session_counts
from hypeweb.services.session_counts import SessionCount
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import Paged, Slug

router = Router()


class SessionOut(Schema):
    """One evaluator's walk, seen from outside."""

    arm: str | None = Field(
        alias="arm_label",
        description="The arm's label; null before there is one, and within subjects.",
    )
    population: str = Field(description="people, simulated or preview.")
    state: str = Field(description="How far it is, such as running or finished.")
    n_trials: int = Field(description="Images planned so far.")
    n_judgments: int = Field(description="Images answered so far.")
    consented_at: datetime
    started_at: datetime | None
    last_seen_at: datetime
    finished_at: datetime | None


class SessionCountOut(Schema):
    """How many sessions of an arm and a population are in one state."""

    arm: str | None = Field(
        description="The arm's label; null before there is one, and within subjects."
    )
    population: str = Field(description="people, simulated or preview.")
    state: str = Field(description="How far they are, such as running or finished.")
    n_sessions: int


@router.get(
    "/studies/{slug}/sessions", response=list[SessionOut], auth=needs(Scope.READ)
)
@paginate(Paged)
def list_sessions(request: HttpRequest, slug: Slug) -> QuerySet[Session]:
    """List a study's sessions, newest first."""
    study = access.study(user_of(request), slug)
    return session_counts.sessions_of(study)


@router.get(
    "/studies/{slug}/sessions/counts",
    response=list[SessionCountOut],
    auth=needs(Scope.READ),
)
def count_sessions(request: HttpRequest, slug: Slug) -> list[SessionCount]:
    """Count a study's sessions by arm, population and state."""
    study = access.study(user_of(request), slug)
    return session_counts.counts_of(study)

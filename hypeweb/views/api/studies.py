"""Studies: make one, open it, invite people, close it."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema
from ninja.pagination import paginate
from ninja.responses import Status

from hypeweb import access, tasks
from hypeweb.models import Material, Study
from hypeweb.services import frozen_settings, pools
from hypeweb.services import studies as service
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import Paged, Slug
from hypeweb.views.api.study_settings import StudyIn

router = Router()


class StudySummary(Schema):
    """A study in a list."""

    slug: str = Field(description="Its short name in its address.")
    name: str
    project: int = Field(alias="project_id", description="Number of its project.")
    protocol: str = Field(description="hype_inf or hype_time.")
    state: str = Field(description="draft, open or closed.")
    created_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None


class ArmOut(Schema):
    """One arm, and how many people have judged it."""

    label: str
    sample_set: int = Field(alias="sample_set_id", description="Its sample set.")
    n_finished: int = Field(description="Finished sessions of people.")
    n_running: int = Field(description="Sessions of people under way.")
    n_simulated: int = Field(description="Finished sessions that were simulated.")


class StudyOut(StudySummary):
    """A study with its arms and settings."""

    real_set: int = Field(alias="real_set_id", description="The real sample set.")
    arms: list[ArmOut]
    settings: dict[str, Any] = Field(
        description="Every setting by name, and its images by hash."
    )
    blockers: list[str] = Field(
        description="What hinders a draft from opening; empty when it may."
    )
    is_preparing: bool = Field(
        description="Whether a worker still makes what a draft needs to open."
    )
    invitation_url: str | None = Field(
        description="The address that evaluators are invited with, while it is open."
    )

    @staticmethod
    def resolve_arms(found: Study) -> list[object]:
        return list(service.arms_with_counts(found))

    @staticmethod
    def resolve_settings(found: Study) -> dict[str, object]:
        return frozen_settings.settings_of(found)

    @staticmethod
    def resolve_blockers(found: Study) -> list[str]:
        return service.blockers(found) if found.is_draft else []

    @staticmethod
    def resolve_is_preparing(found: Study) -> bool:
        return service.is_preparing(found)

    @staticmethod
    def resolve_invitation_url(
        found: Study, context: dict[str, HttpRequest]
    ) -> str | None:
        link = pools.open_link_of(found)
        return access.invitation_url(context["request"], link) if link else None


def _out(request: HttpRequest, study: Study) -> StudyOut:
    return StudyOut.model_validate(study, context={"request": request})


@router.get("/studies", response=list[StudySummary], auth=needs(Scope.READ))
@paginate(Paged)
def list_studies(request: HttpRequest) -> QuerySet[Study]:
    """List the studies of the owner's projects, newest first."""
    return access.studies_of(user_of(request))


@router.post("/studies", response={201: StudyOut}, auth=needs(Scope.STUDIES))
def create_study(request: HttpRequest, payload: StudyIn) -> Status[StudyOut]:
    """Make a draft; masks, leak audit and evaluations are started with it."""
    user = user_of(request)
    real_set, *made = access.sample_sets_to_change(
        user, [payload.real_set, *payload.arms]
    )
    study = payload.as_study(owner=user, real_set=real_set)
    materials = {
        use.value: access.sample_sets_to_change(user, getattr(payload, f"{use}_sets"))
        for use in Material.Use
    }
    service.create_study(study=study, sample_sets=made, materials=materials)
    tasks.begin_study(study)
    return Status(201, _out(request, study))


@router.get("/studies/{slug}", response=StudyOut, auth=needs(Scope.READ))
def read_study(request: HttpRequest, slug: Slug) -> StudyOut:
    """Return a study with its settings, its arms' counts and its invitation."""
    return _out(request, access.study(user_of(request), slug))


@router.post(
    "/studies/{slug}/open", response={200: StudyOut}, auth=needs(Scope.STUDIES)
)
def open_study(request: HttpRequest, slug: Slug) -> Status[StudyOut]:
    """Freeze a draft's settings and images, and let evaluators in."""
    user = user_of(request)
    study = access.study_to_change(user, slug)
    service.open_study(study=study, actor=user, now=timezone.now())
    return Status(200, _out(request, access.study(user, slug)))


@router.post(
    "/studies/{slug}/close", response={200: StudyOut}, auth=needs(Scope.STUDIES)
)
def close_study(request: HttpRequest, slug: Slug) -> Status[StudyOut]:
    """Let nobody else in; sessions that have begun may still end."""
    user = user_of(request)
    study = access.study_to_change(user, slug)
    service.close_study(study=study, actor=user, now=timezone.now())
    return Status(200, _out(request, access.study(user, slug)))

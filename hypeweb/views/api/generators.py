"""Generators: which there are, and sample sets made of them."""

from datetime import datetime
from typing import Annotated, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Router, Schema
from ninja.pagination import paginate
from ninja.responses import Status
from pydantic import FiniteFloat

from hypeweb import access, tasks
from hypeweb.forms import EXTRACTORS
from hypeweb.models import Generator, Sampling, Study
from hypeweb.services import sampling as service
from hypeweb.services.sampling import Request, StudyWish
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import MAX_COUNT, Name, Paged, PathId, RowId

router = Router()


class GeneratorOut(Schema):
    """An ONNX file that the site can sample, as it was found to be."""

    id: int = Field(description="Its number.")
    name: str
    project: int = Field(alias="project_id", description="Number of its project.")
    model_name: str
    step: int | None
    dataset: str
    z_shape: str = Field(description="Shape of the latent of one image.")
    n_classes: int | None = Field(description="Null where it takes no class.")
    state: str = Field(description="queued, running, done or failed: whether tried.")
    error: str = Field(description="Why it cannot be sampled; empty where it can.")
    width: int = Field(description="Of its images; 0 before it was tried.")
    height: int
    sha256: str = Field(description="Of the file; empty before it was tried.")
    created_at: datetime


class StudyWishIn(Schema):
    """The study to be drafted once all sets are there."""

    name: Name
    real_set: RowId = Field(description="Number of the real set to compare with.")
    protocol: Literal[tuple(Study.Protocol.values)]  # type: ignore[valid-type]
    extractor: Literal[tuple(EXTRACTORS)]  # type: ignore[valid-type]


class SamplingIn(Schema):
    """What is wanted of a generator: one set for each truncation."""

    n_samples: int = Field(ge=1, le=service.MAX_SAMPLES, description="In each set.")
    seed: int = Field(
        ge=0, le=service.MAX_SEED, description="The same seed gives the same images."
    )
    truncations: list[FiniteFloat | None] = Field(
        min_length=1,
        max_length=service.MAX_TRUNCATIONS,
        description="Components of z beyond it are drawn again; null: no truncation.",
    )
    class_counts: list[Annotated[int, Field(ge=0, le=MAX_COUNT)]] | None = Field(
        None,
        max_length=100_000,
        description="Images of each class; null: as many of each.",
    )
    study: StudyWishIn | None = None


class SamplingRunOut(Schema):
    """How far one of the sets is."""

    sample_set: int = Field(alias="sample_set_id", description="Its number.")
    truncation: float | None
    state: str = Field(description="queued, running, done or failed.")
    percent: int
    error: str = Field(description="Why it failed; empty where it did not.")


class SamplingOut(Schema):
    """What was asked of a generator, and what came of it."""

    id: int = Field(description="Its number.")
    n_samples: int
    seed: int
    runs: list[SamplingRunOut]
    study: str | None = Field(description="Short name of the drafted study, or null.")
    study_error: str = Field(description="Why no study was drafted.")
    created_at: datetime

    @staticmethod
    def resolve_runs(found: Sampling) -> list[object]:
        return list(found.runs.all())

    @staticmethod
    def resolve_study(found: Sampling) -> str | None:
        return found.study.slug if found.study else None


@router.get("/generators", response=list[GeneratorOut], auth=needs(Scope.READ))
@paginate(Paged)
def list_generators(request: HttpRequest) -> QuerySet[Generator]:
    """List the generators of the owner's projects, newest first."""
    return access.generators_of(user_of(request))


@router.get("/generators/{pk}", response=GeneratorOut, auth=needs(Scope.READ))
def read_generator(request: HttpRequest, pk: PathId) -> Generator:
    """Return a generator and whether it can be sampled."""
    return access.generator(user_of(request), pk)


@router.get(
    "/generators/{pk}/samplings", response=list[SamplingOut], auth=needs(Scope.READ)
)
@paginate(Paged)
def list_samplings(request: HttpRequest, pk: PathId) -> QuerySet[Sampling]:
    """List what was asked of a generator, newest first."""
    found = access.generator(user_of(request), pk)
    return found.samplings.select_related("study").prefetch_related("runs")


@router.post(
    "/generators/{pk}/samplings",
    response={201: SamplingOut},
    auth=needs(Scope.SAMPLES),
)
def sample_generator(
    request: HttpRequest, pk: PathId, payload: SamplingIn
) -> Status[SamplingOut]:
    """Make a sample set for each truncation; workers fill them."""
    user = user_of(request)
    generator = access.generator_to_change(user, pk)
    wish = payload.study
    made = service.request_sampling(
        generator=generator,
        requested_by=user,
        request=Request(
            n_samples=payload.n_samples,
            seed=payload.seed,
            truncations=payload.truncations,
            class_counts=payload.class_counts,
            study=StudyWish(
                name=wish.name,
                real_set=access.real_set_for(user, generator, wish.real_set),
                protocol=wish.protocol,
                extractor=wish.extractor,
            )
            if wish
            else None,
        ),
    )
    for run in made.runs.all():
        tasks.enqueue(tasks.sample, run.pk)
    return Status(201, SamplingOut.from_orm(made))

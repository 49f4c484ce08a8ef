"""Generators: add one, see how it was tried, and make sample sets of it."""

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
from hypeweb.models.generators import MAX_CLASSES
from hypeweb.science.outputs import Layout, ValueRange
from hypeweb.services import generators
from hypeweb.services import sampling as service
from hypeweb.services.generators import Stated
from hypeweb.services.sampling import Request, StudyWish
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import (
    MAX_COUNT,
    MAX_ID,
    Name,
    Paged,
    PathId,
    RowId,
    Text,
    Word,
)

router = Router()


ZShape = Annotated[
    str,
    Field(
        max_length=60,
        pattern=r"^[1-9][0-9]{0,6}( *, *[1-9][0-9]{0,6}){0,3}$",
        description="Shape of the latent of one image, such as 128 or 512, 1, 1.",
    ),
]
NClasses = Annotated[
    int, Field(ge=2, le=MAX_CLASSES, description="Null where it takes no class.")
]
Range = Annotated[
    ValueRange,
    Field(description="Black and white: -1 and 1, 0 and 1, or 0 and 255."),
]
Channels = Annotated[Layout, Field(description="Whether channels come first or last.")]


class GeneratorIn(Schema):
    """A new generator: its file, and what the file does not say of itself."""

    name: Annotated[Name, Field(max_length=80)] = Field(
        description="Unique within its project."
    )
    upload: str = Field(
        max_length=43, description="Token of the complete upload of an ONNX file."
    )
    model_name: Annotated[Name, Field(description="The same for all checkpoints.")]
    z_shape: ZShape
    n_classes: NClasses | None = None
    value_range: Range = "signed"
    layout: Channels = "nchw"
    project: RowId | None = Field(
        None, description="Number of a project; the person's own if left out."
    )
    step: int | None = Field(
        None, ge=0, le=MAX_ID, description="The training step of its checkpoint."
    )
    dataset: Word = ""
    notes: Text = ""

    def as_generator(self) -> Generator:
        """Return the generator, not stored yet."""
        return Generator(**self.model_dump(exclude={"upload", "project"}))


class StatedIn(Schema):
    """What to correct of what was stated; what is left out stays."""

    z_shape: ZShape | None = None
    n_classes: NClasses | None = None
    value_range: Range | None = None
    layout: Channels | None = None

    def corrected(self, found: Generator) -> Stated:
        """Return what is now stated of a generator."""
        sent = self.model_dump(exclude_unset=True)
        before = StatedIn.from_orm(found).model_dump()
        given = {k: v for k, v in sent.items() if v is not None or k == "n_classes"}
        return Stated(**before | given)


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
    value_range: str = Field(description="signed, unit or byte.")
    layout: str = Field(description="nchw or nhwc.")
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
        max_length=MAX_CLASSES,
        description="Images of each class; null: as many of each.",
    )
    study: StudyWishIn | None = None


class SamplingRunOut(Schema):
    """How far one of the sets is."""

    id: int = Field(description="Its number.")
    sample_set: int = Field(alias="sample_set_id", description="The set's number.")
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


@router.post("/generators", response={201: GeneratorOut}, auth=needs(Scope.SAMPLES))
def create_generator(
    request: HttpRequest, payload: GeneratorIn
) -> Status[GeneratorOut]:
    """Add a generator from a complete upload; a worker tries it."""
    user = user_of(request)
    described = payload.as_generator()
    described.owner = user
    described.project = access.project_to_add_to(user, payload.project)
    created = generators.create_from_upload(
        generator=described, upload=access.upload(user, payload.upload)
    )
    tasks.enqueue(tasks.inspect_generator, created.pk)
    return Status(201, GeneratorOut.from_orm(created))


@router.get("/generators/{pk}", response=GeneratorOut, auth=needs(Scope.READ))
def read_generator(request: HttpRequest, pk: PathId) -> Generator:
    """Return a generator and whether it can be sampled."""
    return access.generator(user_of(request), pk)


@router.post(
    "/generators/{pk}/retry", response={202: GeneratorOut}, auth=needs(Scope.SAMPLES)
)
def retry_generator(
    request: HttpRequest, pk: PathId, payload: StatedIn
) -> Status[GeneratorOut]:
    """Try a generator that failed once more, perhaps with what was stated corrected."""
    found = access.generator_to_change(user_of(request), pk)
    generators.retry(found, stated=payload.corrected(found))
    tasks.enqueue(tasks.inspect_generator, found.pk)
    found.refresh_from_db()
    return Status(202, GeneratorOut.from_orm(found))


@router.delete("/generators/{pk}", response={204: None}, auth=needs(Scope.SAMPLES))
def delete_generator(request: HttpRequest, pk: PathId) -> Status[None]:
    """Delete a generator of which no sample set is left."""
    generators.delete_generator(access.generator_to_delete(user_of(request), pk))
    return Status(204, None)


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


@router.post(
    "/sampling-runs/{pk}/retry",
    response={202: SamplingRunOut},
    auth=needs(Scope.SAMPLES),
)
def retry_sampling(request: HttpRequest, pk: PathId) -> Status[SamplingRunOut]:
    """Let a set that failed to be filled go on from where it stopped."""
    run = access.sampling_run_to_change(user_of(request), pk)
    service.retry(run)
    tasks.enqueue(tasks.sample, run.pk)
    run.refresh_from_db()
    return Status(202, SamplingRunOut.from_orm(run))

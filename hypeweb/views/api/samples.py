"""Sample sets: add one from uploads, watch its import, list its images."""

import math
from datetime import datetime
from typing import Annotated, Literal, Self

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema
from ninja.pagination import paginate
from ninja.responses import Status
from pydantic import FiniteFloat, model_validator

from hypeweb import access, tasks
from hypeweb.models import Sample, SampleSet, SkippedFile
from hypeweb.services import imports
from hypeweb.services import samples as service
from hypeweb.services.imports import Origin
from hypeweb.views.api.auth import Scope, needs, user_of
from hypeweb.views.api.fields import (
    MAX_ID,
    NO_NUL,
    Name,
    Paged,
    PathId,
    RowId,
    Text,
    Word,
)

router = Router()

Side = Annotated[int, Field(ge=1, le=service.MAX_SIDE)]
SIZE = "Side in pixels to crop and resize to; null if all images have one size already."


class SampleSetIn(Schema):
    """A new set: described, and where its images are."""

    name: Name = Field(description="Unique within its project.")
    origin: Literal["real", "generated"]
    uploads: list[Annotated[str, Field(max_length=43)]] = Field(
        default=[], max_length=1000, description="Tokens of complete uploads."
    )
    source: str = Field(
        "",
        max_length=1000,
        pattern=NO_NUL,
        description="Instead of uploads, a folder or s3:// prefix that the site's "
        "admin has opened for imports.",
    )
    size: Side | None = Field(None, description=SIZE)
    project: RowId | None = Field(
        None, description="Number of a project; the person's own if left out."
    )
    dataset: Word = ""
    model_name: Word = Field("", description="The model that made the images.")
    step: int | None = Field(
        None, ge=0, le=MAX_ID, description="The training step of its checkpoint."
    )
    truncation: FiniteFloat | None = Field(None, gt=0)
    sampling_seed: int | None = Field(None, ge=-MAX_ID, le=MAX_ID)
    licence: Word = ""
    notes: Text = ""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.uploads) == bool(self.source):
            raise ValueError("give uploads or a source, one of the two")
        return self

    def as_sample_set(self) -> SampleSet:
        """Return the set, not stored yet."""
        elsewhere = {"uploads", "source", "size", "project"}
        return SampleSet(**self.model_dump(exclude=elsewhere))


class JobOut(Schema):
    """How far the import or the sampling of a set is."""

    state: str = Field(description="queued, running, done or failed.")
    stage: str = Field(description="What a running one is busy with.")
    percent: int
    error: str = Field(description="Why it failed; empty where it did not.")


class SampleSetOut(Schema):
    """Images with one origin."""

    id: int = Field(description="Its number.")
    name: str
    origin: str = Field(description="real or generated.")
    project: int = Field(alias="project_id", description="Number of its project.")
    dataset: str
    model_name: str
    step: int | None
    truncation: float | None
    sampling_seed: int | None
    licence: str
    notes: str
    n_samples: int = Field(description="Images in it; 0 until the import is done.")
    n_duplicates: int = Field(description="Of them, those that repeat another.")
    width: int
    height: int
    content_hash: str = Field(description="SHA-256 over its images' hashes.")
    frozen_at: datetime | None = Field(description="Since when a study depends on it.")
    created_at: datetime
    job: JobOut | None = Field(
        description="The import or sampling; null where there was none."
    )

    @staticmethod
    def resolve_truncation(found: SampleSet) -> float | None:
        is_finite = found.truncation is not None and math.isfinite(found.truncation)
        return found.truncation if is_finite else None

    @staticmethod
    def resolve_job(found: SampleSet) -> object:
        return getattr(found, "job", None) or getattr(found, "sampling_run", None)


class RetryIn(Schema):
    """How a failed import is to be tried again."""

    size: Side | None = Field(None, description=SIZE)


class SampleOut(Schema):
    """One image."""

    id: int = Field(description="Its number.")
    position: int = Field(description="Its place in the set, from 0.")
    source_name: str = Field(description="Name of the file it was imported from.")
    content_hash: str = Field(description="SHA-256 of the image as it is shown.")
    size_bytes: int


class SkippedOut(Schema):
    """A file that is not in the set."""

    name: str
    reason: str


@router.get("/sample-sets", response=list[SampleSetOut], auth=needs(Scope.READ))
@paginate(Paged)
def list_sample_sets(request: HttpRequest) -> QuerySet[SampleSet]:
    """List the sample sets of the owner's projects, newest first."""
    return access.sample_sets_of(user_of(request)).select_related("job", "sampling_run")


@router.post("/sample-sets", response={201: SampleSetOut}, auth=needs(Scope.SAMPLES))
def create_sample_set(
    request: HttpRequest, payload: SampleSetIn
) -> Status[SampleSetOut]:
    """Add a set; a worker imports its images."""
    user = user_of(request)
    described = payload.as_sample_set()
    described.owner = user
    described.project = access.project_to_add_to(user, payload.project)
    files = [access.upload(user, token) for token in payload.uploads]
    created = imports.create(
        sample_set=described,
        origin=Origin(uploads=files, source=payload.source),
        size=payload.size,
        now=timezone.now(),
    )
    tasks.enqueue(tasks.import_samples, created.job.pk)
    return Status(201, SampleSetOut.from_orm(created))


@router.get("/sample-sets/{pk}", response=SampleSetOut, auth=needs(Scope.READ))
def read_sample_set(request: HttpRequest, pk: PathId) -> SampleSet:
    """Return a set and how far its import is."""
    return access.sample_set(user_of(request), pk)


@router.post(
    "/sample-sets/{pk}/retry", response={202: SampleSetOut}, auth=needs(Scope.SAMPLES)
)
def retry_import(
    request: HttpRequest, pk: PathId, payload: RetryIn
) -> Status[SampleSetOut]:
    """Let a failed import run again from what it had, perhaps to another size."""
    found = access.sample_set_to_change(user_of(request), pk)
    job = imports.retry(found, size=payload.size)
    tasks.enqueue(tasks.import_samples, job.pk)
    return Status(202, SampleSetOut.from_orm(found))


@router.delete("/sample-sets/{pk}", response={204: None}, auth=needs(Scope.SAMPLES))
def delete_sample_set(request: HttpRequest, pk: PathId) -> Status[None]:
    """Delete a set that nothing uses."""
    imports.delete_sample_set(access.sample_set_to_delete(user_of(request), pk))
    return Status(204, None)


@router.get(
    "/sample-sets/{pk}/samples", response=list[SampleOut], auth=needs(Scope.READ)
)
@paginate(Paged)
def list_samples(request: HttpRequest, pk: PathId) -> QuerySet[Sample]:
    """List the images of a set."""
    return access.sample_set(user_of(request), pk).samples.all()


@router.get(
    "/sample-sets/{pk}/skipped", response=list[SkippedOut], auth=needs(Scope.READ)
)
@paginate(Paged)
def list_skipped(request: HttpRequest, pk: PathId) -> QuerySet[SkippedFile]:
    """List the files that were left out of a set, and why."""
    return access.sample_set(user_of(request), pk).skipped_files.all()

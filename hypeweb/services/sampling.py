"""Sampling: from a generator to one sample set for each truncation, reproducibly."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray
from PIL import Image

from hypeweb.models import Generator, Sample, SampleSet, Sampling, SamplingRun, Study
from hypeweb.models.study_words import DEFAULT_CONSENT
from hypeweb.sandbox.process import OnnxProcess
from hypeweb.science.latents import (
    MIN_TRUNCATION,
    class_labels,
    draw_latents,
    uniform_counts,
)
from hypeweb.science.outputs import OutputError
from hypeweb.services import (
    evaluations,
    generators,
    images,
    jobs,
    leaks,
    samples,
    studies,
)
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.feeds import Feed
from hypeweb.services.preparation import store_png

MAX_SAMPLES = 100_000
MAX_TRUNCATIONS = 20
MAX_TRUNCATION = 100.0
MAX_SEED = 2**63 - 1
# Part of every set's provenance; a change of how latents or pixels are made raises it.
METHOD = "philox, rejection; version 1"
# Each evaluator sees so many images of each kind, or all there are.
N_SHOWN = 50


@dataclass(frozen=True)
class StudyWish:
    """The study to be drafted once the sets are there."""

    name: str
    real_set: SampleSet
    protocol: str
    extractor: str


@dataclass(frozen=True)
class Request:
    """What is wanted of a generator; None among truncations stands for none."""

    n_samples: int
    seed: int
    truncations: Sequence[float | None]
    class_counts: Sequence[int] | None = None
    study: StudyWish | None = None


@dataclass(frozen=True)
class History:
    """The requests made of a generator, and whether a worker is still busy with one."""

    samplings: tuple[Sampling, ...]
    is_active: bool


def request_sampling(
    *, generator: Generator, requested_by: User, request: Request
) -> Sampling:
    """Store the sets that workers are to fill, all or none."""
    _check(generator, request)
    counts = _counts(generator, request)
    wish = request.study
    with transaction.atomic():
        sampling = Sampling.objects.create(
            generator=generator,
            requested_by=requested_by,
            n_samples=request.n_samples,
            seed=request.seed,
            class_counts=counts,
            study_name=wish.name if wish else "",
            real_set=wish.real_set if wish else None,
            protocol=wish.protocol if wish else "",
            extractor=wish.extractor if wish else "",
        )
        for position, truncation in enumerate(request.truncations):
            SamplingRun.objects.create(
                sampling=sampling,
                sample_set=_make_set(sampling, truncation),
                position=position,
                truncation=truncation,
            )
    return sampling


def run_sampling(run_id: int) -> None:
    """Fill one set; called by the worker, safe to call twice."""
    job = jobs.claim(SamplingRun, run_id, now=timezone.now())
    if job is None:
        return
    with jobs.attempt(job):
        _sample(job)


def retry(run: SamplingRun) -> None:
    """Let a failed run go on from where it stopped."""
    if not jobs.requeue(SamplingRun, run.pk):
        raise ConflictError("Only a sampling that failed can be run again.")


def history_of(generator: Generator) -> History:
    """Return what was asked of a generator and is still there, the newest first."""
    asked = generator.samplings.select_related("study")
    asked = asked.prefetch_related("runs__sample_set")
    found = [one for one in asked if one.runs.all()]
    return History(
        samplings=tuple(found),
        is_active=any(run.is_active for one in found for run in one.runs.all())
        or any(_waits_for_study(one) for one in found),
    )


def undrafted() -> list[int]:
    """Return samplings whose sets are all there and whose study is not."""
    wished = Sampling.objects.filter(study__isnull=True, study_error="").exclude(
        study_name=""
    )
    unfinished = SamplingRun.objects.exclude(state=SamplingRun.State.DONE)
    return list(
        wished.exclude(pk__in=unfinished.values("sampling")).values_list(
            "pk", flat=True
        )
    )


@transaction.atomic
def draft_study(sampling_id: int) -> Study | None:
    """Draft the sweep that was wished for, once; None where there is nothing to do."""
    sampling = Sampling.objects.select_for_update(of=("self",)).get(pk=sampling_id)
    if sampling.pk not in undrafted() or sampling.real_set is None:
        return None
    runs = sampling.runs.select_related("sample_set__project")
    n_shown = min(N_SHOWN, sampling.n_samples, sampling.real_set.n_samples)
    study = Study(
        name=sampling.study_name,
        owner=sampling.requested_by,
        real_set=sampling.real_set,
        protocol=sampling.protocol,
        extractor=sampling.extractor,
        sweep_axis=Study.SweepAxis.TRUNCATION if len(runs) > 1 else "",
        n_real=n_shown,
        n_fake=n_shown,
        consent_text=DEFAULT_CONSENT,
    )
    try:
        studies.create_study(study=study, sample_sets=[run.sample_set for run in runs])
    except DomainError as error:
        Sampling.objects.filter(pk=sampling.pk).update(study_error=str(error))
        return None
    leaks.request_audit(study)
    evaluations.request_evaluations(study)
    Sampling.objects.filter(pk=sampling.pk).update(study=study)
    return study


def _waits_for_study(sampling: Sampling) -> bool:
    is_open = sampling.study_id is None and not sampling.study_error
    return (
        bool(sampling.study_name)
        and is_open
        and all(run.state == SamplingRun.State.DONE for run in sampling.runs.all())
    )


def _check(generator: Generator, request: Request) -> None:
    truncations = request.truncations
    given = [t for t in truncations if t is not None]
    if not generator.is_ready:
        raise ConflictError("This generator has not been tried yet; wait until it is.")
    if not 1 <= request.n_samples <= MAX_SAMPLES:
        raise DomainError(
            f"Between 1 and {MAX_SAMPLES} images are made of one seed, got "
            f"{request.n_samples}."
        )
    if not 0 <= request.seed <= MAX_SEED:
        raise DomainError(f"The seed must be 0 to {MAX_SEED}, got {request.seed}.")
    if not 1 <= len(truncations) <= MAX_TRUNCATIONS:
        raise DomainError(
            f"Between 1 and {MAX_TRUNCATIONS} truncations are taken, got "
            f"{len(truncations)}."
        )
    if len(set(truncations)) < len(truncations):
        raise DomainError("A truncation is given twice; leave one out.")
    for value in given:
        if not MIN_TRUNCATION <= value <= MAX_TRUNCATION:
            raise DomainError(
                f"A truncation must be {MIN_TRUNCATION} to {MAX_TRUNCATION:g}, got "
                f"{value:g}."
            )


def _counts(generator: Generator, request: Request) -> list[int] | None:
    """Return the images of each class; as many of each where nothing is said."""
    counts = request.class_counts
    if generator.n_classes is None:
        if counts is not None:
            raise DomainError("This generator has no classes; leave them out.")
        return None
    if counts is None:
        return uniform_counts(request.n_samples, n_classes=generator.n_classes)
    if len(counts) != generator.n_classes or min(counts) < 0:
        raise DomainError(
            f"One number for each of the {generator.n_classes} classes is needed, none "
            f"below 0; got {len(counts)} numbers."
        )
    if sum(counts) != request.n_samples:
        raise DomainError(
            f"The classes add up to {sum(counts)} images, and {request.n_samples} are "
            "wanted; make the two equal."
        )
    return list(counts)


def _make_set(sampling: Sampling, truncation: float | None) -> SampleSet:
    generator = sampling.generator
    part = "no truncation" if truncation is None else f"truncation {truncation:g}"
    made = SampleSet(
        name=f"{generator.name}, {part}, seed {sampling.seed}",
        owner=sampling.requested_by,
        project=generator.project,
        origin=SampleSet.Origin.GENERATED,
        dataset=generator.dataset,
        model_name=generator.model_name,
        step=generator.step,
        truncation=truncation,
        sampling_seed=sampling.seed,
    )
    same = SampleSet.objects.filter(project=made.project, name=made.name)
    # A set whose sampling failed is not used and must not block its name.
    same.filter(sampling_run__state=SamplingRun.State.FAILED).delete()
    return samples.create_sample_set(made)


def _sample(job: SamplingRun) -> None:
    generator = job.sampling.generator
    with generators.opened(generator) as (process, feed, sha256):
        if sha256 != generator.sha256:
            raise DomainError(
                "The stored file is no longer the one that was tried; upload it again."
            )
        provenance = _provenance(job, process, feed)
        n_made = _n_to_keep(job, provenance)
        for start, pixels in _batches(job, process, feed, n_made=n_made):
            _store(job, start, pixels)
    _complete(job, now=timezone.now())


def _provenance(
    job: SamplingRun, process: OnnxProcess, feed: Feed
) -> dict[str, object]:
    """Return all that decides the pixels: two runs that agree in it make one set."""
    generator, sampling = job.sampling.generator, job.sampling
    return {
        "generator_sha256": generator.sha256,
        "z_shape": list(generator.z_dims),
        "value_range": generator.value_range,
        "layout": generator.layout,
        "seed": sampling.seed,
        "truncation": job.truncation,
        "class_counts": sampling.class_counts,
        "batch_size": feed.batch_size,
        "method": METHOD,
        "numpy": np.__version__,
        "onnxruntime": process.model.runtime,
        "provider": process.model.provider,
    }


def _n_to_keep(job: SamplingRun, provenance: dict[str, object]) -> int:
    """Return how many images an earlier attempt left that this one would make too."""
    with transaction.atomic():
        jobs.renew(job, now=timezone.now())
        if job.provenance != provenance:
            samples.clear(job.sample_set)
            SamplingRun.objects.filter(pk=job.pk).update(provenance=provenance)
    return job.sample_set.samples.count()


def _batches(
    job: SamplingRun, process: OnnxProcess, feed: Feed, *, n_made: int
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield what is still missing; batches are whole and begin at the same places."""
    generator, sampling = job.sampling.generator, job.sampling
    size, n_samples = feed.batch_size, sampling.n_samples
    for start in range(n_made // size * size, n_samples, size):
        latents = draw_latents(
            seed=sampling.seed,
            start=start,
            n=size,
            shape=generator.z_dims,
            truncation=job.truncation,
        )
        labels = None
        if sampling.class_counts is not None:
            labels = class_labels(sampling.class_counts, start=start, n=size)
        values = process.run(feed.inputs(latents, labels), output=feed.output)
        try:
            pixels = generators.as_images(generator, values)
        except OutputError as error:
            raise DomainError(
                f"The generator failed at image {start + 1} or soon after: {error}."
            ) from error
        if pixels.shape[:3] != (size, generator.height, generator.width):
            raise DomainError(
                f"The generator made images of shape {pixels.shape[1:3]} after some of "
                f"({generator.height}, {generator.width})."
            )
        first = max(start, n_made)
        yield first, pixels[first - start : n_samples - start]


def _store(job: SamplingRun, start: int, pixels: NDArray[np.uint8]) -> None:
    rows = []
    for position, image in enumerate(pixels, start=start):
        encoded = images.encode(Image.fromarray(image), size=None)
        row = Sample(
            sample_set=job.sample_set,
            position=position,
            source_name=f"{position:06d}",
            content_hash=encoded.content_hash,
            size_bytes=len(encoded.png),
            source_bytes=image.nbytes,
            source_width=encoded.width,
            source_height=encoded.height,
            source_format="array",
        )
        store_png(row.storage_key, encoded.png)
        rows.append(row)
    with transaction.atomic():
        jobs.report_progress(
            job,
            stage="making images",
            n_done=start + len(rows),
            n_total=job.sampling.n_samples,
            now=timezone.now(),
        )
        Sample.objects.bulk_create(rows)


@transaction.atomic
def _complete(job: SamplingRun, *, now: datetime) -> None:
    made = job.sample_set
    generator = job.sampling.generator
    samples.complete(made, width=generator.width, height=generator.height)
    jobs.finish(job, now=now)

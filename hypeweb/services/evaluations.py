"""The bridge to the metrics package: one run for each arm, done once."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from hypeweb.models import (
    Arm,
    Evaluation,
    LabelCount,
    MetricResult,
    MetricWarning,
    NearestReal,
    Sample,
    SampleSet,
    Study,
)
from hypeweb.services import jobs, samples
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.images import decode

if TYPE_CHECKING:
    from metrics.decoding import DecodedImage
    from metrics.evaluation import Evaluation as Outcome
    from metrics.evaluation import Options, Progress
    from metrics.image_results import ImageResults

METRICS = (
    "fid",
    "fid_infinity",
    "inception_score_mean",
    "inception_score_std",
    "label_entropy_marginal",
    "label_entropy_conditional",
    "precision",
    "recall",
    "nearest_real_distance_median",
    "authenticity",
)
ROWS_AT_ONCE = 2000
# Of what stands behind the numbers, what a report draws.
DETAILS = ("fid_by_size",)


class StoredSource:
    """A sample set as the metrics package reads it."""

    def __init__(self, sample_set: SampleSet) -> None:
        self.name = sample_set.name
        self._hash = sample_set.content_hash
        self._samples = list(sample_set.samples.order_by("position"))

    def __len__(self) -> int:
        return len(self._samples)

    def read(self, index: int) -> np.ndarray:
        """Return one image, (height, width, 3) uint8."""
        sample: Sample = self._samples[index]
        return np.asarray(decode(samples.read_png(sample)))

    def decode(self, index: int) -> "DecodedImage":
        from metrics.decoding import DecodedImage

        return DecodedImage(self.read(index), "RAW")

    def image_name(self, index: int) -> str:
        return f"{self.name}/{self._samples[index].source_name}"

    def image_hashes(self) -> tuple[str, ...]:
        return tuple(sample.content_hash for sample in self._samples)

    def content_hash(self) -> str:
        return self._hash

    def sample_id(self, index: int) -> int:
        """Return the sample that an image is stored as."""
        return self._samples[index].pk


def request_evaluations(study: Study) -> list[Evaluation]:
    """Return the evaluation of each arm, made where no study asked for it before."""
    return [
        Evaluation.objects.get_or_create(
            real_set=study.real_set,
            sample_set=arm.sample_set,
            extractor=study.extractor,
        )[0]
        for arm in study.arms.select_related("sample_set")
    ]


def runs_of(study: Study) -> QuerySet[Evaluation]:
    """Return the evaluations of a study with their results and warnings."""
    return Evaluation.objects.filter(
        real_set=study.real_set_id,
        sample_set__arms__study=study,
        extractor=study.extractor,
    ).prefetch_related("results", "warnings")


def evaluations_of(study: Study) -> dict[int, Evaluation]:
    """Return the evaluations of a study by sample set id."""
    return {run.sample_set_id: run for run in runs_of(study)}


def studies_of(evaluation_id: int) -> list[int]:
    """Return the studies whose report shows an evaluation."""
    run = Evaluation.objects.get(pk=evaluation_id)
    return list(
        Study.objects.filter(
            arms__sample_set=run.sample_set_id,
            real_set=run.real_set_id,
            extractor=run.extractor,
        ).values_list("pk", flat=True)
    )


@dataclass(frozen=True)
class ArmProgress:
    """How far the metrics of one arm are."""

    arm: Arm
    evaluation: Evaluation | None


@dataclass(frozen=True)
class StudyProgress:
    """How far the metrics of a study are."""

    rows: tuple[ArmProgress, ...]
    is_active: bool


def progress_of(study: Study) -> StudyProgress:
    """Return how far the metrics of a study are, arm by arm."""
    runs = evaluations_of(study)
    return StudyProgress(
        rows=tuple(
            ArmProgress(arm, runs.get(arm.sample_set_id)) for arm in study.arms.all()
        ),
        is_active=any(run.is_active for run in runs.values()),
    )


def nearest_real(
    evaluation: Evaluation, *, sample_ids: Iterable[int]
) -> dict[int, NearestReal]:
    """Return what an evaluation found of generated images, by their ids."""
    rows = evaluation.nearest.filter(sample__in=list(sample_ids))
    return {row.sample_id: row for row in rows.select_related("real_sample")}


def latest_of(sample_set: SampleSet) -> Evaluation | None:
    """Return the last evaluation of a generated set that looked at its images."""
    looked = NearestReal.objects.filter(evaluation=OuterRef("pk"))
    done = Evaluation.objects.filter(Exists(looked), sample_set=sample_set)
    return done.select_related("real_set").order_by("-finished_at", "-pk").first()


def label_counts(sample_set: SampleSet) -> list[LabelCount]:
    """Return how often each class occurs in a set, to the network used last."""
    rows = sample_set.label_counts.all()
    last = rows.order_by("-pk").first()
    return list(rows.filter(extractor=last.extractor)) if last else []


def retry(evaluation: Evaluation) -> None:
    """Let a failed evaluation run again."""
    if not jobs.requeue(Evaluation, evaluation.pk):
        raise ConflictError("Only a failed evaluation can be run again.")


def run_evaluation(evaluation_id: int) -> None:
    """Compute and store an evaluation; called by the worker, safe to call twice."""
    job = jobs.claim(Evaluation, evaluation_id, now=timezone.now())
    if job is None:
        return
    with jobs.attempt(job):
        real, generated = StoredSource(job.real_set), StoredSource(job.sample_set)
        outcome = _evaluate(job, real, generated)
        _store(job, outcome, _nearest_rows(job, real, generated, outcome.images))


def _evaluate(
    job: Evaluation, real: StoredSource, generated: StoredSource
) -> "Outcome":
    from metrics.errors import MetricsError
    from metrics.evaluation import evaluate

    def progress(step: "Progress") -> None:
        jobs.report_progress(
            job,
            stage=step.stage,
            n_done=step.done,
            n_total=step.total,
            now=timezone.now(),
        )

    try:
        return evaluate(real, generated, _options(job), progress=progress)
    except MetricsError as error:
        raise DomainError(str(error)) from error


def _options(run: Evaluation) -> "Options":
    from metrics.evaluation import Options

    return Options(
        metrics=METRICS,
        extractor=run.extractor,
        device=settings.METRICS_DEVICE,
        cache=settings.METRICS_CACHE,
    )


def measure_again(
    run: Evaluation,
) -> dict[str, tuple[float, float | None, float | None]]:
    """Return each metric with its interval, computed anew from the stored images."""
    from metrics.errors import MetricsError
    from metrics.evaluation import evaluate

    real, generated = StoredSource(run.real_set), StoredSource(run.sample_set)
    try:
        # No cache: features on disk would only be read back.
        outcome = evaluate(real, generated, replace(_options(run), cache=None))
    except MetricsError as error:
        raise DomainError(str(error)) from error
    return {
        name: (value, *outcome.intervals.get(name, (None, None)))
        for name, value in outcome.metrics.items()
    }


def _nearest_rows(
    job: Evaluation,
    real: StoredSource,
    generated: StoredSource,
    images: "ImageResults | None",
) -> list[NearestReal]:
    if images is None or images.nearest is None:
        return []
    nearest, is_inside = images.nearest, images.is_inside
    return [
        NearestReal(
            evaluation=job,
            sample_id=generated.sample_id(place),
            real_sample_id=real.sample_id(nearest.places[row]),
            distance=nearest.distances[row],
            is_inside=None if is_inside is None else bool(is_inside[row]),
            is_authentic=bool(nearest.is_authentic[row]),
        )
        for row, place in enumerate(images.fake_places.tolist())
    ]


def _store_labels(
    sample_set: SampleSet, extractor: str, labels: "np.ndarray | None"
) -> None:
    held = sample_set.label_counts.filter(extractor=extractor)
    held.delete()
    if labels is None:
        return
    LabelCount.objects.bulk_create(
        LabelCount(sample_set=sample_set, extractor=extractor, label=label, n=n)
        for label, n in sorted(Counter(labels.tolist()).items())
    )


@transaction.atomic
def _store(job: Evaluation, outcome: "Outcome", nearest: list[NearestReal]) -> None:
    jobs.finish(job, now=timezone.now())
    Evaluation.objects.filter(pk=job.pk).update(
        provenance=outcome.as_json()["provenance"],
        details={
            name: outcome.details[name] for name in DETAILS if name in outcome.details
        },
    )
    job.results.all().delete()
    job.warnings.all().delete()
    job.nearest.all().delete()
    NearestReal.objects.bulk_create(nearest, batch_size=ROWS_AT_ONCE)
    if outcome.images:
        _store_labels(job.real_set, job.extractor, outcome.images.real_labels)
        _store_labels(job.sample_set, job.extractor, outcome.images.fake_labels)
    MetricResult.objects.bulk_create(
        MetricResult(
            evaluation=job,
            name=name,
            value=value,
            low=outcome.intervals.get(name, (None, None))[0],
            high=outcome.intervals.get(name, (None, None))[1],
        )
        for name, value in outcome.metrics.items()
    )
    MetricWarning.objects.bulk_create(
        MetricWarning(evaluation=job, code=warning.code, message=warning.message)
        for warning in outcome.warnings
    )

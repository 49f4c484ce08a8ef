"""What somebody without a study does next: real images, generated ones, a study."""

from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Count, Q, QuerySet

from hypeweb.models import Job, SampleSet, Study


class Step(StrEnum):
    """The steps, in their order."""

    REAL = "real"
    GENERATED = "generated"
    STUDY = "study"


@dataclass(frozen=True)
class FirstSteps:
    """How far somebody is on the way to a first study."""

    n_real: int
    n_generated: int
    n_coming: int

    @property
    def next(self) -> Step:
        if not self.n_real:
            return Step.REAL
        return Step.STUDY if self.n_generated else Step.GENERATED


def first_steps(
    *, sample_sets: QuerySet[SampleSet], studies: QuerySet[Study]
) -> FirstSteps | None:
    """Return what is there for a first study; None once there is one."""
    if studies.exists():
        return None
    failed = Q(job__state=Job.State.FAILED) | Q(sampling_run__state=Job.State.FAILED)
    counts = sample_sets.exclude(failed).aggregate(
        n_real=Count("pk", filter=Q(origin=SampleSet.Origin.REAL)),
        n_generated=Count("pk", filter=Q(origin=SampleSet.Origin.GENERATED)),
        n_coming=Count("pk", filter=Q(n_samples=0)),
    )
    return FirstSteps(**counts)

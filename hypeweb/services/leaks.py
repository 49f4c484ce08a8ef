"""The leak audit: whether anything but content tells real from generated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from hypeweb.models import (
    Arm,
    ArmAudit,
    LeakAudit,
    Sample,
    SampleSet,
    Study,
    TraceAudit,
)
from hypeweb.science import leaks as science
from hypeweb.science.image_traces import MIN_SIDE, image_traces
from hypeweb.services import audit as audit_log
from hypeweb.services import jobs, samples
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.images import UnusableImageError, decode

# With 500 of each the interval is narrower than the rule needs; more only take time.
MAX_PER_SET = 500
MIN_REASON_LENGTH = 10
# The study holds one level, whatever its number of arms.
LEVEL = 0.95
REPORT_EVERY = 25

VISIBLE = {
    "is_grey": "All grey",
    "framed_sides": "Sides with a frame",
    "border_step": "Step at the border",
    "blocks_at_corner": "8 x 8 blocks, grid at the corner",
    "blocks_anywhere": "8 x 8 blocks, any grid",
}
# Not measured where the images are small.
GEOMETRY = {name for key, name in VISIBLE.items() if key != "is_grey"}
OF_CONTENT = {
    "border_mean": "Border brightness",
    "border_spread": "Border spread",
    "chroma": "Colourfulness",
}


@dataclass(frozen=True)
class Measured:
    """The measures of one set's images, one row an image."""

    visible: np.ndarray
    of_content: np.ndarray
    files: np.ndarray  # stored bytes, source bytes, source width, source height
    formats: np.ndarray


def request_audit(study: Study) -> LeakAudit:
    """Return a study's audit, made where there is none; let a failed one run again."""
    audit, _ = LeakAudit.objects.get_or_create(study=study)
    if jobs.requeue(LeakAudit, audit.pk):
        audit.refresh_from_db()
    return audit


def run_audit(audit_id: int) -> None:
    """Compute and store an audit; called by the worker, safe to call twice."""
    job = jobs.claim(LeakAudit, audit_id, now=timezone.now())
    if job is None:
        return
    with jobs.attempt(job):
        _audit(job)


@transaction.atomic
def override(*, study: Study, actor: User, reason: str, now: datetime) -> None:
    """Let a study open despite its audit; the reason stays with it for good."""
    reason = " ".join(reason.split())
    if len(reason) < MIN_REASON_LENGTH:
        raise DomainError(
            f"Give a reason of at least {MIN_REASON_LENGTH} characters: it is printed "
            "in the report."
        )
    audit = LeakAudit.objects.select_for_update().filter(study=study).first()
    if audit is None or not audit.can_be_overridden:
        raise ConflictError("There is nothing to override: see the leak audit.")
    if study.state != Study.State.DRAFT:
        raise ConflictError("Only a draft's leak audit can be overridden.")
    audit.override_reason, audit.overridden_by = reason, actor
    audit.overridden_at = now
    audit.save(update_fields=["override_reason", "overridden_by", "overridden_at"])
    audit_log.record(
        actor=actor, action="overrode leak audit", subject=study, detail=reason
    )


def _audit(job: LeakAudit) -> None:
    study = job.study
    rng = np.random.default_rng(study.seed)
    arms = list(study.arms.select_related("sample_set"))
    chosen = [
        _draw(sample_set, rng)
        for sample_set in (study.real_set, *(arm.sample_set for arm in arms))
    ]
    n_total = sum(len(drawn) for drawn in chosen)
    measured: list[Measured] = []
    n_done = 0
    for drawn in chosen:
        measured.append(_measure(job, drawn, n_done=n_done, n_total=n_total))
        n_done += len(drawn)
    real, *generated = measured
    level = 1 - (1 - LEVEL) / len(arms)
    compared = [
        (_compare(arm, real, made, level=level, rng=rng))
        for arm, made in zip(arms, generated, strict=True)
    ]
    _store(job, compared)


def _draw(sample_set: SampleSet, rng: np.random.Generator) -> list[Sample]:
    n = min(MAX_PER_SET, sample_set.n_samples)
    positions = rng.choice(sample_set.n_samples, n, replace=False)
    found = Sample.objects.filter(
        sample_set=sample_set, position__in=positions.tolist()
    )
    return list(found.order_by("position"))


def _measure(
    job: LeakAudit, drawn: Sequence[Sample], *, n_done: int, n_total: int
) -> Measured:
    traces = []
    for number, sample in enumerate(drawn):
        if (n_done + number) % REPORT_EVERY == 0:
            jobs.report_progress(
                job,
                stage="reading images",
                n_done=n_done + number,
                n_total=n_total,
                now=timezone.now(),
            )
        try:
            image = decode(samples.read_png(sample))
        except (OSError, UnusableImageError) as error:
            raise DomainError(
                f"An image of “{sample.sample_set}” cannot be read from the storage."
            ) from error
        traces.append(image_traces(np.asarray(image)))
    return Measured(
        visible=np.array([[getattr(t, key) for key in VISIBLE] for t in traces]),
        of_content=np.array([[getattr(t, key) for key in OF_CONTENT] for t in traces]),
        files=np.array(
            [
                [s.size_bytes, s.source_bytes, s.source_width, s.source_height]
                for s in drawn
            ],
            dtype=np.float64,
        ),
        formats=np.array([s.source_format for s in drawn]),
    )


@dataclass(frozen=True)
class Compared:
    """The rows of one arm, not yet stored."""

    arm_audit: ArmAudit
    traces: list[TraceAudit]


def _compare(
    arm: Arm,
    real: Measured,
    made: Measured,
    *,
    level: float,
    rng: np.random.Generator,
) -> Compared:
    n_real, n_generated = len(real.formats), len(made.formats)
    is_real = np.arange(n_real + n_generated) < n_real
    visible = np.concatenate([real.visible, made.visible])
    hidden = _hidden_measures(real, made)
    if min(n_real, n_generated) < science.MIN_PER_CLASS:
        auc = with_hidden = science.Auc(0.5, 0.0, 1.0)
    else:
        everything = np.column_stack([visible, *hidden.values()])
        auc = science.cross_validated_auc(visible, is_real, rng=rng, level=level)
        with_hidden = science.cross_validated_auc(everything, is_real, rng=rng)
    columns = dict(zip(VISIBLE.values(), visible.T, strict=True)) | hidden
    if _is_small(arm.sample_set):
        columns = {name: columns[name] for name in columns if name not in GEOMETRY}
    return Compared(
        arm_audit=ArmAudit(
            arm=arm,
            n_real=n_real,
            n_generated=n_generated,
            is_leak=auc.exceeds(),
            auc=auc.value,
            low=auc.low,
            high=auc.high,
            auc_with_hidden=with_hidden.value,
        ),
        traces=[
            _trace(position, name, values, is_real, level=level)
            for position, (name, values) in enumerate(columns.items())
        ],
    )


def _hidden_measures(real: Measured, made: Measured) -> dict[str, np.ndarray]:
    """Return what shows nowhere on the site, or is the content's own."""
    of_content = np.concatenate([real.of_content, made.of_content])
    found = dict(zip(OF_CONTENT.values(), of_content.T, strict=True))
    files = np.concatenate([real.files, made.files])
    found["Stored file, bytes"] = files[:, 0]
    if not files[:, 1:].all():  # imported before sources were kept
        return found
    found |= {
        "Source file, bytes": files[:, 1],
        "Source width": files[:, 2],
        "Source height": files[:, 3],
    }
    formats = np.concatenate([real.formats, made.formats])
    for name in sorted(set(formats.tolist())):
        found[f"Source format {name}"] = (formats == name).astype(np.float64)
    return found


def _trace(
    position: int,
    name: str,
    values: np.ndarray,
    is_real: np.ndarray,
    *,
    level: float,
) -> TraceAudit:
    auc = science.measure_auc(values, is_real, level=level).separation
    histogram = science.class_histogram(values, is_real)
    return TraceAudit(
        position=position,
        name=name,
        is_visible=name in VISIBLE.values(),
        auc=auc.value,
        low=auc.low,
        high=auc.high,
        edges=histogram.edges,
        real_counts=histogram.real,
        generated_counts=histogram.generated,
    )


@transaction.atomic
def _store(job: LeakAudit, compared: Sequence[Compared]) -> None:
    arms = [found.arm_audit for found in compared]
    leaking = [found for found in compared if found.arm_audit.is_leak]
    n_fewest = min(min(arm.n_real, arm.n_generated) for arm in arms)
    if leaking:
        verdict, sentence = LeakAudit.Verdict.LEAK, _leak_sentence(leaking)
    elif n_fewest < science.MIN_PER_CLASS:
        verdict, sentence = LeakAudit.Verdict.TOO_FEW, _too_few_sentence(n_fewest)
    else:
        verdict, sentence = LeakAudit.Verdict.CLEAR, _clear_sentence(job.study, arms)
    LeakAudit.objects.filter(pk=job.pk).update(verdict=verdict, sentence=sentence)
    jobs.finish(job, now=timezone.now())
    job.arms.all().delete()
    for found in compared:
        found.arm_audit.audit = job
        found.arm_audit.save()
        for trace in found.traces:
            trace.arm_audit = found.arm_audit
        TraceAudit.objects.bulk_create(found.traces)


def _leak_sentence(leaking: Sequence[Compared]) -> str:
    worst = max(leaking, key=lambda found: found.arm_audit.auc)
    clearest = max(
        (trace for trace in worst.traces if trace.is_visible),
        key=lambda trace: trace.auc,
    )
    return (
        f"“{worst.arm_audit.arm.label}” can be told from the real images without "
        f"looking at their content: AUC {_with_interval(worst.arm_audit)}, and "
        f"{science.THRESHOLD} is the limit. The clearest sign is: "
        f"{clearest.name} (AUC {clearest.auc:.2f})."
    )


def _too_few_sentence(n_fewest: int) -> str:
    return (
        f"Too few images for a leak audit: it needs {science.MIN_PER_CLASS} of each "
        f"set, and one has {n_fewest}."
    )


def _clear_sentence(study: Study, arms: Sequence[ArmAudit]) -> str:
    worst = max(arms, key=lambda arm: arm.auc)
    sentence = (
        "Nothing outside the images' content tells real from generated: the largest "
        f"AUC is {_with_interval(worst)}, and 0.5 is chance."
    )
    if _is_small(study.real_set):
        sentence += (
            f" Borders and blocks were left out: in images under {MIN_SIDE} pixels "
            "they are the content."
        )
    return sentence


def _is_small(sample_set: SampleSet) -> bool:
    return min(sample_set.width, sample_set.height) < MIN_SIDE


def _with_interval(found: ArmAudit) -> str:
    return f"{found.auc:.2f} [{found.low:.2f}, {found.high:.2f}]"

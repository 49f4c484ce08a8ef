"""The leak audit: whether anything but content tells real from generated."""

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from hypeweb.models import (
    Arm,
    LeakAudit,
    LeakContrast,
    Material,
    Sample,
    SampleSet,
    Study,
    TraceAudit,
)
from hypeweb.science import leaks as science
from hypeweb.science.image_traces import MIN_SIDE, image_traces
from hypeweb.services import audit as audit_log
from hypeweb.services import image_pools, jobs, samples
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.images import UnusableImageError, decode

# With 500 of each the interval is narrower than the rule needs; more only take time.
MAX_PER_SET = 500
MIN_REASON_LENGTH = 10
# The study holds one level, whatever its number of contrasts.
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
    """The measures of some images, one row an image."""

    visible: np.ndarray
    of_content: np.ndarray
    files: np.ndarray  # stored bytes, source bytes, source width, source height
    formats: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Measured":
        return Measured(
            visible=self.visible[chosen],
            of_content=self.of_content[chosen],
            files=self.files[chosen],
            formats=self.formats[chosen],
        )


@dataclass(frozen=True)
class Contrast:
    """Two kinds of images that only their content may tell apart."""

    kind: LeakContrast.Kind
    first: Measured
    second: Measured
    arm: Arm | None = None


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
    scored = [
        _draw_set(sample_set, rng)
        for sample_set in (study.real_set, *(arm.sample_set for arm in arms))
    ]
    further = {
        use: [_draw_material(study, use, origin, rng) for origin in SampleSet.Origin]
        for use in Material.Use
        if study.materials.filter(use=use).exists()
    }
    groups = [*scored, *(drawn for pair in further.values() for drawn in pair)]
    measured = iter(_measure_all(job, groups))
    real, made = next(measured), [next(measured) for _arm in arms]
    contrasts = [
        Contrast(LeakContrast.Kind.ARM, real, one, arm)
        for arm, one in zip(arms, made, strict=True)
    ]
    for use in further:
        pair = {origin: next(measured) for origin in SampleSet.Origin}
        sides = pair[SampleSet.Origin.REAL], pair[SampleSet.Origin.GENERATED]
        contrasts.append(Contrast(LeakContrast.Kind(use), *sides))
        if use == Material.Use.GOLD:
            task = _half_real(real, made, rng)
            mixed = LeakContrast.Kind.MIXED
            checks = _half_real(sides[0], [sides[1]], rng)
            contrasts.append(Contrast(mixed, task, checks))
    level = 1 - (1 - LEVEL) / len(contrasts)
    is_small = _is_small(study.real_set)
    compared = [
        _compare(one, level=level, is_small=is_small, rng=rng) for one in contrasts
    ]
    _store(job, compared)


def _draw_set(sample_set: SampleSet, rng: np.random.Generator) -> list[Sample]:
    n = min(MAX_PER_SET, sample_set.n_samples)
    positions = rng.choice(sample_set.n_samples, n, replace=False)
    found = Sample.objects.filter(
        sample_set=sample_set, position__in=positions.tolist()
    )
    return list(found.order_by("position"))


def _draw_material(
    study: Study, use: str, origin: str, rng: np.random.Generator
) -> list[Sample]:
    """Draw from what may be shown of a use, in equal shares as evaluators get them."""
    sets = image_pools.material_sets(study, use=use, origin=origin)
    drawn: list[Sample] = []
    for sample_set in sets:
        pool = image_pools.material_pool(study, sample_set).samples.order_by("position")
        ids = list(pool.values_list("pk", flat=True))
        share = min(len(ids), -(-MAX_PER_SET // len(sets)))
        chosen = rng.choice(ids, share, replace=False).tolist() if share else []
        drawn += Sample.objects.filter(pk__in=chosen).order_by("pk")
    return drawn


def _half_real(
    real: Measured, made: Sequence[Measured], rng: np.random.Generator
) -> Measured:
    """Mix as many real as generated images, each arm's the same number."""
    share = min(len(real.formats) // len(made), *(len(one.formats) for one in made))
    parts = [
        one.rows(rng.permutation(len(one.formats))[:n])
        for one, n in [(real, share * len(made)), *((one, share) for one in made)]
    ]
    return Measured(
        visible=np.concatenate([part.visible for part in parts]),
        of_content=np.concatenate([part.of_content for part in parts]),
        files=np.concatenate([part.files for part in parts]),
        formats=np.concatenate([part.formats for part in parts]),
    )


def _measure_all(job: LeakAudit, groups: Sequence[Sequence[Sample]]) -> list[Measured]:
    n_total = sum(len(drawn) for drawn in groups)
    measured: list[Measured] = []
    n_done = 0
    for drawn in groups:
        measured.append(_measure(job, drawn, n_done=n_done, n_total=n_total))
        n_done += len(drawn)
    return measured


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
        visible=_table([[getattr(t, key) for key in VISIBLE] for t in traces], VISIBLE),
        of_content=_table(
            [[getattr(t, key) for key in OF_CONTENT] for t in traces], OF_CONTENT
        ),
        files=_table(
            [
                [s.size_bytes, s.source_bytes, s.source_width, s.source_height]
                for s in drawn
            ],
            range(4),
        ),
        formats=np.array([s.source_format for s in drawn], dtype=np.str_),
    )


def _table(rows: Sequence[Sequence[float]], columns: Sized) -> np.ndarray:
    """Return rows as an array, of the right width where there are none."""
    return np.array(rows, dtype=np.float64).reshape(-1, len(columns))


@dataclass(frozen=True)
class Compared:
    """The rows of one contrast, not yet stored."""

    contrast: LeakContrast
    traces: list[TraceAudit]


def _compare(
    contrast: Contrast, *, level: float, is_small: bool, rng: np.random.Generator
) -> Compared:
    first, second = contrast.first, contrast.second
    n_first, n_second = len(first.formats), len(second.formats)
    is_first = np.arange(n_first + n_second) < n_first
    visible = np.concatenate([first.visible, second.visible])
    hidden = _hidden_measures(first, second)
    if min(n_first, n_second) < science.MIN_PER_CLASS:
        auc = with_hidden = science.Auc(0.5, 0.0, 1.0)
    else:
        everything = np.column_stack([visible, *hidden.values()])
        auc = science.cross_validated_auc(visible, is_first, rng=rng, level=level)
        with_hidden = science.cross_validated_auc(everything, is_first, rng=rng)
    columns = dict(zip(VISIBLE.values(), visible.T, strict=True)) | hidden
    if is_small:
        columns = {name: columns[name] for name in columns if name not in GEOMETRY}
    if not (n_first and n_second):
        columns = {}
    return Compared(
        contrast=LeakContrast(
            kind=contrast.kind,
            arm=contrast.arm,
            n_first=n_first,
            n_second=n_second,
            is_leak=auc.exceeds(),
            auc=auc.value,
            low=auc.low,
            high=auc.high,
            auc_with_hidden=with_hidden.value,
        ),
        traces=[
            _trace(position, name, values, is_first, level=level)
            for position, (name, values) in enumerate(columns.items())
        ],
    )


def _hidden_measures(first: Measured, second: Measured) -> dict[str, np.ndarray]:
    """Return what shows nowhere on the site, or is the content's own."""
    of_content = np.concatenate([first.of_content, second.of_content])
    found = dict(zip(OF_CONTENT.values(), of_content.T, strict=True))
    files = np.concatenate([first.files, second.files])
    found["Stored file, bytes"] = files[:, 0]
    if not files[:, 1:].all():  # imported before sources were kept
        return found
    found |= {
        "Source file, bytes": files[:, 1],
        "Source width": files[:, 2],
        "Source height": files[:, 3],
    }
    formats = np.concatenate([first.formats, second.formats])
    for name in sorted(set(formats.tolist())):
        found[f"Source format {name}"] = (formats == name).astype(np.float64)
    return found


def _trace(
    position: int,
    name: str,
    values: np.ndarray,
    is_first: np.ndarray,
    *,
    level: float,
) -> TraceAudit:
    auc = science.measure_auc(values, is_first, level=level).separation
    histogram = science.class_histogram(values, is_first)
    return TraceAudit(
        position=position,
        name=name,
        is_visible=name in VISIBLE.values(),
        auc=auc.value,
        low=auc.low,
        high=auc.high,
        edges=histogram.edges,
        first_counts=histogram.real,
        second_counts=histogram.generated,
    )


@transaction.atomic
def _store(job: LeakAudit, compared: Sequence[Compared]) -> None:
    contrasts = [found.contrast for found in compared]
    leaking = [found for found in compared if found.contrast.is_leak]
    n_fewest = min(min(one.n_first, one.n_second) for one in contrasts)
    if leaking:
        verdict, sentence = LeakAudit.Verdict.LEAK, _leak_sentence(leaking)
    elif n_fewest < science.MIN_PER_CLASS:
        verdict, sentence = LeakAudit.Verdict.TOO_FEW, _too_few_sentence(contrasts)
    else:
        verdict = LeakAudit.Verdict.CLEAR
        sentence = _clear_sentence(job.study, contrasts)
    LeakAudit.objects.filter(pk=job.pk).update(verdict=verdict, sentence=sentence)
    jobs.finish(job, now=timezone.now())
    job.contrasts.all().delete()
    for found in compared:
        found.contrast.audit = job
        found.contrast.save()
        for trace in found.traces:
            trace.contrast = found.contrast
        TraceAudit.objects.bulk_create(found.traces)


def _leak_sentence(leaking: Sequence[Compared]) -> str:
    worst = max(leaking, key=lambda found: found.contrast.auc)
    clearest = max(
        (trace for trace in worst.traces if trace.is_visible),
        key=lambda trace: trace.auc,
    )
    return (
        f"{_sides(worst.contrast)} without looking at their content: AUC "
        f"{_with_interval(worst.contrast)}, and {science.THRESHOLD} is the limit. The "
        f"clearest sign is: {clearest.name} (AUC {clearest.auc:.2f})."
    )


def _sides(contrast: LeakContrast) -> str:
    """Return what can be told from what, as the beginning of a sentence."""
    sides = {
        LeakContrast.Kind.QUALIFICATION: "The generated images of the qualification "
        "can be told from its real ones",
        LeakContrast.Kind.GOLD: "The generated attention checks can be told from the "
        "real ones",
        LeakContrast.Kind.MIXED: "The attention checks can be told from the scored "
        "images",
    }
    if contrast.arm is not None:
        return f"“{contrast.arm.label}” can be told from the real images"
    return sides[LeakContrast.Kind(contrast.kind)]


def _too_few_sentence(contrasts: Sequence[LeakContrast]) -> str:
    fewest = min(contrasts, key=lambda one: min(one.n_first, one.n_second))
    where = {
        LeakContrast.Kind.ARM: "set",
        LeakContrast.Kind.QUALIFICATION: "kind for the qualification",
    }.get(LeakContrast.Kind(fewest.kind), "kind for the attention checks")
    return (
        f"Too few images for a leak audit: it needs {science.MIN_PER_CLASS} of each "
        f"{where}, and one has {min(fewest.n_first, fewest.n_second)}."
    )


def _clear_sentence(study: Study, contrasts: Sequence[LeakContrast]) -> str:
    worst = max(contrasts, key=lambda one: one.auc)
    is_mixed = any(one.kind == LeakContrast.Kind.MIXED for one in contrasts)
    sentence = (
        "Nothing outside the images' content tells real from generated"
        f"{', or an attention check from the others' if is_mixed else ''}: the largest "
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


def _with_interval(found: LeakContrast) -> str:
    return f"{found.auc:.2f} [{found.low:.2f}, {found.high:.2f}]"

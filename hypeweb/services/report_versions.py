"""Published versions of a report: written once, read back, never changed."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from hypeweb.models import (
    ReportVersion,
    Retraction,
    SampleSet,
    Study,
    StudyComparison,
    StudyFigure,
    VersionFile,
)
from hypeweb.models.scores import Exclusions
from hypeweb.services import (
    agreement,
    audit,
    figures,
    frozen_settings,
    report_formats,
    reports,
    scores,
    snapshots,
    software,
)
from hypeweb.services.errors import ConflictError, DomainError, NotFoundError
from hypeweb.services.reports import ExclusionsChoice, Population, Report

FORMAT = "hypeweb report version"
FORMAT_NUMBER = 1
MAX_REASON = 2000
REDRAWN = "The worker draws the figures anew just now; try again in a minute."
BASES: tuple[ExclusionsChoice, ...] = ("none", "applied")


@dataclass(frozen=True)
class Published:
    """A version read back: its report, its figures, and whether it is as written."""

    version: ReportVersion
    report: Report
    figures: tuple[StudyFigure, ...]
    has_exclusions: bool
    is_intact: bool
    retraction: Retraction | None


def publish(
    *, study: Study, population: Population, note: str, actor: User, now: datetime
) -> ReportVersion:
    """Freeze a study's report under the next number.

    Files are copied before the study is locked, which people who join wait for.
    """
    _require_settled(study, population)
    drawn = _drawn(study, population)
    files = [kept for figure in drawn for kept in _kept(figure)]
    hashes = {file.name: file.sha256 for file in files}
    with transaction.atomic():
        study = Study.objects.select_for_update(of=("self",)).get(pk=study.pk)
        _require_settled(study, population)
        if _drawn(study, population) != drawn:
            raise ConflictError(REDRAWN)
        last = study.report_versions.order_by("-number").first()
        number = last.number + 1 if last else 1
        document = _document(
            study, population=population, number=number, note=note, now=now
        )
        document["figures"] = [
            {"figure": snapshots.dump(figure), "files": _named(figure, hashes)}
            for figure in drawn
        ]
        text = as_text(document)
        basis = document["inputs"]["judgments"]["none"] or {}
        version = ReportVersion.objects.create(
            study=study,
            number=number,
            population=population,
            note=note,
            document=text,
            content_hash=_sha256(text.encode()),
            settings_hash=document["inputs"]["settings_sha256"],
            judgments_hash=basis.get("sha256", ""),
            published_by=actor,
            published_at=now,
        )
        for file in files:
            file.version = version
            file.save()
        audit.record(
            actor=actor,
            action="published the report",
            subject=study,
            detail=f"version {number}, sha256 {version.content_hash}",
        )
    return version


@transaction.atomic
def retract(
    *, version: ReportVersion, reason: str, actor: User, now: datetime
) -> Retraction:
    """Say of a version, for good, that it should not be relied on, and why."""
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise DomainError(
            f"Give a reason of 1 to {MAX_REASON} characters; got {len(reason)}. It "
            "stays beside the version."
        )
    Study.objects.select_for_update(of=("self",)).get(pk=version.study_id)
    if Retraction.objects.filter(version=version).exists():
        raise ConflictError(f"Version {version.number} was retracted already.")
    retraction = Retraction.objects.create(
        version=version, reason=reason, retracted_by=actor, retracted_at=now
    )
    audit.record(
        actor=actor,
        action="retracted a version of the report",
        subject=version.study,
        detail=f"version {version.number}: {reason}",
    )
    return retraction


def versions_of(study: Study) -> QuerySet[ReportVersion]:
    """Return a study's versions, newest first, without their documents."""
    return study.report_versions.select_related("published_by", "retraction").defer(
        "document"
    )


def read(version: ReportVersion, *, exclusions: ExclusionsChoice = "none") -> Published:
    """Return a version as its page shows it."""
    document = json.loads(version.document)
    return Published(
        version=version,
        report=report_in(document, exclusions=exclusions),
        figures=tuple(
            figure
            for entry in document["figures"]
            if (figure := snapshots.load(StudyFigure, entry["figure"])).exclusions
            == exclusions
        ),
        has_exclusions=len(document["pages"]) > 1,
        is_intact=_sha256(version.document.encode()) == version.content_hash,
        retraction=Retraction.objects.filter(version=version).first(),
    )


def report_in(document: dict[str, Any], *, exclusions: ExclusionsChoice) -> Report:
    """Return the report that a version's document holds."""
    pages = document["pages"]
    if exclusions not in pages:
        raise NotFoundError("This version leaves nobody out: there is one report.")
    return snapshots.load(Report, pages[exclusions])


def file_name(version: ReportVersion) -> str:
    """Return what a version's files are called; what was retracted says so for good."""
    retracted = Retraction.objects.filter(version=version).exists()
    name = f"{version.study.slug}-v{version.number}"
    return f"{name}-retracted" if retracted else name


def read_file(version: ReportVersion, figure_pk: int, suffix: str) -> bytes:
    """Return a version's figure as it stood."""
    found = version.files.filter(name=_name(figure_pk, suffix)).first()
    if found is None:
        raise NotFoundError("There is no such figure in this version.")
    with default_storage.open(found.storage_key) as file:
        data: bytes = file.read()
    return data


def as_text(document: dict[str, Any]) -> str:
    """Return a document in the one form that is hashed and handed out."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n"


def _require_settled(study: Study, population: Population) -> None:
    """Refuse while the report rests on less than there is."""
    if study.is_draft or study.frozen_settings is None:
        raise ConflictError(
            "The settings are not frozen yet, so there is nothing to publish; open "
            "the study first."
        )
    changed = frozen_settings.changes_since_opening(study)
    if changed:
        raise ConflictError(
            f"The study is not as it was when it opened: {'; '.join(changed)}. Such a "
            "report cannot be published."
        )
    until = scores.last_counted(study, population=population)
    stored = StudyComparison.objects.filter(study=study, population=population)
    bases = {one.exclusions: one.basis for one in stored}
    ends = {basis.get("until") for basis in bases.values()}
    # A session may end before another and be stored after it.
    n_scored = bases.get(Exclusions.NONE, {}).get("n_judgments")
    n_counted = scores.n_counted(study, population=population)
    is_behind = ends != {until and until.isoformat()} or n_scored != n_counted
    if until is not None and is_behind:
        raise ConflictError(
            "The scores do not rest on every finished session yet. The worker "
            "computes them now; try again in a minute."
        )
    if study.pk in agreement.unrelated() or not figures.is_drawn(study):
        raise ConflictError(
            "The worker still relates people and metrics or draws the figures, which "
            "it does every five minutes while a study runs; try again then."
        )


def _document(
    study: Study, *, population: Population, number: int, note: str, now: datetime
) -> dict[str, Any]:
    built: dict[ExclusionsChoice, Report] = {
        "none": reports.build_report(study, population=population)
    }
    if built["none"].excluded.n_left_out:
        built["applied"] = reports.build_report(
            study, population=population, exclusions="applied"
        )
    return {
        "format": FORMAT,
        "format_number": FORMAT_NUMBER,
        "study": study.slug,
        "name": study.name,
        "number": number,
        "published_at": now.isoformat(),
        "note": note,
        "population": population,
        "reports": {name: report_formats.as_json(one) for name, one in built.items()},
        "inputs": _inputs(study, population, built["none"]),
        "software": software.versions(),
        "figures": [],
        "pages": {name: snapshots.dump(one) for name, one in built.items()},
    }


def _inputs(study: Study, population: Population, report: Report) -> dict[str, Any]:
    bases = {
        one.exclusions: one.basis
        for one in StudyComparison.objects.filter(study=study, population=population)
    }
    return {
        "settings": study.frozen_settings,
        "settings_sha256": study.settings_hash,
        "real_set": _set(study.real_set.name, study.real_set),
        "arms": [_set(row.arm_label, row.sample_set) for row in report.rows],
        "judgments": {name: bases.get(name) for name in Exclusions.values},
    }


def _set(name: str, sample_set: SampleSet) -> dict[str, object]:
    return {
        "name": name,
        "sample_set": sample_set.name,
        "n_samples": sample_set.n_samples,
        "sha256": sample_set.content_hash,
    }


def _drawn(study: Study, population: Population) -> list[StudyFigure]:
    return [
        figure
        for exclusions in BASES
        for figure in figures.figures_of(
            study, population=population, exclusions=exclusions
        )
    ]


def _kept(figure: StudyFigure) -> Iterator[VersionFile]:
    """Copy a figure's files to where nothing changes them; the rows are not stored."""
    for suffix in figures.FORMATS:
        try:
            with default_storage.open(figure.storage_key(suffix)) as file:
                data: bytes = file.read()
        except FileNotFoundError as error:
            raise ConflictError(REDRAWN) from error
        kept = VersionFile(
            name=_name(figure.pk, suffix), sha256=_sha256(data), size_bytes=len(data)
        )
        if not default_storage.exists(kept.storage_key):
            default_storage.save(kept.storage_key, ContentFile(data))
        yield kept


def _named(figure: StudyFigure, hashes: dict[str, str]) -> dict[str, str]:
    return {suffix: hashes[_name(figure.pk, suffix)] for suffix in figures.FORMATS}


def _name(figure_pk: int, suffix: str) -> str:
    return f"{figure_pk}.{suffix}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

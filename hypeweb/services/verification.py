"""Whether a published report's numbers come out again, from what they rest on."""

import csv
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage

from hypeweb.models import (
    Arm,
    Evaluation,
    MetricResult,
    Pool,
    ReportVersion,
    Retraction,
    SampleSet,
    Study,
)
from hypeweb.models import Score as ScoreRow
from hypeweb.science.arm_scores import Settings
from hypeweb.science.judgments_table import (
    IS_SCORED,
    JudgmentsTable,
    judgments_digest,
    no_judgments,
    read_judgments,
)
from hypeweb.science.table_scores import TableScores, plain, score_arms
from hypeweb.services import (
    agreement,
    comparisons,
    evaluations,
    frozen_settings,
    image_findings,
    quality,
    report_formats,
    report_versions,
    reports,
    samples,
    scores,
    software,
)
from hypeweb.services.comparisons import Compared
from hypeweb.services.errors import DomainError
from hypeweb.services.report_columns import METRIC_COLUMNS, Column, score_columns
from hypeweb.services.report_images import images_section
from hypeweb.services.report_sections import (
    agreement_section,
    comparison_section,
    exclusion_section,
)
from hypeweb.services.reports import ExclusionsChoice, Number, Report

Document = dict[str, Any]
# Reads the judgments of everybody, or of one group of pools.
Judged = Callable[[str | None], JudgmentsTable]
Scoring = Callable[[JudgmentsTable], TableScores]
# Another machine or another library adds the same numbers in another order.
TOLERANCE = 1e-9
# Features come from a network in single precision, perhaps on another device.
METRICS_TOLERANCE = 1e-4
NOBODY_LEFT_OUT: ExclusionsChoice = "none"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the report says."""

    where: str
    stated: str
    found: str


@dataclass(frozen=True)
class Check:
    """One part of a report held against what it rests on."""

    name: str
    n_compared: int
    differences: tuple[Difference, ...] = ()
    left_out: str = ""
    """Why nothing was compared; empty where something was."""


def read_document(text: str) -> Document:
    """Return a version's document; raise where the text is none."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DomainError(f"This is no JSON: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != (
        report_versions.FORMAT
    ):
        raise DomainError(
            "This is no published version of a report. Download one from the report's "
            "page of versions, as JSON."
        )
    if document.get("format_number") != report_versions.FORMAT_NUMBER:
        raise DomainError(
            f"This version has format {document.get('format_number')}; this program "
            f"reads {report_versions.FORMAT_NUMBER}."
        )
    missing = [name for name in ("reports", "pages", "inputs") if name not in document]
    if missing:
        raise DomainError(f"The document has no “{missing[0]}”; it was cut.")
    return document


def verify(
    document: Document,
    *,
    version: ReportVersion | None,
    judgments: Path | None,
    with_metrics: bool,
    text: str,
) -> Iterator[Check]:
    """Check a document part by part.

    Against the database where its version is there, else alone; the judgments may come
    from an exported file, and then no database is asked for them.
    """
    yield _check_hash(text, version)
    yield _check_pages(document)
    yield _check_settings(document, version)
    yield _check_images(document, version)
    for exclusions in document["pages"]:
        judged = _judged(document, exclusions, version=version, judgments=judgments)
        yield _check_judgments(document, exclusions, judged)
        yield from _check_scores(document, exclusions, judged)
        yield _check_galleries(document, exclusions, judged, version)
        yield _check_excluded(document, exclusions, version)
    for exclusions in document["pages"]:
        yield _check_agreement(document, exclusions)
    yield _check_metrics(document, version)
    if with_metrics:
        yield _check_metrics_again(document, version)
    yield _check_figures(document, version)


def software_note(document: Document) -> str:
    """Return with what other software the scores were computed; empty if with this."""
    basis = next(filter(None, document["inputs"]["judgments"].values()), None)
    then: Mapping[str, str] = (basis or {}).get("software", {})
    now = software.versions()
    other = [
        f"{name} {value} (here {now.get(name, 'none')})"
        for name, value in sorted(then.items())
        if now.get(name) != value and name in {"numpy", "scipy", "hypeweb.science"}
    ]
    return f"The scores were computed with {', '.join(other)}." if other else ""


def retraction_note(version: ReportVersion) -> str:
    """Return that a version was retracted, and why; empty where it was not."""
    retraction = Retraction.objects.filter(version=version).first()
    if retraction is None:
        return ""
    when = f"{retraction.retracted_at:%Y-%m-%d}"
    return f"It was retracted on {when}, for this reason: {retraction.reason}\n"


def _check_hash(text: str, version: ReportVersion | None) -> Check:
    name = "hash of the document"
    if version is None:
        return Check(name, 0, left_out="the version is not in this database")
    found = hashlib.sha256(text.encode()).hexdigest()
    return _check(name, {"sha256": version.content_hash}, {"sha256": found})


def _check_pages(document: Document) -> Check:
    """Hold the numbers of the JSON against those from which the page is made."""
    name = "JSON against page"
    try:
        found = {
            exclusions: report_formats.as_json(_report(document, exclusions))
            for exclusions in document["pages"]
        }
    except (ValueError, DomainError) as error:
        return Check(name, 1, (Difference("pages", "a report", str(error)),))
    return _check(name, document["reports"], json.loads(json.dumps(found)))


def _check_settings(document: Document, version: ReportVersion | None) -> Check:
    inputs = document["inputs"]
    settings = inputs["settings"]
    stated: dict[str, Any] = {
        "settings_sha256": inputs["settings_sha256"],
        "real_set": settings.get("real_set"),
        "arms": [digest for _, digest in settings.get("arms", [])],
    }
    found: dict[str, Any] = {
        "settings_sha256": frozen_settings.hash_of(settings),
        "real_set": inputs["real_set"]["sha256"],
        "arms": [arm["sha256"] for arm in inputs["arms"]],
    }
    for exclusions, basis in inputs["judgments"].items():
        if basis:
            stated[f"scoring of {exclusions}"] = {
                **basis["settings"],
                "seed": basis["seed"],
            }
            found[f"scoring of {exclusions}"] = {
                **basis["settings"],
                "seed": document["pages"][NOBODY_LEFT_OUT]["study"]["seed"],
                "limits_ms": [settings.get("min_ms"), settings.get("max_ms")],
                "masks_ms": float(
                    (settings.get("n_masks") or 0) * (settings.get("mask_ms") or 0)
                ),
            }
    for exclusions, page in document["pages"].items():
        # The real set is a hash among the settings, and held against it above.
        kept = {key: page["study"][key] for key in settings if key in page["study"]}
        kept.pop("real_set", None)
        stated[f"page of {exclusions}"] = kept
        found[f"page of {exclusions}"] = {key: settings[key] for key in kept}
    if version is not None:
        stated["settings"] = settings
        found["settings"] = version.study.frozen_settings
        stated["hash of the version"] = inputs["settings_sha256"]
        found["hash of the version"] = version.settings_hash
    return _check("settings", stated, found)


def _check_images(document: Document, version: ReportVersion | None) -> Check:
    name = "images"
    if version is None:
        return Check(name, 0, left_out="the images are not in this database")
    inputs, study = document["inputs"], version.study
    stated = {"real set": _facts(inputs["real_set"])}
    found = {"real set": _stored_facts(study.real_set)}
    arms = list(study.arms.select_related("sample_set"))
    for arm, entry in zip(arms, inputs["arms"], strict=False):
        stated[f"arm “{entry['name']}”"] = _facts(entry)
        found[f"arm “{entry['name']}”"] = _stored_facts(arm.sample_set)
    stated["arms"], found["arms"] = [{"n": len(inputs["arms"])}], [{"n": len(arms)}]
    return _check(name, stated, found)


def _facts(entry: Mapping[str, Any]) -> list[dict[str, object]]:
    return [{"n_samples": entry["n_samples"], "sha256": entry["sha256"]}]


def _stored_facts(sample_set: SampleSet) -> list[dict[str, object]]:
    """Return a set's number of images and their hash, from the images' own."""
    hashes = list(sample_set.samples.values_list("content_hash", flat=True))
    return [{"n_samples": len(hashes), "sha256": samples.content_hash(hashes)}]


def _judged(
    document: Document,
    exclusions: ExclusionsChoice,
    *,
    version: ReportVersion | None,
    judgments: Path | None,
) -> Judged | None:
    """Return how to read the judgments a report rests on; None without any here."""
    if judgments is not None:
        path = judgments
        return cache(lambda group: _from_file(document, exclusions, path, group=group))
    if version is not None:
        study = version.study
        return cache(
            lambda group: _from_database(document, exclusions, study, group=group)
        )
    return None


def _from_database(
    document: Document,
    exclusions: ExclusionsChoice,
    study: Study,
    *,
    group: str | None,
) -> JudgmentsTable:
    population = document["population"]
    flagged = (
        quality.flags_of(study, population=population)
        if exclusions == "applied"
        else {}
    )
    table = scores.judgments_of(
        study,
        population=population,
        without=quality.left_out(study, flagged),
        until=_until(document, exclusions),
        group=group,
    )
    return scores.named_for_outsiders(study, table)


def _from_file(
    document: Document, exclusions: ExclusionsChoice, path: Path, *, group: str | None
) -> JudgmentsTable:
    """Return the rows of an export that a report rests on."""
    until = _until(document, exclusions)
    rules = set(document["inputs"]["settings"].get("exclusions") or ())
    excluding = rules if exclusions == "applied" else set()

    def counts(row: Mapping[str, str]) -> bool:
        ended = row.get("session_finished_at")
        late = ended and datetime.fromisoformat(ended) > until
        left_out = excluding & set((row.get("quality_flags") or "").split(","))
        is_ours = row.get("population", document["population"])
        of_group = group is None or row.get("group") == group
        is_scored = row.get(IS_SCORED) != "false"
        is_of_it = is_ours == document["population"] and of_group and is_scored
        return bool(is_of_it and not late and not left_out)

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = _filtered(csv.DictReader(file), counts)
            heading, first = next(lines), next(lines, None)
            if first is None:
                return no_judgments(heading)
            return read_judgments(chain((heading, first), lines))
    except (OSError, ValueError) as error:
        raise DomainError(f"{path} cannot be used: {error}") from error


def _filtered(
    reader: "csv.DictReader[str]", counts: Callable[[Mapping[str, str]], bool]
) -> Iterator[str]:
    names = list(reader.fieldnames or ())
    yield _line(names)
    for row in reader:
        if counts(row):
            yield _line([row.get(name) or "" for name in names])


def _line(entries: Sequence[str]) -> str:
    quoted = ['"{}"'.format(entry.replace('"', '""')) for entry in entries]
    return f"{','.join(quoted)}\n"


def _until(document: Document, exclusions: ExclusionsChoice) -> datetime:
    """Return when the last session ended that a report could rest on."""
    bases = document["inputs"]["judgments"]
    basis = bases.get(exclusions) or bases.get(NOBODY_LEFT_OUT) or {}
    until: str = basis.get("until") or document["published_at"]
    return datetime.fromisoformat(until)


def _check_judgments(
    document: Document, exclusions: ExclusionsChoice, judged: Judged | None
) -> Check:
    name = f"judgments{_of(exclusions)}"
    basis = document["inputs"]["judgments"][exclusions]
    if judged is None:
        return Check(name, 0, left_out="there are none here; give --judgments FILE")
    table = judged(None)
    if basis is None and not table.truth.size:
        return Check(name, 0, left_out="nobody judged anything")
    stated = {key: (basis or {}).get(key) for key in ("n_judgments", "n_evaluators")}
    found = {
        "n_judgments": int(table.truth.size),
        "n_evaluators": len(table.names["evaluator"]),
    }
    stated["sha256"] = (basis or {}).get("sha256")
    return _check(name, stated, {**found, "sha256": judgments_digest(table)})


def _check_scores(
    document: Document, exclusions: ExclusionsChoice, judged: Judged | None
) -> Iterator[Check]:
    """Compute the human numbers anew, and what is said of them."""
    if judged is None:
        return
    basis = document["inputs"]["judgments"][exclusions]
    try:
        how, table = _scoring(basis), judged(None)
        scored = how(table)
        report = _report(document, exclusions)
    except (TypeError, KeyError, ValueError) as error:
        problem = Difference("how they were computed", "settings", str(error))
        yield Check(f"scores{_of(exclusions)}", 1, (problem,))
        return
    columns, stated = _columns(report), document["reports"][exclusions]
    yield _check(
        f"scores{_of(exclusions)}",
        {arm["arm"]: _human(arm, columns) for arm in stated["arms"]},
        {
            row.arm_label: _scored_again(row.arm_label, columns, table, scored)
            for row in report.rows
        },
    )
    compared = comparisons.compared_of(report.study, scored, n_arms=len(report.rows))
    yield _check_comparison(stated, exclusions, report, compared)
    yield _check_words(stated, exclusions, report, compared)
    yield _check_groups(stated, exclusions, report, judged, how)


def _scoring(basis: Mapping[str, Any] | None) -> Scoring:
    """Return how a report's judgments were scored; without a basis there were none."""
    if basis is None:
        return lambda table: score_arms(table, seed=0, settings=Settings())
    limits = tuple(basis["settings"]["limits_ms"])
    settings = Settings(**{**basis["settings"], "limits_ms": limits})
    seed: int = basis["seed"]
    return lambda table: score_arms(table, seed=seed, settings=settings)


def _columns(report: Report) -> list[Column]:
    columns = report.columns + report.detail_columns
    return [column for column in columns if column.group == "people"]


def _human(arm: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, object]:
    """Return what the JSON says of the people's judgments of an arm."""
    found: dict[str, object] = {
        column.key: _without_mark(arm["numbers"].get(column.key, {}))
        for column in columns
    }
    counts = {
        name: arm[name] for name in ("n_evaluators", "n_judgments") if name in arm
    }
    return {**found, **counts}


def _scored_again(
    arm: str, columns: Sequence[Column], table: JudgmentsTable, scored: TableScores
) -> dict[str, object]:
    arm_scores = scored.arms.get(arm)
    numbers = scores.arm_numbers(table, arm, arm_scores) if arm_scores else []
    by_kind = {
        number.kind.value: number
        for number in numbers
        if number.estimate.value is not None or number.statement
    }
    found: dict[str, object] = {}
    for column in columns:
        number = by_kind.get(column.key)
        shown = (
            Number(
                value=number.estimate.value,
                low=number.estimate.low,
                high=number.estimate.high,
                note=number.note,
                bound=number.bound,
                statement=number.statement,
            )
            if number
            else None
        )
        cell = report_formats.cell_json(reports.cell_of(column, shown))
        found[column.key] = _without_mark(cell)
    main = by_kind.get(columns[0].key)
    return {
        **found,
        "n_evaluators": main.estimate.n_evaluators if main else 0,
        "n_judgments": main.estimate.n_judgments if main else 0,
    }


def _without_mark(cell: Mapping[str, object]) -> dict[str, object]:
    """Leave out which arm is best: that is no number of one arm."""
    return {name: value for name, value in cell.items() if name != "is_best"}


def _check_comparison(
    stated: Mapping[str, Any],
    exclusions: ExclusionsChoice,
    report: Report,
    compared: Compared | None,
) -> Check:
    study, has_pairs = report.study, len(report.rows) > 1
    section = comparison_section(study, compared) if compared and has_pairs else None
    watch = (
        comparisons.watch_sentences(study, compared.watch if compared else None)
        if study.watch_sequentially and has_pairs
        else ()
    )
    return _check(
        f"comparisons{_of(exclusions)}",
        {"comparison": stated["comparison"], "watch": stated["watch"]},
        {"comparison": plain(section), "watch": list(watch)},
    )


def _check_words(
    stated: Mapping[str, Any],
    exclusions: ExclusionsChoice,
    report: Report,
    compared: Compared | None,
) -> Check:
    """Say anew what the report begins with, and which number of each is the best."""
    columns, population = report.columns, report.population
    rows = reports.mark_best(columns, report.rows)
    return _check(
        f"words{_of(exclusions)}",
        {
            "headline": stated["headline"],
            "disagreements": stated["disagreements"],
            "best": {
                arm["arm"]: [
                    arm["numbers"][column.key]["is_best"] for column in columns
                ]
                for arm in stated["arms"]
            },
        },
        {
            "headline": list(reports.headline(columns, rows, population, compared)),
            "disagreements": list(
                reports.disagreements(columns, rows, population, compared)
            ),
            "best": {
                row.arm_label: [cell.is_best for cell in row.cells] for row in rows
            },
        },
    )


def _check_groups(
    stated: Mapping[str, Any],
    exclusions: ExclusionsChoice,
    report: Report,
    judged: Judged,
    how: Scoring,
) -> Check:
    """Compute anew what the crowd and experts say, where both judged."""
    columns = score_columns(report.study)
    tables = {str(group.label): judged(group.value) for group in Pool.Group}
    present = {label: table for label, table in tables.items() if table.truth.size}
    again = {}
    if len(present) > 1:
        for label, table in present.items():
            scored = how(table)
            for row in report.rows:
                numbers = _scored_again(row.arm_label, columns, table, scored)
                del numbers["n_judgments"]
                again[f"{row.arm_label}, {label}"] = numbers
    return _check(
        f"groups{_of(exclusions)}",
        {
            f"{one['arm']}, {one['group']}": _human(one, columns)
            for one in stated["groups"]
        },
        again,
    )


def _check_galleries(
    document: Document,
    exclusions: ExclusionsChoice,
    judged: Judged | None,
    version: ReportVersion | None,
) -> Check:
    """Find anew the images that stand out, and say how often they deceived."""
    name = f"galleries{_of(exclusions)}"
    if version is None or judged is None:
        return Check(name, 0, left_out="the images are not in this database")
    stated = document["reports"][exclusions]["images"]
    if stated is None:
        return Check(name, 0, left_out="the version has none")
    section = images_section(image_findings.find_in(version.study, judged(None)))
    return _check(name, {"images": stated}, {"images": plain(section)})


def _check_excluded(
    document: Document, exclusions: ExclusionsChoice, version: ReportVersion | None
) -> Check:
    """Count anew whom the rules on quality leave out."""
    name = f"exclusions{_of(exclusions)}"
    if version is None:
        return Check(name, 0, left_out="the sessions are not in this database")
    flagged = quality.flags_of(
        version.study,
        population=document["population"],
        until=_until(document, exclusions),
    )
    section = exclusion_section(
        quality.counted(version.study, flagged.values()),
        is_applied=exclusions == "applied",
    )
    stated = document["reports"][exclusions]["excluded"]
    return _check(name, {"excluded": stated}, {"excluded": plain(section)})


def _check_agreement(document: Document, exclusions: ExclusionsChoice) -> Check:
    """Compute from the report's own numbers how people and metrics agree."""
    report = _report(document, exclusions)
    arms = [
        Arm(pk=place, position=place, label=row.arm_label, sample_set=row.sample_set)
        for place, row in enumerate(report.rows, start=1)
    ]
    main, keys = report.columns[0].key, {column.key for column in METRIC_COLUMNS}
    people: dict[int, ScoreRow] = {}
    metrics: dict[int, dict[str, MetricResult]] = {}
    for arm, row in zip(arms, report.rows, strict=True):
        for cell in row.cells:
            if cell.value is None:
                continue
            values = {"value": cell.value, "low": cell.low, "high": cell.high}
            if cell.key == main:
                people[arm.pk] = ScoreRow(kind=main, **values)
            elif cell.key in keys:
                made = MetricResult(name=cell.key, **values)
                metrics.setdefault(arm.pk, {})[cell.key] = made
    found = agreement.by_metric(report.study, arms, people, metrics) if people else []
    return _check(
        f"people and metrics{_of(exclusions)}",
        {"section": document["reports"][exclusions]["people_and_metrics"]},
        {"section": plain(agreement_section(report.study, found))},
    )


def _check_metrics(document: Document, version: ReportVersion | None) -> Check:
    name = "metrics as stored"
    if version is None:
        return Check(name, 0, left_out="the evaluations are not in this database")
    runs = _runs(version.study)
    stated: dict[str, object] = {}
    found: dict[str, object] = {}
    for arm in document["reports"][NOBODY_LEFT_OUT]["arms"]:
        if arm["state"]:
            continue  # it said that it had none
        run = runs.get(arm["content_hash"])
        stated[arm["arm"]] = {
            **_metric_numbers(arm),
            "provenance": arm["provenance"],
        }
        found[arm["arm"]] = "no evaluation"
        if run is not None and run.state == Evaluation.State.DONE:
            keys = {column.key for column in METRIC_COLUMNS}
            found[arm["arm"]] = {
                **{
                    result.name: [result.value, result.low, result.high]
                    for result in run.results.all()
                    if result.name in keys
                },
                "provenance": run.provenance,
            }
    return _check(name, stated, found)


def _check_metrics_again(document: Document, version: ReportVersion | None) -> Check:
    name = f"metrics computed anew (to {METRICS_TOLERANCE:g})"
    if version is None:
        return Check(name, 0, left_out="the images are not in this database")
    runs = _runs(version.study)
    stated, found = {}, {}
    for arm in document["reports"][NOBODY_LEFT_OUT]["arms"]:
        run = runs.get(arm["content_hash"])
        numbers = _metric_numbers(arm)
        if not numbers:
            continue
        again = evaluations.measure_again(run) if run is not None else {}
        stated[arm["arm"]] = numbers
        found[arm["arm"]] = {key: list(again[key]) for key in numbers if key in again}
    return _check(name, stated, found, tolerance=METRICS_TOLERANCE)


def _metric_numbers(arm: Mapping[str, Any]) -> dict[str, list[float | None]]:
    """Return the metrics that the JSON has of an arm, with their intervals."""
    return {
        column.key: [cell["value"], cell["low"], cell["high"]]
        for column in METRIC_COLUMNS
        if (cell := arm["numbers"].get(column.key)) and cell["value"] is not None
    }


def _runs(study: Study) -> dict[str, Evaluation]:
    runs = evaluations.runs_of(study).select_related("sample_set", "real_set")
    return {run.sample_set.content_hash: run for run in runs}


def _check_figures(document: Document, version: ReportVersion | None) -> Check:
    name = "figures"
    entries = document.get("figures", [])
    if version is None:
        return Check(name, 0, left_out="the files are not in this database")
    kept = {file.name: file.storage_key for file in version.files.all()}
    stated, found = {}, {}
    for entry in entries:
        figure = entry["figure"]
        for suffix, digest in entry["files"].items():
            where = f"{figure['kind']} {figure['exclusions']}.{suffix}"
            stated[where] = digest
            found[where] = _file_hash(kept.get(f"{figure['id']}.{suffix}"))
    return _check(name, stated, found)


def _file_hash(key: str | None) -> str:
    if key is None or not default_storage.exists(key):
        return "no file"
    with default_storage.open(key) as file:
        return hashlib.sha256(file.read()).hexdigest()


def _report(document: Document, exclusions: ExclusionsChoice) -> Report:
    return report_versions.report_in(document, exclusions=exclusions)


def _of(exclusions: ExclusionsChoice) -> str:
    return " without whom the rules leave out" if exclusions == "applied" else ""


def _check(
    name: str, stated: object, found: object, *, tolerance: float = TOLERANCE
) -> Check:
    compared = list(_compare("", stated, found, tolerance))
    return Check(
        name=name,
        n_compared=len(compared),
        differences=tuple(one for one in compared if one is not None),
    )


def _compare(
    where: str, stated: object, found: object, tolerance: float
) -> Iterator[Difference | None]:
    """Go through two values leaf by leaf: None where they agree."""
    if isinstance(stated, dict) and isinstance(found, dict):
        for key in [*stated, *(key for key in found if key not in stated)]:
            inside = f"{where}, {key}" if where else str(key)
            if key not in stated or key not in found:
                yield Difference(inside, _told(stated, key), _told(found, key))
            else:
                yield from _compare(inside, stated[key], found[key], tolerance)
    elif isinstance(stated, list) and isinstance(found, list):
        if len(stated) != len(found):
            yield Difference(where, f"{len(stated)} entries", f"{len(found)} entries")
        for place, (one, other) in enumerate(zip(stated, found, strict=False), start=1):
            yield from _compare(f"{where} {place}", one, other, tolerance)
    elif _agree(stated, found, tolerance):
        yield None
    else:
        yield Difference(where, str(stated), str(found))


def _told(values: Mapping[object, object], key: object) -> str:
    return str(values[key]) if key in values else "nothing"


def _agree(stated: object, found: object, tolerance: float) -> bool:
    # Counts and seeds are exact; a bool is no number.
    if isinstance(stated, float) and isinstance(found, float | int):
        return math.isclose(stated, found, rel_tol=tolerance, abs_tol=tolerance)
    return stated == found

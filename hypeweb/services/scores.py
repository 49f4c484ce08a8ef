"""Scores: what the finished sessions of each arm say."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from numpy.typing import NDArray

from hypeweb.models import (
    GroupScores,
    Judgment,
    Score,
    Session,
    Study,
    StudyComparison,
    Trial,
)
from hypeweb.models.scores import Exclusions
from hypeweb.models.sessions import Truth
from hypeweb.science.answers import EvaluatorAnswers, class_counts
from hypeweb.science.arm_scores import Settings, TimedScores, UntimedScores
from hypeweb.science.estimates import Caution, Estimate
from hypeweb.science.judgments_table import JudgmentsTable, judgments_digest
from hypeweb.science.populations import between_person_sd
from hypeweb.science.response_times import ResponseTimes
from hypeweb.science.table_scores import TableScores, plain, score_arms
from hypeweb.services import comparisons, group_scores, quality, software
from hypeweb.services.pseudonyms import pseudonym

# A researcher's own preview is no evidence.
SCORED = (Session.Population.PEOPLE, Session.Population.SIMULATED)
# Of the judgments, those that scores rest on.
COUNTS = Q(
    trial__session__population__in=SCORED,
    trial__session__state=Session.State.FINISHED,
    trial__purpose=Trial.Purpose.SCORE,
    is_void=False,
)


@dataclass(frozen=True)
class Basis:
    """Whose judgments scores rest on."""

    study: Study
    population: str
    exclusions: Exclusions


@dataclass(frozen=True)
class Number:
    """One number of an arm, as a row of `Score` holds it."""

    kind: Score.Kind
    estimate: Estimate
    note: str = ""
    bound: str = ""
    statement: str = ""
    person_spread: float | None = None


def score_study(study_id: int, *, now: datetime) -> None:
    """Recompute every score of a study, with and without whom its rules leave out.

    The study's row is locked only to write: evaluators who join or start need it too.
    """
    study = Study.objects.get(pk=study_id)
    scores: list[Score] = []
    compared: list[StudyComparison] = []
    by_group: list[GroupScores] = []
    for population in SCORED:
        left_out = quality.flag_sessions(study, population=population)
        until = last_counted(study, population=population)
        everyone = _score(
            study, judgments_of(study, population=population, until=until)
        )
        # Where nobody is left out, the numbers are the same to the last digit.
        kept = (
            _score(
                study,
                judgments_of(
                    study, population=population, without=left_out, until=until
                ),
            )
            if left_out
            else everyone
        )
        groups_of_everyone = _by_group(study, population, without=(), until=until)
        groups_kept = (
            _by_group(study, population, without=left_out, until=until)
            if left_out
            else groups_of_everyone
        )
        for exclusions, found, groups in (
            (Exclusions.NONE, everyone, groups_of_everyone),
            (Exclusions.APPLIED, kept, groups_kept),
        ):
            if found is None:
                continue
            table, scored = found
            basis = Basis(study, population, exclusions)
            scores += _scores(basis, table, scored, now=now)
            by_group += _group_rows(basis, groups, now=now)
            compared.append(
                StudyComparison(
                    study=study,
                    population=population,
                    exclusions=exclusions,
                    result=comparisons.as_result(study, scored),
                    basis=_basis(study, table, until=until),
                    computed_at=now,
                )
            )
    with transaction.atomic():
        Study.objects.select_for_update(of=("self",)).get(pk=study_id)
        stored = Score.objects.filter(arm__study=study)
        if stored.filter(computed_at__gt=now).exists():
            return  # a later reading of the judgments was quicker
        stored.delete()
        StudyComparison.objects.filter(study=study).delete()
        GroupScores.objects.filter(study=study).delete()
        Score.objects.bulk_create(scores)
        StudyComparison.objects.bulk_create(compared)
        GroupScores.objects.bulk_create(by_group)


def _by_group(
    study: Study,
    population: str,
    *,
    without: Collection[int],
    until: datetime | None,
) -> dict[str, tuple[JudgmentsTable, TableScores]]:
    """Return what each group of pools says, where judgments of more than one count."""
    counted = _counted(study, population).exclude(trial__session__in=without)
    groups = counted.order_by().values_list("trial__session__pool__group", flat=True)
    present = sorted(group for group in groups.distinct() if group)
    if len(present) < 2:  # noqa: PLR2004 one group is the whole study
        return {}
    found = {
        group: _score(
            study,
            judgments_of(
                study, population=population, without=without, until=until, group=group
            ),
        )
        for group in present
    }
    return {group: scored for group, scored in found.items() if scored is not None}


def _group_rows(
    basis: Basis,
    groups: Mapping[str, tuple[JudgmentsTable, TableScores]],
    *,
    now: datetime,
) -> list[GroupScores]:
    return [
        GroupScores(
            study=basis.study,
            population=basis.population,
            exclusions=basis.exclusions,
            group=group,
            result=group_scores.as_result(_scores(basis, table, scored, now=now)),
            computed_at=now,
        )
        for group, (table, scored) in groups.items()
    ]


def _score(
    study: Study, table: JudgmentsTable
) -> tuple[JudgmentsTable, TableScores] | None:
    """Return a table with what it says; nothing of an empty one."""
    if not table.truth.size:
        return None
    return table, score_arms(table, seed=study.seed, settings=settings_of(study))


def settings_of(study: Study) -> Settings:
    """Return how a study's scores are computed."""
    return Settings(
        limits_ms=(study.min_ms, study.max_ms),
        masks_ms=float(study.n_masks * study.mask_ms),
    )


def last_counted(study: Study, *, population: str) -> datetime | None:
    """Return when the last session ended whose judgments count."""
    last: datetime | None = _counted(study, population).aggregate(
        last=Max("trial__session__finished_at")
    )["last"]
    return last


def n_counted(study: Study, *, population: str) -> int:
    """Return how many judgments count, whether a score rests on them yet or not."""
    return _counted(study, population).count()


def _counted(study: Study, population: str) -> QuerySet[Judgment]:
    return Judgment.objects.filter(
        COUNTS,
        trial__session__study=study,
        trial__session__population=population,
    )


def named_for_outsiders(study: Study, table: JudgmentsTable) -> JudgmentsTable:
    """Return the judgments with the evaluators' names in the exports."""
    people = [pseudonym(study, int(pk)) for pk in table.names["evaluator"]]
    return replace(table, names={**table.names, "evaluator": people})


def judgments_of(
    study: Study,
    *,
    population: str,
    without: Collection[int] = (),
    until: datetime | None = None,
    group: str | None = None,
) -> JudgmentsTable:
    """Return the judgments of the finished sessions but some, by order of finishing.

    With `until`, of the sessions that ended by then; with `group`, of those who came
    through its pools.

    The order is that of arrival, which the confidence sequence needs, and decides the
    random numbers that `manage.py score_judgments` would draw for the same rows.
    """
    names = comparisons.arm_names(list(study.arms.all()))
    found = _counted(study, population)
    if until is not None:
        found = found.filter(trial__session__finished_at__lte=until)
    if group is not None:
        found = found.filter(trial__session__pool__group=group)
    found = found.exclude(trial__session__in=without).order_by(
        "trial__session__finished_at",
        "trial__session_id",
        "trial__block",
        "trial__number",
    )
    rows = list(
        found.values_list(
            "trial__arm_id",
            "trial__session__evaluator_id",
            "trial__sample_id",
            "trial__block",
            "trial__truth",
            "answer",
            "trial__planned_ms",
            "shown_ms",
            "rt_ms",
        )
    )
    arms, people, images, blocks, truths, answers, planned, shown, times = (
        zip(*rows, strict=True) if rows else [()] * 9
    )
    coded = {
        "arm": _code([names[pk] for pk in arms]),
        "evaluator": _code([str(pk) for pk in people]),
        "sample": _code([str(pk) for pk in images]),
        "block": _code([str(number) for number in blocks]),
    }
    return JudgmentsTable(
        names={name: distinct for name, (distinct, _) in coded.items()},
        codes={name: codes for name, (_, codes) in coded.items()},
        truth=np.array([truth == Truth.REAL for truth in truths], dtype=np.bool_),
        said_real=np.array([said == Truth.REAL for said in answers], dtype=np.bool_),
        numbers={
            "planned_ms": np.array(planned, dtype=np.float64),
            "shown_ms": _positive(shown),
            "rt_ms": np.array(times, dtype=np.float64),
        },
        row=np.arange(2, len(rows) + 2),
        n_rows=len(rows),
        cautions=(),
    )


def _positive(shown_ms: Sequence[float | None]) -> NDArray[np.float64]:
    """Return exposures with NaN for what was not measured or cannot be."""
    values = np.array(shown_ms, dtype=np.float64)
    return np.where(values > 0, values, np.nan)


def scores_of(study: Study, *, population: str | None) -> QuerySet[Score]:
    """Return the scores of a study's arms from everyone of a population or of each."""
    found = Score.objects.filter(
        arm__study=study, exclusions=Exclusions.NONE
    ).select_related("arm")
    return found.filter(population=population) if population else found


def unscored(*, now: datetime) -> list[int]:
    """Return studies with a session that ended a while ago and is in no score.

    One without flags was scored before there were any.
    """
    settled = now - timedelta(seconds=settings.EVALUATION_LEASE_SECONDS)
    finished = Session.objects.filter(
        study=OuterRef("pk"),
        population__in=SCORED,
        state=Session.State.FINISHED,
        finished_at__lt=settled,
        trials__judgment__is_void=False,
        trials__purpose=Trial.Purpose.SCORE,
    )
    newest = (
        Score.objects.filter(arm__study=OuterRef("pk"))
        .order_by("-computed_at")
        .values("computed_at")[:1]
    )
    studies = Study.objects.annotate(
        last_finished=Subquery(
            finished.order_by("-finished_at").values("finished_at")[:1]
        ),
        last_scored=Subquery(newest),
    )
    late = (
        Q(last_scored__isnull=True)
        | Q(last_scored__lt=F("last_finished"))
        | Exists(finished.filter(quality_flags__isnull=True))
    )
    return list(
        studies.filter(late, last_finished__isnull=False).values_list("pk", flat=True)
    )


def _scores(
    basis: Basis,
    table: JudgmentsTable,
    scored: TableScores,
    *,
    now: datetime,
) -> list[Score]:
    found: list[Score] = []
    study = basis.study
    arms = list(study.arms.all())
    names = comparisons.arm_names(arms)
    digest = _hash(table)
    for arm in arms:
        scores = scored.arms.get(names[arm.pk])
        if scores is None:
            continue
        numbers = arm_numbers(table, names[arm.pk], scores)
        found += [
            Score(
                arm=arm,
                population=basis.population,
                exclusions=basis.exclusions,
                kind=number.kind,
                value=number.estimate.value,
                low=number.estimate.low,
                high=number.estimate.high,
                bound=number.bound,
                statement=number.statement,
                person_spread=number.person_spread,
                n_evaluators=number.estimate.n_evaluators,
                n_judgments=number.estimate.n_judgments,
                method=f"{number.estimate.method}; seed {study.seed}",
                note=number.note,
                judgments_hash=digest,
                computed_at=now,
            )
            for number in numbers
            if number.estimate.value is not None or number.statement
        ]
    return found


def arm_numbers(
    table: JudgmentsTable, arm: str, scores: UntimedScores | TimedScores
) -> list[Number]:
    """Return the numbers of one arm as they are stored."""
    if isinstance(scores, TimedScores):
        return _timed(scores)
    return _untimed(scores, table.evaluators(arm))


def _basis(
    study: Study, table: JudgmentsTable, *, until: datetime | None
) -> dict[str, object]:
    """Return what somebody needs to compute the same numbers anew."""
    return {
        "sha256": judgments_digest(named_for_outsiders(study, table)),
        "n_judgments": int(table.truth.size),
        "n_evaluators": len(table.names["evaluator"]),
        "until": None if until is None else until.isoformat(),
        "seed": study.seed,
        "settings": plain(settings_of(study)),
        "software": software.versions(),
    }


def _untimed(
    scores: UntimedScores, evaluators: Sequence[EvaluatorAnswers]
) -> list[Number]:
    inf, seen = scores.hype_inf, scores.detection
    kind = Score.Kind
    return [
        Number(
            kind.HYPE_INF,
            inf.total,
            _note(inf.cautions),
            person_spread=_person_sd(scores, evaluators),
        ),
        Number(kind.FAKES_ERROR, inf.fakes_error),
        Number(kind.REALS_ERROR, inf.reals_error),
        Number(kind.DPRIME, seen.dprime),
        Number(kind.CRITERION, seen.criterion),
        Number(kind.SAID_REAL, seen.said_real),
        _response(scores.response_times),
        Number(kind.LEARNING_SLOPE, scores.learning.slope),
    ]


def _timed(scores: TimedScores) -> list[Number]:
    kind, threshold = Score.Kind, scores.threshold
    return [
        Number(
            kind.HYPE_TIME, scores.hype_time.score, _note(scores.hype_time.cautions)
        ),
        Number(
            kind.THRESHOLD_MS,
            threshold.threshold,
            # Few evaluators are said once, beside the published score.
            _note(
                tuple(
                    caution
                    for caution in threshold.cautions + scores.cautions
                    if caution not in scores.hype_time.cautions
                )
            ),
            bound=threshold.bound or "",
            statement=threshold.statement,
            person_spread=threshold.spread,
        ),
        Number(kind.SAID_REAL, scores.said_real),
        _response(scores.response_times),
        Number(kind.BLOCK_CHANGE_MS, scores.block_change),
    ]


def _response(times: ResponseTimes) -> Number:
    n_fast = times.n_fast_evaluators
    note = (
        f"Evaluators with more than one answer in ten under 150 ms: {n_fast}."
        if n_fast
        else ""
    )
    return Number(Score.Kind.RESPONSE_MS, times.median_ms, note)


def _person_sd(
    scores: UntimedScores, evaluators: Sequence[EvaluatorAnswers]
) -> float | None:
    if scores.evaluator_scores.size < 2:  # noqa: PLR2004 a spread needs two
        return None
    counts = class_counts(evaluators)
    n_judgments = (counts[:, 1] + counts[:, 3]).astype(int).tolist()
    return between_person_sd(scores.evaluator_scores.tolist(), n_judgments=n_judgments)


def _note(cautions: tuple[Caution, ...]) -> str:
    return " ".join(caution.message for caution in cautions)


def _code(column: Sequence[str]) -> tuple[list[str], NDArray[np.int32]]:
    """Return the distinct entries in order of appearance, and the number of each."""
    index = {entry: number for number, entry in enumerate(dict.fromkeys(column))}
    return list(index), np.array([index[entry] for entry in column], dtype=np.int32)


def _hash(table: JudgmentsTable) -> str:
    """Return the SHA-256 of the judgments that the scores rest on."""
    digest = hashlib.sha256(repr(table.names).encode())
    columns: tuple[NDArray[np.generic], ...] = (
        *table.codes.values(),
        table.truth,
        table.said_real,
        *table.numbers.values(),
    )
    for column in columns:
        digest.update(column.tobytes())
    return digest.hexdigest()

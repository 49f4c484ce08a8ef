"""Whose judgments are doubtful by a study's own rules, and whose are left out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import numpy as np
from django.db.models import Q

from hypeweb.models import Judgment, Session, Study, Trial
from hypeweb.models.sessions import Truth
from hypeweb.models.study_settings import QualityFlag
from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.quality import Flag, Rules, flags, measure
from hypeweb.services.quality_rules import leaves_out, rules_of

Row = tuple[int, str, str, str, float, int | None]


@dataclass(frozen=True)
class FlagCount:
    """How many finished sessions break one rule."""

    flag: QualityFlag
    n_sessions: int
    excludes: bool


@dataclass(frozen=True)
class Excluded:
    """What a study's rules say of its finished sessions."""

    n_sessions: int
    n_left_out: int
    counts: tuple[FlagCount, ...]


def flag_sessions(study: Study, *, population: str) -> set[int]:
    """Store the flags of the finished sessions, and return those to leave out."""
    found = flags_of(study, population=population)
    sessions = Session.objects.filter(pk__in=found).only("quality_flags")
    changed = [one for one in sessions if one.quality_flags != found[one.pk]]
    for session in changed:
        session.quality_flags = found[session.pk]
    Session.objects.bulk_update(changed, ["quality_flags"], batch_size=500)
    return left_out(study, found)


def flags_of(
    study: Study, *, population: str, until: datetime | None = None
) -> dict[int, list[str]]:
    """Return the flags of the sessions that finished by then, from their judgments."""
    rules = rules_of(study)
    found = _rows(study, population, until)
    return {
        session_id: list(_flags(list(rows), rules))
        for session_id, rows in groupby(found, key=lambda row: row[0])
    }


def left_out(study: Study, flagged: Mapping[int, Sequence[str]]) -> set[int]:
    """Return the sessions that a study's rules leave out."""
    return {pk for pk, found in flagged.items() if leaves_out(study, found)}


def excluded_of(study: Study, *, population: str) -> Excluded:
    """Count the stored flags of the finished sessions."""
    stored = Session.objects.filter(
        study=study,
        population=population,
        state=Session.State.FINISHED,
        quality_flags__isnull=False,
    ).values_list("quality_flags", flat=True)
    return counted(study, [found or () for found in stored])


def counted(study: Study, flags: Iterable[Sequence[str]]) -> Excluded:
    """Return what a study's rules say of sessions with these flags."""
    flagged = [set(found) for found in flags]
    counts = Counter(flag for one in flagged for flag in one)
    return Excluded(
        n_sessions=len(flagged),
        n_left_out=sum(leaves_out(study, list(one)) for one in flagged),
        counts=tuple(
            FlagCount(flag, counts[flag], excludes=flag in study.exclusions)
            for flag in QualityFlag
            if counts[flag] or flag in study.exclusions
        ),
    )


def _rows(study: Study, population: str, until: datetime | None) -> Iterable[Row]:
    by_then = Q() if until is None else Q(trial__session__finished_at__lte=until)
    found = Judgment.objects.filter(
        by_then,
        trial__session__study=study,
        trial__session__population=population,
        trial__session__state=Session.State.FINISHED,
        trial__qualification=None,
        is_void=False,
    ).order_by("trial__session_id", "trial__block", "trial__number")
    return found.values_list(
        "trial__session_id",
        "trial__purpose",
        "trial__truth",
        "answer",
        "rt_ms",
        "trial__planned_ms",
    )


def _flags(rows: Sequence[Row], rules: Rules) -> tuple[Flag, ...]:
    is_gold = np.array([row[1] == Trial.Purpose.GOLD for row in rows], dtype=np.bool_)
    return flags(measure(_answers(rows), is_gold=is_gold, rules=rules), rules=rules)


def _answers(rows: Sequence[Row]) -> EvaluatorAnswers:
    planned = [row[5] for row in rows]
    return EvaluatorAnswers(
        truth=np.array([row[2] == Truth.REAL for row in rows], dtype=np.bool_),
        said_real=np.array([row[3] == Truth.REAL for row in rows], dtype=np.bool_),
        rt_ms=np.array([row[4] for row in rows], dtype=np.float64),
        planned_ms=None if None in planned else np.array(planned, dtype=np.int64),
    )

"""Scores: what the finished sessions of each arm say."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery

from hypeweb.models import Arm, Judgment, Score, Session, Study
from hypeweb.models.sessions import Truth
from hypeweb.science.estimates import Estimate
from hypeweb.science.scoring import EvaluatorAnswers, hype_inf, hype_time


@dataclass(frozen=True)
class Answered:
    """One judgment, as scoring needs it."""

    session_id: int
    block: int
    truth: str
    answer: str
    planned_ms: int | None
    sample_id: int


@transaction.atomic
def score_study(study_id: int, *, now: datetime) -> None:
    """Recompute every score of a study from its finished sessions."""
    study = Study.objects.select_for_update(of=("self",)).get(pk=study_id)
    Score.objects.filter(arm__study=study).delete()
    for population in Session.Population.values:
        answered = _answered_by_arm(study, population)
        for arm in study.arms.all():
            if answered[arm.pk]:
                _score_arm(study, arm, population, answered[arm.pk], now=now)


def unscored(*, now: datetime) -> list[int]:
    """Return studies with a session that ended a while ago and is in no score."""
    settled = now - timedelta(seconds=settings.EVALUATION_LEASE_SECONDS)
    finished = Session.objects.filter(
        study=OuterRef("pk"), state=Session.State.FINISHED, finished_at__lt=settled
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
    late = Q(last_scored__isnull=True) | Q(last_scored__lt=F("last_finished"))
    return list(
        studies.filter(late, last_finished__isnull=False).values_list("pk", flat=True)
    )


def _answered_by_arm(study: Study, population: str) -> dict[int, list[Answered]]:
    rows = Judgment.objects.filter(
        trial__session__study=study,
        trial__session__population=population,
        trial__session__state=Session.State.FINISHED,
        is_void=False,
    ).order_by("trial__session_id", "trial__block", "trial__number")
    by_arm: dict[int, list[Answered]] = defaultdict(list)
    for (
        arm_id,
        session_id,
        block,
        truth,
        answer,
        planned_ms,
        sample_id,
    ) in rows.values_list(
        "trial__session__arm_id",
        "trial__session_id",
        "trial__block",
        "trial__truth",
        "answer",
        "trial__planned_ms",
        "trial__sample_id",
    ):
        by_arm[arm_id].append(
            Answered(session_id, block, truth, answer, planned_ms, sample_id)
        )
    return by_arm


def _score_arm(
    study: Study,
    arm: Arm,
    population: str,
    answered: Sequence[Answered],
    *,
    now: datetime,
) -> None:
    # Each arm draws its own, so that arms compared vary independently.
    rng = np.random.default_rng([study.seed, arm.position])
    estimates = (
        _timed(study, answered, rng) if study.is_timed else _untimed(answered, rng)
    )
    digest = hashlib.sha256(
        json.dumps([vars(row) for row in answered], sort_keys=True).encode()
    ).hexdigest()
    Score.objects.bulk_create(
        Score(
            arm=arm,
            population=population,
            kind=kind,
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            n_evaluators=estimate.n_evaluators,
            n_judgments=estimate.n_judgments,
            method=f"{estimate.method}; seed {study.seed}, {arm.position}",
            note=note,
            judgments_hash=digest,
            computed_at=now,
        )
        for kind, estimate, note in estimates
        if estimate.value is not None
    )


def _untimed(
    answered: Sequence[Answered], rng: np.random.Generator
) -> list[tuple[Score.Kind, Estimate, str]]:
    scores = hype_inf(
        [
            EvaluatorAnswers(
                truth=np.array([row.truth == Truth.REAL for row in rows]),
                said_real=np.array([row.answer == Truth.REAL for row in rows]),
                sample=np.array([row.sample_id for row in rows]),
            )
            for rows in _by(answered, "session_id")
        ],
        rng=rng,
    )
    note = " ".join(caution.message for caution in scores.cautions)
    return [
        (Score.Kind.HYPE_INF, scores.total, note),
        (Score.Kind.FAKES_ERROR, scores.fakes_error, ""),
        (Score.Kind.REALS_ERROR, scores.reals_error, ""),
    ]


def _timed(
    study: Study, answered: Sequence[Answered], rng: np.random.Generator
) -> list[tuple[Score.Kind, Estimate, str]]:
    scores = hype_time(
        [
            [[row.planned_ms or 0 for row in block] for block in _by(rows, "block")]
            for rows in _by(answered, "session_id")
        ],
        limits_ms=(study.min_ms, study.max_ms),
        rng=rng,
    )
    note = " ".join(caution.message for caution in scores.cautions)
    return [(Score.Kind.HYPE_TIME, scores.score, note)]


def _by(rows: Sequence[Answered], field: str) -> list[list[Answered]]:
    return [list(group) for _, group in groupby(rows, key=attrgetter(field))]

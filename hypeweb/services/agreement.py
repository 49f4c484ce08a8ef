"""Whether people and the metrics order a study's arms alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import F, Max, Q

from hypeweb.models import Agreement, Arm, MetricResult, Score, Study
from hypeweb.models.scores import Exclusions
from hypeweb.science.correlation import (
    RankCorrelation,
    normal_replicates,
    rank_correlation,
)
from hypeweb.science.table_scores import plain
from hypeweb.services import evaluations
from hypeweb.services.report_columns import (
    DEPEND_ON_COUNT,
    METRIC_COLUMNS,
    score_columns,
)

N_BOOTSTRAP = 10_000
# Anything with a value and perhaps an interval.
Measured = Score | MetricResult


@dataclass(frozen=True)
class MetricAgreement:
    """One metric against the people's main score, over the arms that have both."""

    metric: str
    spearman: RankCorrelation
    kendall: RankCorrelation


def relate_study(study_id: int, *, now: datetime) -> None:
    """Recompute how people and metrics agree on a study, for each population."""
    study = Study.objects.get(pk=study_id)
    arms = list(study.arms.select_related("sample_set"))
    runs = evaluations.evaluations_of(study)
    results = {
        arm.pk: {
            result.name: result for result in runs[arm.sample_set_id].results.all()
        }
        for arm in arms
        if arm.sample_set_id in runs
    }
    kind = score_columns(study)[0].key
    by_basis: dict[tuple[str, str], dict[int, Score]] = {}
    for score in Score.objects.filter(arm__study=study, kind=kind, value__isnull=False):
        basis = score.population, score.exclusions
        by_basis.setdefault(basis, {})[score.arm_id] = score
    related = [
        Agreement(
            study=study,
            population=population,
            exclusions=exclusions,
            result=plain(by_metric(study, arms, scores, results)),
            computed_at=now,
        )
        for (population, exclusions), scores in by_basis.items()
    ]
    with transaction.atomic():
        Study.objects.select_for_update(of=("self",)).get(pk=study_id)
        Agreement.objects.filter(study=study).delete()
        Agreement.objects.bulk_create(related)


def unrelated() -> list[int]:
    """Return studies whose scores or metrics are newer than their agreement."""
    scored = Study.objects.annotate(
        scored=Max("arms__scores__computed_at"),
        measured=Max("arms__sample_set__evaluations__finished_at"),
        related=Max("agreements__computed_at"),
    ).filter(scored__isnull=False)
    late = (
        Q(related__isnull=True)
        | Q(related__lt=F("scored"))
        | Q(related__lt=F("measured"))
    )
    return list(scored.filter(late).values_list("pk", flat=True))


def agreement_of(
    study: Study, *, population: str, exclusions: str = Exclusions.NONE
) -> tuple[MetricAgreement, ...]:
    """Return what was last stored of a study, metric by metric."""
    stored = Agreement.objects.filter(
        study=study, population=population, exclusions=exclusions
    ).first()
    return tuple(
        MetricAgreement(
            metric=entry["metric"],
            spearman=RankCorrelation(**entry["spearman"]),
            kendall=RankCorrelation(**entry["kendall"]),
        )
        for entry in (stored.result if stored else [])
    )


def by_metric(
    study: Study,
    arms: Sequence[Arm],
    scores: Mapping[int, Score],
    results: Mapping[int, Mapping[str, MetricResult]],
) -> list[MetricAgreement]:
    """Return how each metric orders the arms, beside people, in the study's seed."""
    same_counts = len({arm.sample_set.n_samples for arm in arms}) == 1
    rng = np.random.default_rng(study.seed)
    found = []
    for column in METRIC_COLUMNS:
        pairs = [
            (scores[arm.pk], results[arm.pk][column.key])
            for arm in arms
            if arm.pk in scores and column.key in results.get(arm.pk, {})
        ]
        if pairs and (same_counts or column.key not in DEPEND_ON_COUNT):
            found.append(_correlate(column.key, pairs, rng=rng))
    return found


def _correlate(
    metric: str,
    pairs: Sequence[tuple[Score, MetricResult]],
    *,
    rng: np.random.Generator,
) -> MetricAgreement:
    people, metrics = (_side([pair[i] for pair in pairs]) for i in (0, 1))
    drawn = tuple(
        normal_replicates(values, intervals, n_bootstrap=N_BOOTSTRAP, rng=rng)
        for values, intervals in (people, metrics)
    )
    first, second = people[0], metrics[0]
    replicates = (drawn[0], drawn[1])
    return MetricAgreement(
        metric=metric,
        spearman=rank_correlation(
            first, second, coefficient="spearman", replicates=replicates
        ),
        kendall=rank_correlation(
            first, second, coefficient="kendall", replicates=replicates
        ),
    )


def _side(measured: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    values = np.array([one.value for one in measured], dtype=np.float64)
    intervals = [(one.low, one.high) for one in measured]
    return values, np.array(intervals, dtype=np.float64)

"""All studies of the site beside each other, for its admins."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.core.paginator import Page, Paginator
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncWeek

from hypeweb.models import (
    Arm,
    Evaluation,
    Generator,
    Job,
    LeakAudit,
    Payment,
    ReportPdf,
    SampleImport,
    SamplingRun,
    Score,
    Session,
    Study,
)
from hypeweb.models.scores import Exclusions
from hypeweb.services import comparisons
from hypeweb.services.errors import DomainError
from hypeweb.services.report_columns import (
    DEPEND_ON_COUNT,
    METRIC_COLUMNS,
    Column,
    score_columns,
)
from hypeweb.services.reports import Cell, Number, cell_of, number_of

PER_PAGE = 25
MAX_ARMS = 12
N_WEEKS = 12
# Of a setting that keeps arms apart, in the sentence that says so.
SHOWN_LETTERS = 80
SORTS = {
    "newest": ("-created_at", "-pk"),
    "name": ("name", "pk"),
    "owner": ("owner__username", "name", "pk"),
    "evaluators": ("-n_evaluators", "name", "pk"),
    "spend": ("-spent_cents", "name", "pk"),
}
Sort = Literal["newest", "name", "owner", "evaluators", "spend"]
JOBS: dict[str, type[Job]] = {
    "Imports": SampleImport,
    "Generators": Generator,
    "Samplings": SamplingRun,
    "Leak audits": LeakAudit,
    "Metrics": Evaluation,
    "PDFs": ReportPdf,
}


@dataclass(frozen=True)
class Filters:
    """Which studies, in which order."""

    state: str = ""
    owner: int | None = None
    protocol: str = ""
    real_set: int | None = None
    sort: Sort = "newest"


@dataclass(frozen=True)
class ArmRow:
    """One arm with both halves' main numbers, as the report prints them."""

    arm: Arm
    name: str
    people: Cell
    metric: Cell


@dataclass(frozen=True)
class StudyRow:
    """One study of the overview."""

    study: Study
    n_evaluators: int
    spent: str
    people: Column
    arms: tuple[ArmRow, ...]


@dataclass(frozen=True)
class QueueRow:
    """How one kind of jobs fares."""

    name: str
    n_waiting: int
    n_running: int
    n_failed: int
    oldest_waiting: datetime | None
    n_abandoned: int


@dataclass(frozen=True)
class WeekRow:
    """How the people of one week did, over all studies; shares as printed."""

    week: datetime
    n_ended: int
    finished: str
    left: str
    unqualified: str
    few_valid: str
    flagged: str


@dataclass(frozen=True)
class ArmsCompared:
    """Arms of several studies that may be compared."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Study, str, tuple[Cell, ...]], ...]
    notes: tuple[str, ...]


def studies_page(
    filters: Filters, number: str | None
) -> tuple[Page[Study], list[StudyRow]]:
    """Return a page of studies and its rows; as many queries for many as for one."""
    page = Paginator(_studies(filters), PER_PAGE).get_page(number)
    return page, _rows(list(page.object_list))


def queues(*, now: datetime) -> list[QueueRow]:
    """Return how the worker's jobs fare, by their rows."""
    return [_queue(name, model, now=now) for name, model in JOBS.items()]


def trend(*, now: datetime) -> list[WeekRow]:
    """Return how sessions of people ended, week by week, the latest first."""
    states = Session.State
    ended = (
        Session.objects.filter(
            population=Session.Population.PEOPLE,
            finished_at__gte=now - timedelta(weeks=N_WEEKS),
        )
        .annotate(week=TruncWeek("finished_at"))
        .order_by("-week")
        .values("week")
        .annotate(
            n_ended=Count("pk"),
            n_finished=Count("pk", filter=Q(state=states.FINISHED)),
            n_left=Count("pk", filter=Q(state=states.LEFT)),
            n_unqualified=Count("pk", filter=Q(state=states.SCREENED_OUT)),
            n_few_valid=Count("pk", filter=Q(state=states.FEW_VALID)),
            n_flagged=Count(
                "pk",
                filter=Q(state=states.FINISHED, quality_flags__isnull=False)
                & ~Q(quality_flags=[]),
            ),
        )
    )
    return [
        WeekRow(
            week=one["week"],
            n_ended=one["n_ended"],
            finished=_share(one["n_finished"], one["n_ended"]),
            left=_share(one["n_left"], one["n_ended"]),
            unqualified=_share(one["n_unqualified"], one["n_ended"]),
            few_valid=_share(one["n_few_valid"], one["n_ended"]),
            flagged=_share(one["n_flagged"], one["n_finished"]),
        )
        for one in ended
    ]


def _share(n: int, n_all: int) -> str:
    return f"{100 * n / n_all:.0f} %" if n_all else "none"


def compare(arm_ids: Sequence[int]) -> ArmsCompared:
    """Return arms side by side, or say why they may not be compared."""
    n_chosen = len(set(arm_ids))
    if n_chosen > MAX_ARMS:
        raise DomainError(f"Choose at most {MAX_ARMS} arms to compare; got {n_chosen}.")
    arms = list(
        Arm.objects.filter(pk__in=arm_ids)
        .select_related("study__real_set", "sample_set")
        .order_by("study__name", "position")
    )
    if len(arms) < 2:  # noqa: PLR2004 - a comparison needs two
        raise DomainError("Choose at least two arms to compare.")
    numbers, runs = _numbers(arms), _evaluations(arms)
    _require_comparable(arms, [runs.get(_run_key(arm)) for arm in arms])
    columns, names = score_columns(arms[0].study) + METRIC_COLUMNS, _names(arms)
    return ArmsCompared(
        columns=columns,
        rows=tuple(
            (
                arm.study,
                names[arm.pk],
                tuple(
                    cell_of(column, numbers.get((arm.pk, column.key)))
                    for column in columns
                ),
            )
            for arm in arms
        ),
        notes=_notes(arms),
    )


def _names(arms: Sequence[Arm]) -> dict[int, str]:
    """Return what each study's report calls its arms, those not chosen among them."""
    by_study: dict[int, list[Arm]] = {}
    together = Arm.objects.filter(study__in={arm.study_id for arm in arms})
    for arm in together.order_by("study", "position"):
        by_study.setdefault(arm.study_id, []).append(arm)
    return {
        pk: name
        for siblings in by_study.values()
        for pk, name in comparisons.arm_names(siblings).items()
    }


def _notes(arms: Sequence[Arm]) -> tuple[str, ...]:
    counts = sorted({arm.sample_set.n_samples for arm in arms})
    if len(counts) == 1:
        return ()
    labels = [
        column.label for column in METRIC_COLUMNS if column.key in DEPEND_ON_COUNT
    ]
    return (
        (
            f"These arms have between {counts[0]} and {counts[-1]} images. "
            f"{' and '.join(labels)} depend on the number: do not compare them here."
        ),
    )


def _studies(filters: Filters) -> QuerySet[Study]:
    people = Q(
        sessions__population=Session.Population.PEOPLE,
        sessions__state=Session.State.FINISHED,
    )
    found = Study.objects.select_related("owner", "project", "real_set").annotate(
        n_evaluators=Count("sessions__evaluator", filter=people, distinct=True),
        spent_cents=Sum("spending__committed_cents", distinct=True, default=0),
    )
    wanted = {
        "state": filters.state,
        "owner": filters.owner,
        "protocol": filters.protocol,
        "real_set": filters.real_set,
    }
    chosen = {name: value for name, value in wanted.items() if value}
    return found.filter(**chosen).order_by(*SORTS[filters.sort])


def _rows(studies: list[Study]) -> list[StudyRow]:
    arms = list(
        Arm.objects.filter(study__in=studies)
        .select_related("study", "sample_set")
        .order_by("study", "position")
    )
    numbers = _numbers(arms)
    by_study: dict[int, list[Arm]] = {}
    for arm in arms:
        by_study.setdefault(arm.study_id, []).append(arm)
    return [
        StudyRow(
            study=study,
            n_evaluators=study.n_evaluators,  # type: ignore[attr-defined]
            spent=f"{study.spent_cents / 100:,.2f} {study.currency}",  # type: ignore[attr-defined]
            people=score_columns(study)[0],
            arms=_arm_rows(study, by_study.get(study.pk, []), numbers),
        )
        for study in studies
    ]


def _arm_rows(
    study: Study, arms: list[Arm], numbers: dict[tuple[int, str], Number]
) -> tuple[ArmRow, ...]:
    names = comparisons.arm_names(arms)
    people, metric = score_columns(study)[0], METRIC_COLUMNS[0]
    return tuple(
        ArmRow(
            arm=arm,
            name=names[arm.pk],
            people=cell_of(people, numbers.get((arm.pk, people.key))),
            metric=cell_of(metric, numbers.get((arm.pk, metric.key))),
        )
        for arm in arms
    )


def _run_key(arm: Arm) -> tuple[int, int, str]:
    return arm.study.real_set_id, arm.sample_set_id, arm.study.extractor


def _evaluations(arms: Iterable[Arm]) -> dict[tuple[int, int, str], Evaluation]:
    sets = {arm.sample_set_id for arm in arms}
    done = Evaluation.objects.filter(sample_set__in=sets, state=Job.State.DONE)
    return {
        (run.real_set_id, run.sample_set_id, run.extractor): run
        for run in done.prefetch_related("results")
    }


def _numbers(arms: Sequence[Arm]) -> dict[tuple[int, str], Number]:
    """Return people's scores and the metrics of arms, by arm and kind."""
    scores = Score.objects.filter(
        arm__in=[arm.pk for arm in arms],
        population=Session.Population.PEOPLE,
        exclusions=Exclusions.NONE,
    )
    found = {(score.arm_id, score.kind): number_of(score) for score in scores}
    runs = _evaluations(arms)
    for arm in arms:
        run = runs.get(_run_key(arm))
        for result in run.results.all() if run else ():
            number = Number(result.value, result.low, result.high)
            found[arm.pk, result.name] = number
    return found


def _require_comparable(arms: Sequence[Arm], runs: Sequence[Evaluation | None]) -> None:
    studies = list({arm.study_id: arm.study for arm in arms}.values())
    kept = [run.provenance for run in runs if run is not None]
    facts: list[tuple[str, set[str]]] = [
        ("real sets", {study.real_set.content_hash for study in studies}),
        ("protocols", {study.get_protocol_display() for study in studies}),
        ("designs", {study.get_design_display() for study in studies}),
        ("extractors", {study.extractor for study in studies}),
        *(
            (name, {str(one.get(key)) for one in kept})
            for name, key in (
                ("resizing", "resize"),
                ("precision", "precision"),
                ("weights", "weights_sha256"),
            )
        ),
        ("questions", {study.question for study in studies}),
        ("feedback", {"given" if one.feedback else "not given" for one in studies}),
    ]
    if all(study.is_timed for study in studies):
        facts += [
            ("presets", {study.preset for study in studies}),
            ("staircases", {_staircase(study) for study in studies}),
            ("masks", {f"{one.n_masks} of {one.mask_ms} ms" for one in studies}),
        ]
    else:
        limits = {f"{study.look_limit_s or 'no'} s" for study in studies}
        facts.append(("time limits", limits))
    for name, values in facts:
        if len(values) > 1:
            shown = "; ".join(sorted(value[:SHOWN_LETTERS] for value in values))
            raise DomainError(
                f"These arms may not be compared: they have different {name} "
                f"({shown}), so that their numbers do not mean the same."
            )


def _staircase(study: Study) -> str:
    return (
        f"from {study.start_ms} ms, -{study.step_down_ms} ms after "
        f"{study.n_correct_to_descend} right, +{study.step_up_ms} ms after "
        f"{study.n_wrong_to_ascend} wrong, {study.min_ms} to {study.max_ms} ms"
    )


def _queue(name: str, model: type[Job], *, now: datetime) -> QueueRow:
    states = Job.State
    waiting = Q(state=states.QUEUED)
    found = model._default_manager.aggregate(
        n_waiting=Count("pk", filter=waiting),
        n_running=Count("pk", filter=Q(state=states.RUNNING, lease_until__gte=now)),
        n_failed=Count("pk", filter=Q(state=states.FAILED)),
        n_abandoned=Count("pk", filter=Q(state=states.RUNNING, lease_until__lt=now)),
        oldest_waiting=Min("created_at", filter=waiting),
    )
    return QueueRow(name=name, **found)


def spent_in_all() -> list[tuple[str, str]]:
    """Return what was confirmed paid over all studies, by currency."""
    paid = (
        Payment.objects.filter(state=Payment.State.CONFIRMED)
        .order_by("currency")
        .values_list("currency")
        .annotate(cents=Sum("amount_cents"))
    )
    return [(currency, f"{cents / 100:,.2f}") for currency, cents in paid]

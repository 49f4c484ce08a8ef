"""How a study stands while it runs: people, pace, exposures, numbers, money."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median

from django.db.models import Avg, Count, F, Q, QuerySet
from django.db.models.functions import Abs

from hypeweb.models import Judgment, Pool, Qualification, Score, Session, Study, Trial
from hypeweb.models.scores import Exclusions
from hypeweb.services import designs

State = Session.State
PEOPLE = Session.Population.PEOPLE
RUNNING = (State.CONSENTED, State.RUNNING)
N_FLAGS_NAMED = 5
CENT = Decimal("0.01")
# Neither a qualification nor a failed exposure is paid or says how fast the task goes;
# an attention check is a trial like another to who answers it.
COUNTED = ~Q(trials__purpose=Trial.Purpose.QUALIFICATION) & Q(
    trials__judgment__is_void=False
)


@dataclass(frozen=True)
class ArmState:
    """One arm's people and its latest score."""

    label: str
    n_finished: int
    n_running: int
    n_left: int
    score_text: str


@dataclass(frozen=True)
class PoolState:
    """The people of one pool, their exposures and what they earned."""

    pool: Pool
    n_begun: int
    n_finished: int
    n_running: int
    n_left: int
    n_screened_out: int
    n_few_valid: int
    n_judgments: int
    n_void: int
    earned: Decimal

    @property
    def void_percent(self) -> int | None:
        return _percent(self.n_void, self.n_judgments)


@dataclass(frozen=True)
class Qualifying:
    """How many of the people who ended a study's qualification passed it."""

    n_passed: int
    n_failed: int

    @property
    def percent(self) -> int | None:
        return _percent(self.n_passed, self.n_passed + self.n_failed)


@dataclass(frozen=True)
class Exposures:
    """How the timed exposures of a study came out."""

    n_judgments: int
    n_void: int
    mean_error_ms: float | None
    flags: tuple[tuple[str, int], ...]

    @property
    def void_share(self) -> float:
        return self.n_void / self.n_judgments if self.n_judgments else 0.0

    @property
    def void_percent(self) -> int:
        return round(100 * self.void_share)


@dataclass(frozen=True)
class Spend:
    """What the finished sessions earned by the study's terms."""

    amount: Decimal
    budget: Decimal | None
    currency: str

    @property
    def share(self) -> float | None:
        return float(self.amount / self.budget) if self.budget else None


@dataclass(frozen=True)
class Monitor:
    """Everything the page of a running study shows."""

    arms: tuple[ArmState, ...]
    pools: tuple[PoolState, ...]
    n_wanted: int
    n_begun: int
    n_finished: int
    n_running: int
    n_left: int
    n_few_valid: int
    qualifying: Qualifying | None
    seconds_per_trial: float | None
    exposures: Exposures | None
    spend: Spend | None
    scored_at: datetime | None

    @property
    def drop_out_share(self) -> float | None:
        n_ended = self.n_finished + self.n_left
        return self.n_left / n_ended if n_ended else None

    @property
    def drop_out_percent(self) -> int | None:
        return _percent(self.n_left, self.n_finished + self.n_left)

    @property
    def percent(self) -> int:
        return min(100, 100 * self.n_finished // self.n_wanted) if self.n_wanted else 0


def monitor_of(study: Study) -> Monitor:
    """Count what there is; only people, never simulations or previews."""
    by_pool = _states_by_pool(study)
    states = sum(by_pool.values(), Counter[str]())
    scores = list(_scores(study))
    earned = _earned_by_pool(study) if study.is_paid else {}
    return Monitor(
        arms=_arms(study, scores),
        pools=_pools(study, by_pool, earned),
        n_wanted=designs.n_sessions_wanted(study),
        n_begun=states.total(),
        n_finished=states[State.FINISHED],
        n_running=sum(states[state] for state in RUNNING),
        n_left=states[State.LEFT],
        n_few_valid=states[State.FEW_VALID],
        qualifying=_qualifying(study, states) if study.asks_qualification else None,
        seconds_per_trial=_seconds_per_trial(study),
        exposures=exposures_of(study) if study.is_timed else None,
        spend=_spend(study, earned) if study.is_paid else None,
        scored_at=max((score.computed_at for score in scores), default=None),
    )


def exposures_of(study: Study) -> Exposures:
    """Return how the exposures shown to people compare with the planned ones."""
    judged = _timed_judgments(study)
    counts = judged.aggregate(
        n_judgments=Count("pk"),
        n_void=Count("pk", filter=Q(is_void=True)),
        mean_error_ms=Avg(
            Abs(F("shown_ms") - F("trial__planned_ms")), filter=Q(is_void=False)
        ),
    )
    flags: dict[str, int] = {}
    flagged = judged.exclude(exposure_flags="").order_by().values_list("exposure_flags")
    for text, number in flagged.annotate(number=Count("pk")):
        for flag in text.split(","):
            flags[flag] = flags.get(flag, 0) + number
    most = sorted(flags.items(), key=lambda item: (-item[1], item[0]))
    return Exposures(**counts, flags=tuple(most[:N_FLAGS_NAMED]))


def spend_of(study: Study) -> Spend:
    """Return what the people who finished earned by the study's terms."""
    return _spend(study, _earned_by_pool(study))


def _spend(study: Study, earned: Mapping[int | None, Decimal]) -> Spend:
    amount = sum(earned.values(), Decimal(0)).quantize(CENT)
    return Spend(amount, study.budget, study.currency)


def _earned_by_pool(study: Study) -> dict[int | None, Decimal]:
    finished = (
        _people(study)
        .filter(state=State.FINISHED, started_at__isnull=False)
        .annotate(
            n_correct=Count(
                "trials", filter=COUNTED & Q(trials__judgment__is_correct=True)
            )
        )
        .values_list("pool", "started_at", "finished_at", "n_correct")
    )
    amounts: dict[int | None, Decimal] = {}
    for pool_id, begun, ended, n_correct in finished:
        assert begun and ended  # noqa: S101, PT018 - of finished sessions
        hours = Decimal((ended - begun).total_seconds()) / 3600
        earned = study.pay_base + n_correct * study.pay_per_correct
        amount = max(earned, hours * study.pay_hourly_minimum)
        amounts[pool_id] = amounts.get(pool_id, Decimal(0)) + amount
    return amounts


def _states_by_pool(study: Study) -> dict[int | None, Counter[str]]:
    """Count people by pool and by the state of their session."""
    found: dict[int | None, Counter[str]] = {}
    counted = _people(study).values_list("pool", "state").annotate(n=Count("pk"))
    for pool_id, state, n in counted:
        found.setdefault(pool_id, Counter())[state] = n
    return found


def _pools(
    study: Study,
    states: Mapping[int | None, Counter[str]],
    earned: Mapping[int | None, Decimal],
) -> tuple[PoolState, ...]:
    exposed = _exposures_by_pool(study) if study.is_timed else {}
    rows = []
    for pool in study.pools.all():
        counts = states.get(pool.pk, Counter[str]())
        n_judgments, n_void = exposed.get(pool.pk, (0, 0))
        rows.append(
            PoolState(
                pool=pool,
                n_begun=counts.total(),
                n_finished=counts[State.FINISHED],
                n_running=sum(counts[state] for state in RUNNING),
                n_left=counts[State.LEFT],
                n_screened_out=counts[State.SCREENED_OUT],
                n_few_valid=counts[State.FEW_VALID],
                n_judgments=n_judgments,
                n_void=n_void,
                earned=earned.get(pool.pk, Decimal(0)).quantize(CENT),
            )
        )
    return tuple(rows)


def _exposures_by_pool(study: Study) -> dict[int | None, tuple[int, int]]:
    """Return how many exposures people of each pool had, and how many failed."""
    by_pool = _timed_judgments(study).order_by().values_list("trial__session__pool")
    counted = by_pool.annotate(
        n=Count("pk"), n_void=Count("pk", filter=Q(is_void=True))
    )
    return {pool_id: (n, n_void) for pool_id, n, n_void in counted}


def _qualifying(study: Study, states: Counter[str]) -> Qualifying:
    """Count who passed here and who did not; who passed in another study is neither."""
    passed = Qualification.objects.filter(
        session__study=study, session__population=PEOPLE, has_passed=True
    )
    n_passed = passed.order_by().values("session").distinct().count()
    return Qualifying(n_passed, states[State.SCREENED_OUT])


def _timed_judgments(study: Study) -> QuerySet[Judgment]:
    return Judgment.objects.filter(
        trial__session__study=study,
        trial__session__population=PEOPLE,
        trial__planned_ms__isnull=False,
    )


def _percent(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None


def _people(study: Study) -> QuerySet[Session]:
    return Session.objects.filter(study=study, population=PEOPLE).order_by()


def _arms(study: Study, scores: list[Score]) -> tuple[ArmState, ...]:
    people = Q(population=PEOPLE)
    texts = {score.arm_id: _text(score) for score in scores}
    counted = designs.count_by_arm(
        study,
        {
            "n_finished": people & Q(state=State.FINISHED),
            "n_running": people & Q(state__in=RUNNING),
            "n_left": people & Q(state=State.LEFT),
        },
    )
    return tuple(
        ArmState(
            label=arm.label, score_text=texts.get(arm.pk, "no score yet"), **counts
        )
        for arm, counts in counted
    )


def _scores(study: Study) -> QuerySet[Score]:
    kind = Score.Kind.HYPE_TIME if study.is_timed else Score.Kind.HYPE_INF
    return Score.objects.filter(
        arm__study=study,
        population=PEOPLE,
        exclusions=Exclusions.NONE,
        kind=kind,
        value__isnull=False,
    )


def _text(score: Score) -> str:
    """Return a score with its interval, in the unit of its kind."""
    is_timed = score.kind == Score.Kind.HYPE_TIME
    factor, unit, digits = (1.0, "ms", 0) if is_timed else (100.0, "%", 1)
    assert score.value is not None  # noqa: S101 - _scores takes no other
    text = f"{factor * score.value:.{digits}f} {unit}"
    if score.low is None or score.high is None:
        return text
    low, high = factor * score.low, factor * score.high
    return f"{text} [{low:.{digits}f}, {high:.{digits}f}]"


def _seconds_per_trial(study: Study) -> float | None:
    """Return the median pace of the people who finished, breaks included."""
    sessions = (
        _people(study)
        .filter(state=State.FINISHED, started_at__isnull=False)
        .annotate(n_judged=Count("trials__judgment", filter=COUNTED))
        .filter(n_judged__gt=0)
        .values_list("started_at", "finished_at", "n_judged")
    )
    paces = [
        (ended - begun).total_seconds() / n_judged
        for begun, ended, n_judged in sessions
        if begun and ended
    ]
    return median(paces) if paces else None

"""Milestones of running studies: noticed once, told to whoever subscribed."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q

from hypeweb.models import Budget, Milestone, Notice, Study, Subscription
from hypeweb.services import audit, deliveries, monitoring, tokens, undecided
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.monitoring import Monitor

Kind = Milestone.Kind
RUNNING = (Study.State.OPEN, Study.State.PAUSED)
BUDGET_SHARE = 0.8
# Fewer exposures, or people, say little of a study's quality.
ENOUGH_JUDGMENTS = 100
ENOUGH_PEOPLE = 10
WORST_VOID_SHARE = 0.2
WORST_DROP_OUT_SHARE = 0.5
# After so many tries, the last a day after the first, nobody is there.
MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(minutes=1)


def subscribe(*, study: Study, channel: str, address: str, actor: User) -> Subscription:
    """Let an address hear of a study's milestones from now on."""
    problem = deliveries.problem_with(channel, address)
    if problem:
        raise DomainError(problem)
    try:
        with transaction.atomic():
            made = Subscription.objects.create(
                study=study,
                channel=channel,
                address=address,
                secret=tokens.make(),
                created_by=actor,
            )
    except IntegrityError as error:
        raise ConflictError("This address already hears of the study.") from error
    audit.record(actor=actor, action="subscribed", subject=study, detail=str(made))
    return made


def unsubscribe(*, subscription: Subscription, actor: User) -> None:
    audit.record(
        actor=actor,
        action="unsubscribed",
        subject=subscription.study,
        detail=str(subscription),
    )
    subscription.delete()


def subscriptions_of(study: Study) -> list[Subscription]:
    """Return who hears of a study, with n_failing notices tried and not arrived."""
    failing = Q(notices__sent_at__isnull=True, notices__n_attempts__gt=0)
    counted = study.subscriptions.annotate(n_failing=Count("notices", filter=failing))
    return list(counted)


def watched() -> list[int]:
    """Return the studies in which something may be reached.

    People are still paid after the end: the soft limit on spending, and what waits for
    a decision, are watched until they were told of.
    """
    told = Milestone.objects.filter(study=OuterRef("pk"))
    told_limit = Exists(told.filter(kind=Kind.SOFT_LIMIT))
    spends = Q(spending__committed_cents__gt=F("spending__soft_cents")) & ~told_limit
    undecided_there = undecided.waiting().filter(session__study=OuterRef("pk"))
    told_decision = Exists(told.filter(kind=Kind.DECISION))
    waits = Q(Exists(undecided_there)) & ~told_decision
    found = Study.objects.filter(Q(state__in=RUNNING) | spends | waits)
    return list(found.values_list("pk", flat=True))


def notice_milestones(study_id: int, *, now: datetime) -> list[int]:
    """Store what a study has reached, and return the notices now due."""
    study = Study.objects.get(pk=study_id)
    found = _spending(study) | _undecided(study, now=now)
    if study.state in RUNNING:
        found |= sentences_of(monitoring.monitor_of(study))
    known = set(study.milestones.values_list("kind", flat=True))
    for kind, sentence in found.items():
        if kind not in known:
            _reach(study, kind, sentence, now=now)
    return due(now=now, study_id=study_id)


def sentences_of(monitor: Monitor) -> dict[str, str]:
    """Return the milestones a study has reached, each with its sentence."""
    done = f"{monitor.n_finished} of {monitor.n_wanted} sessions have finished."
    found: dict[str, str] = {}
    if monitor.n_finished >= 1:
        found[Kind.FIRST_SESSION] = f"The first session has finished. {done}"
    if 2 * monitor.n_finished >= monitor.n_wanted:
        found[Kind.HALF] = f"Half of the sessions have finished. {done}"
    if monitor.n_finished >= monitor.n_wanted:
        found[Kind.ALL] = f"All sessions have finished. {done}"
    spend = monitor.spend
    if spend and spend.share is not None and spend.share >= BUDGET_SHARE:
        found[Kind.BUDGET] = (
            f"{spend.share:.0%} of the budget of {spend.currency} {spend.budget:,.2f} "
            "is spent."
        )
    alarm = _alarm(monitor)
    if alarm:
        found[Kind.QUALITY] = alarm
    return found


def due(*, now: datetime, study_id: int | None = None) -> list[int]:
    """Return the notices whose next attempt has come."""
    waiting = Notice.objects.filter(
        sent_at__isnull=True, n_attempts__lt=MAX_ATTEMPTS, next_attempt_at__lte=now
    )
    if study_id is not None:
        waiting = waiting.filter(milestone__study=study_id)
    return list(waiting.values_list("pk", flat=True))


def send_notice(notice_id: int, *, now: datetime) -> None:
    """Try once to deliver a notice; one worker at a time, never after it came."""
    related = ("milestone__study", "subscription")
    notice = Notice.objects.select_related(*related).filter(pk=notice_id).first()
    if notice is None:
        return  # its subscription was ended meanwhile
    pause = FIRST_PAUSE * 3**notice.n_attempts
    claimed = Notice.objects.filter(
        pk=notice_id,
        sent_at__isnull=True,
        n_attempts=notice.n_attempts,
        n_attempts__lt=MAX_ATTEMPTS,
        next_attempt_at__lte=now,
    ).update(n_attempts=F("n_attempts") + 1, next_attempt_at=now + pause)
    if not claimed:
        return
    error = deliveries.deliver(notice, now=now)
    held = Notice.objects.filter(pk=notice_id)
    held.update(error=error[:300], sent_at=None if error else now)


def _spending(study: Study) -> dict[str, str]:
    budget = Budget.objects.filter(study=study).first()
    if budget is None or budget.soft_cents is None or not budget.is_above_soft_limit:
        return {}
    sentence = (
        f"{study.currency} {budget.committed_cents / 100:,.2f} are spent or set aside, "
        f"fees included, above the {budget.soft_cents / 100:,.2f} from which you "
        "wanted to be told."
    )
    return {Kind.SOFT_LIMIT: sentence}


def _undecided(study: Study, *, now: datetime) -> dict[str, str]:
    found = undecided.undecided_in(study, now=now)
    if found is None or not found.is_soon:
        return {}
    sentence = (
        f"{found.n} submissions wait for a decision. Their service pays them by "
        f"itself, the first on {found.first_at:%Y-%m-%d %H:%M} UTC; approve or reject "
        "them before."
    )
    return {Kind.DECISION: sentence}


def _alarm(monitor: Monitor) -> str:
    exposures = monitor.exposures
    if (
        exposures
        and exposures.n_judgments >= ENOUGH_JUDGMENTS
        and exposures.void_share >= WORST_VOID_SHARE
    ):
        return (
            f"{exposures.void_share:.0%} of {exposures.n_judgments} exposures failed; "
            "ask for better screens, or pause the study and look at the flags."
        )
    n_ended = monitor.n_finished + monitor.n_left
    share = monitor.drop_out_share
    if share is not None and n_ended >= ENOUGH_PEOPLE and share >= WORST_DROP_OUT_SHARE:
        return (
            f"{share:.0%} of {n_ended} people left before the end; the task may be too "
            "long, or something in it may not work."
        )
    return ""


@transaction.atomic
def _reach(study: Study, kind: str, sentence: str, *, now: datetime) -> None:
    milestone, is_new = Milestone.objects.get_or_create(
        study=study, kind=kind, defaults={"sentence": sentence, "reached_at": now}
    )
    if is_new:
        Notice.objects.bulk_create(
            Notice(milestone=milestone, subscription=one, next_attempt_at=now)
            for one in study.subscriptions.all()
        )

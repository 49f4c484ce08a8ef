"""What each ended session earned, written down as owed."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from hypeweb.models import Enrolment, Judgment, Payment, Pool, Session, Trial
from hypeweb.models.payments import Service
from hypeweb.science.pay import Earned, active_seconds, earned
from hypeweb.services import payments, promises
from hypeweb.services.payments import Debt

State = Session.State
ENDED = (
    State.FINISHED,
    State.LEFT,
    State.SCREENED_OUT,
    State.NO_PLACE,
    State.FEW_VALID,
)
# The pools whose people the site cannot pay by itself are paid by hand.
SERVICES = {
    Pool.Kind.LINK: Service.MANUAL,
    Pool.Kind.INVITATIONS: Service.MANUAL,
    Pool.Kind.MTURK: Service.MTURK,
    Pool.Kind.MTURK_SANDBOX: Service.MTURK_SANDBOX,
    Pool.Kind.PROLIFIC: Service.PROLIFIC,
}
TASK = (Trial.Purpose.SCORE, Trial.Purpose.GOLD)


def earned_by(session: Session) -> Earned:
    """Return what a session has earned so far by its study's terms.

    The base is for coming: it is due when the session or a qualification came to its
    end, below the pass mark too. Who leaves early keeps what the answers and the time
    so far are worth.
    """
    judged = Judgment.objects.filter(trial__session=session)
    n_correct = judged.filter(
        trial__purpose__in=TASK, is_correct=True, is_void=False
    ).count()
    came_to_an_end = (
        session.state != State.LEFT
        or session.qualifications.filter(finished_at__isnull=False).exists()
    )
    return earned(
        promises.terms_of(session.study),
        n_correct=n_correct,
        seconds=active_seconds_of(session),
        pays_base=came_to_an_end and judged.exists(),
    )


def active_seconds_of(session: Session) -> float:
    """Return how long somebody worked, from consent to the last answer."""
    judged = Judgment.objects.filter(trial__session=session)
    moments = [
        session.consented_at,
        *session.trials.filter(issued_at__isnull=False).values_list(
            "issued_at", flat=True
        ),
        *judged.values_list("created_at", flat=True),
    ]
    if len(moments) == 1:
        return 0.0
    return active_seconds([at.timestamp() for at in moments if at])


@transaction.atomic
def settle(session_id: int, *, now: datetime) -> list[int]:
    """Owe what an ended session earned; a second time changes nothing."""
    session = (
        Session.objects.select_for_update(of=("self",))
        .select_related("study", "pool")
        .filter(_ended(), pk=session_id, settled_at__isnull=True)
        .first()
    )
    if session is None or session.pool is None:
        return []
    made = earned_by(session)
    service = SERVICES[Pool.Kind(session.pool.kind)]
    amounts = {
        Payment.Reason.BASE: (made.base_cents, f"Base of “{session.study}”."),
        Payment.Reason.BONUS: (made.bonus_cents, f"Bonus of “{session.study}”."),
    }
    session.settled_at = now
    session.save(update_fields=["settled_at"])
    owed = [
        payments.owe(
            session=session,
            debt=Debt(reason, service, cents, session.study.currency, detail[:200]),
            now=now,
        )
        for reason, (cents, detail) in amounts.items()
    ]
    _fail_rejected(session)
    # Who came back after a second chance has earned more than was owed before.
    before = sum(payment.amount_cents for payment in owed if payment is not None)
    if made.total_cents > before:
        more = Debt(
            Payment.Reason.EXTRA,
            service,
            made.total_cents - before,
            session.study.currency,
            f"Later work on “{session.study}”."[:200],
        )
        owed.append(payments.owe(session=session, debt=more, now=now))
    return [payment.pk for payment in owed if payment is not None]


def _fail_rejected(session: Session) -> None:
    """Let the base fail of work that was rejected before it was settled."""
    enrolment = Enrolment.objects.filter(session=session).exclude(rejection="").first()
    if enrolment is not None:
        Payment.objects.filter(
            session=session, reason=Payment.Reason.BASE, state=Payment.State.OWED
        ).update(state=Payment.State.FAILED, error=f"Rejected: {enrolment.rejection}")


def unsettled(*, limit: int = 500) -> list[int]:
    """Return ended sessions of paying studies whose earnings are not written down."""
    found = Session.objects.filter(_ended(), settled_at__isnull=True)
    return list(found.order_by("pk").values_list("pk", flat=True)[:limit])


def _ended() -> Q:
    """Return the condition that people's work for pay is over, for now at least.

    Who found no place, and later gets one, is settled anew.
    """
    pays = (
        Q(study__pay_base__gt=0)
        | Q(study__pay_per_correct__gt=0)
        | Q(study__pay_hourly_minimum__gt=0)
    )
    people = Q(population=Session.Population.PEOPLE)
    return pays & people & Q(state__in=ENDED)

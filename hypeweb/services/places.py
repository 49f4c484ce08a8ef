"""Places in a study's arms: who holds one, and which arm the next evaluator gets.

What counts is what can be used: finished sessions that no rule on quality leaves out,
and those that may still become so. Whoever leaves, stays away or answers carelessly is
replaced.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from hypeweb.models import Arm, Pool, Session, Study
from hypeweb.science.schedule import balanced_orders
from hypeweb.services import limits, quality_rules
from hypeweb.services.errors import ConflictError

# Who consented longer ago, and has not begun, holds no place in an arm.
HELD_CONSENTED = timedelta(minutes=15)


@dataclass(frozen=True)
class Seat:
    """The arm an evaluator gets or, within subjects, begins with, in which order."""

    arm: Arm
    sequence: int | None = None


def is_held(session: Session, *, now: datetime) -> bool:
    """Return whether a session still holds the place it joined with."""
    return session.arm_id is not None and session.consented_at > now - HELD_CONSENTED


def choose_seat(
    study: Study,
    population: str,
    *,
    pool: Pool | None,
    now: datetime,
    rng: np.random.Generator,
) -> Seat:
    """Return the seat that the fewest have taken; the study's row must be locked.

    Seats are the arms or, within subjects, the orders in which they are judged.
    """
    seats = _seats(study)
    taken, by_pool = _held(study, population, now=now)
    n_taken = [taken[seat.arm.pk, seat.sequence] for seat in seats]
    fewest = min(n_taken)
    if population == Session.Population.PEOPLE:
        n_judging = sum(n_taken) if study.is_within else fewest
        is_full = n_judging >= study.evaluators_per_arm
        if is_full or (pool and pool.quota and by_pool[pool.pk] >= pool.quota):
            raise ConflictError(
                _(
                    "This study has all the evaluators it needs. Thank you for your "
                    "interest."
                )
            )
    free = [seat for seat, n in zip(seats, n_taken, strict=True) if n == fewest]
    return free[rng.integers(len(free))]


def _seats(study: Study) -> list[Seat]:
    arms = list(study.arms.all())
    if not study.is_within:
        return [Seat(arm) for arm in arms]
    orders = balanced_orders(len(arms))
    return [Seat(arms[order[0]], number) for number, order in enumerate(orders)]


def _held(
    study: Study, population: str, *, now: datetime
) -> tuple[Counter[tuple[int | None, int | None]], Counter[int | None]]:
    """Count sessions that are usable, or may become so, by seat and by pool."""
    earliest = limits.oldest(study, now=now)
    holds_place = (
        Q(state=Session.State.FINISHED)
        | Q(
            state=Session.State.CONSENTED,
            consented_at__gt=now - HELD_CONSENTED,
        )
        | Q(
            state=Session.State.RUNNING,
            last_seen_at__gte=earliest.last_seen_at,
            started_at__gte=earliest.started_at,
        )
    )
    counted = (
        study.sessions.filter(holds_place, population=population, arm__isnull=False)
        .order_by()
        .values_list("arm", "sequence", "pool", "quality_flags")
        .annotate(n=Count("pk"))
    )
    taken: Counter[tuple[int | None, int | None]] = Counter()
    by_pool: Counter[int | None] = Counter()
    for arm_id, sequence, pool_id, flags, n in counted:
        if not quality_rules.leaves_out(study, flags):
            taken[arm_id, sequence] += n
            by_pool[pool_id] += n
    return taken, by_pool

"""Places in a study's arms: who holds one, and which arm the next evaluator gets.

What counts is what can be used: finished sessions that no rule on quality leaves out,
and those that may still become so. Whoever leaves, stays away or answers carelessly is
replaced.
"""

from collections import Counter
from datetime import datetime, timedelta

import numpy as np
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from hypeweb.models import Arm, Pool, Session, Study
from hypeweb.services import limits, quality_rules
from hypeweb.services.errors import ConflictError

# Who consented longer ago, and has not begun, holds no place in an arm.
HELD_CONSENTED = timedelta(minutes=15)


def is_held(session: Session, *, now: datetime) -> bool:
    """Return whether a session still holds the place it joined with."""
    return session.arm_id is not None and session.consented_at > now - HELD_CONSENTED


def choose_arm(
    study: Study,
    population: str,
    *,
    pool: Pool | None,
    now: datetime,
    rng: np.random.Generator,
) -> Arm:
    """Return the arm with the fewest evaluators; the study's row must be locked."""
    arms = list(study.arms.all())
    held = _held(study, population, now=now)
    by_arm, by_pool = (Counter[int | None]() for _side in range(2))
    for (arm_id, pool_id), n in held.items():
        by_arm[arm_id] += n
        by_pool[pool_id] += n
    fewest = min(by_arm[arm.pk] for arm in arms)
    if population == Session.Population.PEOPLE:
        is_full = fewest >= study.evaluators_per_arm
        if is_full or (pool and pool.quota and by_pool[pool.pk] >= pool.quota):
            raise ConflictError(
                _(
                    "This study has all the evaluators it needs. Thank you for your "
                    "interest."
                )
            )
    candidates = [arm for arm in arms if by_arm[arm.pk] == fewest]
    return candidates[rng.integers(len(candidates))]


def _held(
    study: Study, population: str, *, now: datetime
) -> Counter[tuple[int | None, int | None]]:
    """Count the usable sessions, and those that may become so, by arm and pool."""
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
        .values_list("arm", "pool", "quality_flags")
        .annotate(n=Count("pk"))
    )
    held: Counter[tuple[int | None, int | None]] = Counter()
    for arm_id, pool_id, flags, n in counted:
        if not quality_rules.leaves_out(study, flags):
            held[arm_id, pool_id] += n
    return held

"""Places in a study's arms: who holds one, and which arm the next evaluator gets."""

from datetime import datetime, timedelta

import numpy as np
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from hypeweb.models import Arm, Session, Study
from hypeweb.services import limits
from hypeweb.services.errors import ConflictError

# Who consented longer ago, and has not begun, holds no place in an arm.
HELD_CONSENTED = timedelta(minutes=15)


def is_held(session: Session, *, now: datetime) -> bool:
    """Return whether a session still holds the place it joined with."""
    return session.arm_id is not None and session.consented_at > now - HELD_CONSENTED


def choose_arm(
    study: Study, population: str, *, now: datetime, rng: np.random.Generator
) -> Arm:
    """Return the arm with the fewest evaluators; the study's row must be locked."""
    earliest = limits.oldest(study, now=now)
    holds_place = Q(sessions__population=population) & (
        Q(sessions__state=Session.State.FINISHED)
        | Q(
            sessions__state=Session.State.CONSENTED,
            sessions__consented_at__gt=now - HELD_CONSENTED,
        )
        | Q(
            sessions__state=Session.State.RUNNING,
            sessions__last_seen_at__gte=earliest.last_seen_at,
            sessions__started_at__gte=earliest.started_at,
        )
    )
    arms = list(study.arms.annotate(n_held=Count("sessions", filter=holds_place)))
    fewest = min(arm.n_held for arm in arms)
    if population == Session.Population.PEOPLE and fewest >= study.evaluators_per_arm:
        raise ConflictError(
            _(
                "This study has all the evaluators it needs. Thank you for your "
                "interest."
            )
        )
    candidates = [arm for arm in arms if arm.n_held == fewest]
    return candidates[rng.integers(len(candidates))]

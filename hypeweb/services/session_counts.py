"""How far the sessions of a study are."""

from dataclasses import dataclass

from django.db.models import Case, Count, F, Q, QuerySet, When

from hypeweb.models import Session, Study, Trial

# Within subjects a session has every arm, and so none to be told by.
ARM_LABEL = Case(When(sequence__isnull=True, then=F("arm__label")))
ARM_POSITION = Case(When(sequence__isnull=True, then=F("arm__position")))


@dataclass(frozen=True)
class SessionCount:
    """How many sessions of an arm and a population are in one state."""

    arm: str | None
    population: str
    state: str
    n_sessions: int


def sessions_of(study: Study) -> QuerySet[Session]:
    """Return a study's sessions with arm_label, and of scored trials their numbers."""
    scored = Q(trials__purpose=Trial.Purpose.SCORE)
    return study.sessions.annotate(
        arm_label=ARM_LABEL,
        n_trials=Count("trials", filter=scored),
        n_judgments=Count("trials__judgment", filter=scored),
    )


def counts_of(study: Study) -> list[SessionCount]:
    """Return how many sessions there are of each arm, population and state."""
    counted = (
        study.sessions.annotate(arm_label=ARM_LABEL, arm_position=ARM_POSITION)
        .order_by("arm_position", "population", "state")
        .values_list("arm_label", "population", "state")
        .annotate(n=Count("pk"))
    )
    return [SessionCount(*row) for row in counted]

"""How much people differ, how long they take, and what a study may cost."""

from dataclasses import dataclass
from decimal import Decimal
from statistics import median

import numpy as np
from django.db.models import Count, Q

from hypeweb.models import Score, Session, Study, Trial
from hypeweb.models.scores import Exclusions
from hypeweb.science.populations import DEFAULT_LOG_SPREAD, DEFAULT_PERSON_SD
from hypeweb.services import designs

# From how many ended studies on a site plans by its own people.
ENOUGH_STUDIES = 2
# Evaluators, less one in each arm, from which their spread is more than noise.
ENOUGH_PEOPLE = 20
# The publication's sessions: 100 images in 10 minutes, 450 timed ones in an hour.
UNTIMED_SECONDS = 6.0
TIMED_SECONDS = 8.0
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Calibration:
    """How much people differ and how long a trial takes, and how that is known."""

    person_spread: float
    seconds_per_trial: float
    n_studies: int
    statement: str


def bundled(*, is_timed: bool) -> Calibration:
    """Return the defaults, from public studies."""
    return Calibration(
        person_spread=DEFAULT_LOG_SPREAD if is_timed else DEFAULT_PERSON_SD,
        seconds_per_trial=TIMED_SECONDS if is_timed else UNTIMED_SECONDS,
        n_studies=0,
        statement=f"{_spread_text(is_timed)}: bundled defaults, from public studies.",
    )


def calibrate(*, is_timed: bool) -> Calibration:
    """Return what ended studies with people show, or the defaults where few ended."""
    kind = Score.Kind.THRESHOLD_MS if is_timed else Score.Kind.HYPE_INF
    found = list(
        Score.objects.filter(
            population=Session.Population.PEOPLE,
            kind=kind,
            exclusions=Exclusions.NONE,
            person_spread__isnull=False,
            arm__study__state=Study.State.CLOSED,
        ).values_list("arm__study_id", "person_spread", "n_evaluators")
    )
    ids = {study_id for study_id, _, _ in found}
    weights = np.array([n - 1 for _, _, n in found], dtype=np.float64)
    if len(ids) < ENOUGH_STUDIES or weights.sum() < ENOUGH_PEOPLE:
        return bundled(is_timed=is_timed)
    spreads = np.array([spread for _, spread, _ in found])
    spread = float(np.sqrt(weights @ spreads**2 / weights.sum()))
    seconds = _seconds_per_trial(ids)
    return Calibration(
        person_spread=spread,
        seconds_per_trial=seconds or bundled(is_timed=is_timed).seconds_per_trial,
        n_studies=len(ids),
        statement=f"{_spread_text(is_timed, spread)}: measured in {len(ids)} ended "
        "studies of this site.",
    )


def highest_cost(study: Study) -> Decimal:
    """Return what a study costs if everybody finishes and answers all correctly.

    Nobody can tell an attention check, so a right answer to one is paid too.
    """
    calibration = calibrate(is_timed=study.is_timed)
    n_shown = designs.n_trials_each(study)
    hours = Decimal(n_shown * calibration.seconds_per_trial / 3600)
    each = max(
        study.pay_base + n_shown * study.pay_per_correct,
        hours * study.pay_hourly_minimum,
    )
    return (each * designs.n_sessions_wanted(study)).quantize(CENT)


def _spread_text(is_timed: bool, spread: float | None = None) -> str:
    if is_timed:
        spread = DEFAULT_LOG_SPREAD if spread is None else spread
        return f"People's thresholds spread by {100 * spread:.0f} %"
    spread = DEFAULT_PERSON_SD if spread is None else spread
    return f"People's error rates spread by {100 * spread:.0f} points"


def _seconds_per_trial(study_ids: set[int]) -> float | None:
    """Return the median pace of the people who finished, breaks included."""
    sessions = (
        Session.objects.filter(
            study__in=study_ids,
            population=Session.Population.PEOPLE,
            state=Session.State.FINISHED,
            started_at__isnull=False,
        )
        .annotate(
            n_judged=Count(
                "trials__judgment",
                filter=Q(
                    trials__purpose=Trial.Purpose.SCORE, trials__judgment__is_void=False
                ),
            )
        )
        .filter(n_judged__gt=0)
        .values_list("started_at", "finished_at", "n_judged")
    )
    paces = [
        (ended - begun).total_seconds() / n_judged
        for begun, ended, n_judged in sessions
        if begun and ended
    ]
    return median(paces) if paces else None

"""Qualification: who may take part, how often one may try, how long a pass holds."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy

from hypeweb.models import Evaluator, Judgment, Material, Qualification, Session, Study
from hypeweb.models.sessions import Truth
from hypeweb.science.qualification import Counts, has_passed
from hypeweb.services.errors import ConflictError

SPENT = gettext_lazy(
    "You have used every attempt at the qualification of this study, so you cannot "
    "take part. Thank you for your interest."
)


@dataclass(frozen=True)
class Admission:
    """Whether somebody may begin the task, and by which pass."""

    is_admitted: bool
    qualification: Qualification | None = None


def admission(study: Study, evaluator: Evaluator, *, now: datetime) -> Admission:
    """Say whether an evaluator who joins has qualified; refuse who no longer can."""
    if not study.asks_qualification:
        return Admission(is_admitted=True)
    passed = pass_of(study, evaluator, now=now)
    if passed is None and not n_attempts_left(study, evaluator, now=now):
        raise ConflictError(str(SPENT))
    return Admission(is_admitted=passed is not None, qualification=passed)


def material_hash(study: Study) -> str:
    """Return what makes two qualifications the same: images, numbers, pass marks."""
    hashes = Material.objects.filter(
        study=study, use=Material.Use.QUALIFICATION
    ).values_list("sample_set__origin", "sample_set__content_hash")
    asked = {
        "sets": sorted(map(list, hashes)),
        "n_real": study.qualification_n_real,
        "n_fake": study.qualification_n_fake,
        "reals_percent": study.qualification_reals_percent,
        "fakes_percent": study.qualification_fakes_percent,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def pass_of(
    study: Study, evaluator: Evaluator, *, now: datetime
) -> Qualification | None:
    """Return a pass of this or another study that still holds for this one."""
    passed = _attempts(study, evaluator).filter(
        has_passed=True, finished_at__gt=now - _validity(study)
    )
    return passed.order_by("-finished_at").first()


def still_holds(session: Session, *, now: datetime) -> bool:
    """Return whether no pass admitted a session, or one that is still valid."""
    passed = session.qualification
    if passed is None or passed.finished_at is None:
        return passed is None
    return passed.finished_at > now - _validity(session.study)


def n_attempts_left(study: Study, evaluator: Evaluator, *, now: datetime) -> int:
    """Return how often somebody may still try, here or in a study that asks the same.

    An attempt that was not finished counts. It is forgotten when a pass would be.
    """
    recent = _attempts(study, evaluator).filter(started_at__gt=now - _validity(study))
    return max(0, study.qualification_max_attempts - recent.count())


def begin(session: Session, *, now: datetime) -> Qualification:
    """Store a new attempt; the session and its evaluator must be locked."""
    study = session.study
    if not n_attempts_left(study, session.evaluator, now=now):
        raise ConflictError(str(SPENT))
    return Qualification.objects.create(
        session=session,
        attempt=1 + session.qualifications.count(),
        material_hash=material_hash(study),
        started_at=now,
    )


def finish(qualification: Qualification, *, study: Study, now: datetime) -> bool:
    """Store how an attempt ended, and return whether it is a pass."""
    qualification.has_passed = has_passed(
        counts_of(qualification),
        reals_percent=study.qualification_reals_percent,
        fakes_percent=study.qualification_fakes_percent,
    )
    qualification.finished_at = now
    qualification.save(update_fields=["has_passed", "finished_at"])
    return qualification.has_passed


def counts_of(qualification: Qualification) -> Counts:
    """Count an attempt's right answers by truth."""
    right, real = Q(is_correct=True), Q(trial__truth=Truth.REAL)
    counts = Judgment.objects.filter(trial__qualification=qualification).aggregate(
        n_reals=Count("pk", filter=real),
        n_reals_correct=Count("pk", filter=real & right),
        n_fakes=Count("pk", filter=~real),
        n_fakes_correct=Count("pk", filter=~real & right),
    )
    return Counts(**counts)


def latest_of(session: Session) -> Qualification | None:
    """Return the last attempt of a session that came to its end."""
    return session.qualifications.filter(finished_at__isnull=False).last()


def _attempts(study: Study, evaluator: Evaluator) -> QuerySet[Qualification]:
    return Qualification.objects.filter(
        session__evaluator=evaluator,
        material_hash=material_hash(study),
        is_forgiven=False,
    )


def _validity(study: Study) -> timedelta:
    return timedelta(days=study.qualification_valid_days)

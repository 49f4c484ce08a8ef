from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from hypeweb import tasks
from hypeweb.models import Session, Study
from hypeweb.services import limits
from tests.factories import NOW, join

pytestmark = pytest.mark.django_db


def states():
    return list(Session.objects.order_by("pk").values_list("state", flat=True))


def test_sessions_that_stood_still_or_took_too_long_are_ended(study):
    idle, slow, busy = (join(study) for _ in range(3))
    later = NOW + timedelta(minutes=study.duration_limit_min, seconds=1)
    Session.objects.filter(pk=slow.pk).update(last_seen_at=later)
    Session.objects.filter(pk=busy.pk).update(last_seen_at=later, started_at=later)
    limits.end_late(now=later)
    assert states() == ["left", "left", "running"]
    idle.refresh_from_db()
    assert idle.finished_at == later


def test_a_session_may_stand_still_as_long_as_the_study_says(study):
    join(study)
    limits.end_late(now=NOW + timedelta(minutes=study.idle_limit_min))
    assert states() == ["running"]


def test_the_sweep_ends_late_sessions(study):
    long_ago = timezone.now() - timedelta(minutes=study.idle_limit_min, seconds=1)
    join(study, now=long_ago)
    tasks.sweep()
    assert states() == ["left"]


def test_database_refuses_more_masks_than_are_made(study):
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.filter(pk=study.pk).update(n_masks=25)

from datetime import timedelta

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from hypeweb.models import ShownCounts, Trial
from hypeweb.services import sessions, shown_counts
from hypeweb.services.sessions import Answer, Exposure
from tests.factories import NOW, join, look, open_study

pytestmark = pytest.mark.django_db


def kept(study):
    """Return the stored counts of a study's sets, and those of its trials."""
    stored, counted = {}, {}
    for row in study.shown_counts.select_related("sample_set"):
        stored[row.sample_set.name] = shown_counts.as_array(row).tolist()
        counts = np.zeros(row.sample_set.n_samples, dtype=int)
        shown = Trial.objects.filter(sample__sample_set=row.sample_set)
        for position in shown.values_list("sample__position", flat=True):
            counts[position] += 1
        counted[row.sample_set.name] = counts.tolist()
    return stored, counted


def test_the_counts_are_those_of_the_trials(study):
    for _ in range(5):
        join(study)
    stored, counted = kept(study)
    assert len(stored) == 3
    assert stored == counted


def test_a_repeated_trial_counts(timed_study):
    session = join(timed_study)
    issued = look(session)
    failed = Exposure(shown_ms=500.0, flags=("blurred",))
    sessions.record_judgment(
        session=session,
        answer=Answer(nonce=issued.nonce, answer="real", rt_ms=1.0, exposure=failed),
        now=NOW + timedelta(seconds=5),
    )
    stored, counted = kept(timed_study)
    assert sum(map(sum, stored.values())) == 9
    assert stored == counted


@pytest.mark.parametrize("lost", [{"counts": b""}, None])
def test_counts_that_are_lost_are_made_of_the_trials(timed_study, lost):
    join(timed_study)
    rows = ShownCounts.objects.all()
    rows.update(**lost) if lost else rows.delete()
    join(timed_study)
    stored, counted = kept(timed_study)
    assert stored == counted


def test_counts_that_another_made_meanwhile_are_kept(study, monkeypatch):
    join(study)
    before, _ = kept(study)
    rows = list(ShownCounts.objects.all())
    ShownCounts.objects.all().delete()

    def nothing_yet(_study, _population, sample_set):
        theirs = next(row for row in rows if row.sample_set_id == sample_set.pk)
        theirs.save(force_insert=True)
        return np.zeros(sample_set.n_samples, dtype=shown_counts.DTYPE)

    monkeypatch.setattr(shown_counts, "_counted", nothing_yet)
    for row in rows:
        shown_counts.of_set(study, row.population, row.sample_set)
    assert kept(study)[0] == before


def test_counts_made_after_somebody_left_are_without_the_images_not_shown(researcher):
    study = open_study(researcher, protocol="hype_inf", n_arms=1)
    for _ in range(2):
        session = join(study)
        sessions.issue_trial(session=session, now=NOW)
        sessions.leave_session(session=session, now=NOW)
    join(study)
    before, _ = kept(study)
    ShownCounts.objects.all().delete()
    join(study)
    after, _ = kept(study)
    # Two images of either kind for each who stayed, one for each who left.
    assert sum(map(sum, before.values())) == 4 + 2
    assert sum(map(sum, after.values())) == 2 * 4 + 2


def test_the_database_keeps_one_row_for_a_set(study):
    join(study)
    row = ShownCounts.objects.first()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)

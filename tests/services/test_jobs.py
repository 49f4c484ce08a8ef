from datetime import timedelta

import pytest
from django.utils import timezone

from hypeweb.models import Evaluation, Job
from hypeweb.services import evaluations, jobs
from hypeweb.services.errors import DomainError
from hypeweb.services.jobs import LeaseLostError
from tests.factories import NOW

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=30)


@pytest.fixture
def evaluation(study):
    return evaluations.request_evaluations(study)[0]


def test_a_job_is_claimed_once(evaluation):
    assert jobs.claim(Evaluation, evaluation.pk, now=NOW).state == Job.State.RUNNING
    assert jobs.claim(Evaluation, evaluation.pk, now=NOW) is None


def test_an_abandoned_job_is_claimed_again_and_its_first_holder_is_out(evaluation):
    first = jobs.claim(Evaluation, evaluation.pk, now=NOW)
    later = NOW + LEASE + timedelta(seconds=1)
    second = jobs.claim(Evaluation, evaluation.pk, now=later)
    assert second.n_attempts == 2
    with pytest.raises(LeaseLostError):
        jobs.finish(first, now=later)
    jobs.finish(second, now=later)
    second.refresh_from_db()
    assert second.state == Job.State.DONE


def test_a_renewed_lease_is_kept(evaluation):
    job = jobs.claim(Evaluation, evaluation.pk, now=NOW)
    jobs.report_progress(job, stage="x", n_done=1, n_total=2, now=NOW + LEASE)
    after_the_first = NOW + LEASE + timedelta(seconds=1)
    assert jobs.claim(Evaluation, evaluation.pk, now=after_the_first) is None
    job.refresh_from_db()
    assert job.percent == 50


def test_waiting_lists_abandoned_and_forgotten_jobs(evaluation):
    job = jobs.claim(Evaluation, evaluation.pk, now=NOW)
    other = Evaluation.objects.exclude(pk=job.pk).get()
    Evaluation.objects.filter(pk=other.pk).update(created_at=NOW)
    assert jobs.waiting(Evaluation, now=NOW) == []
    later = NOW + LEASE + timedelta(seconds=1)
    assert set(jobs.waiting(Evaluation, now=later)) == {job.pk, other.pk}
    jobs.finish(job, now=NOW)
    assert jobs.waiting(Evaluation, now=later) == [other.pk]


def test_only_a_failed_job_is_queued_again(evaluation):
    assert not jobs.requeue(Evaluation, evaluation.pk)
    job = jobs.claim(Evaluation, evaluation.pk, now=NOW)
    jobs.fail(job, error="No weights.", now=NOW)
    assert jobs.requeue(Evaluation, evaluation.pk)
    evaluation.refresh_from_db()
    assert (evaluation.state, evaluation.error) == (Job.State.QUEUED, "")


def test_attempt_stores_a_domain_error_for_the_user(evaluation):
    job = jobs.claim(Evaluation, evaluation.pk, now=timezone.now())
    with jobs.attempt(job):
        raise DomainError("The weights are missing.")
    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.FAILED, "The weights are missing.")


def test_attempt_stores_and_raises_what_nobody_foresaw(evaluation):
    job = jobs.claim(Evaluation, evaluation.pk, now=timezone.now())
    with pytest.raises(ZeroDivisionError), jobs.attempt(job):
        _ = 1 / 0
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "not foreseen" in job.error
    assert "division" not in job.error


def test_attempt_leaves_a_lost_job_to_its_new_holder(evaluation):
    job = jobs.claim(Evaluation, evaluation.pk, now=NOW)
    later = NOW + LEASE + timedelta(seconds=1)
    jobs.claim(Evaluation, evaluation.pk, now=later)
    with pytest.raises(LeaseLostError), jobs.attempt(job):
        jobs.report_progress(job, stage="x", n_done=1, n_total=2, now=later)
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING


def test_a_job_that_kills_its_worker_is_given_up(evaluation):
    now = NOW
    for _ in range(jobs.MAX_ATTEMPTS):
        assert jobs.claim(Evaluation, evaluation.pk, now=now) is not None
        now += LEASE + timedelta(seconds=1)
    assert jobs.claim(Evaluation, evaluation.pk, now=now) is None
    evaluation.refresh_from_db()
    assert evaluation.state == Job.State.FAILED
    assert "died 3 times" in evaluation.error
    assert jobs.requeue(Evaluation, evaluation.pk)
    assert jobs.claim(Evaluation, evaluation.pk, now=now) is not None

"""What the worker runs: each takes an id, calls one service, may run twice."""

import logging
from collections.abc import Callable

from celery import Task
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import KombuError

from hypeweb.celery_app import app
from hypeweb.models import Evaluation, LeakAudit, SampleImport
from hypeweb.services import (
    agreement,
    evaluations,
    imports,
    jobs,
    leaks,
    masks,
    milestones,
    scores,
    uploads,
)
from hypeweb.services.jobs import LeaseLostError

logger = logging.getLogger(__name__)


@app.task
def import_samples(job_id: int) -> None:
    """Turn uploads, or what is at an address, into a sample set."""
    _run(imports.run_import, job_id)


@app.task
def audit_leaks(audit_id: int) -> None:
    """Find out whether more than content tells a study's images apart."""
    _run(leaks.run_audit, audit_id)


@app.task
def make_masks(study_id: int) -> None:
    """Make the masks of a timed study."""
    masks.make_masks(study_id)


@app.task
def evaluate(evaluation_id: int) -> None:
    """Compute the automated metrics of one arm."""
    _run(evaluations.run_evaluation, evaluation_id)
    for study_id in evaluations.studies_of(evaluation_id):
        enqueue(relate, study_id)


@app.task
def score(study_id: int) -> None:
    """Recompute a study's scores."""
    scores.score_study(study_id, now=timezone.now())
    enqueue(relate, study_id)
    enqueue(notice_milestones, study_id)


@app.task
def relate(study_id: int) -> None:
    """Recompute how a study's people and metrics agree."""
    agreement.relate_study(study_id, now=timezone.now())


@app.task
def notice_milestones(study_id: int) -> None:
    """Find out what a running study has reached, and tell whoever subscribed."""
    for notice_id in milestones.notice_milestones(study_id, now=timezone.now()):
        enqueue(send_notice, notice_id)


@app.task
def send_notice(notice_id: int) -> None:
    """Try once to deliver a notice."""
    milestones.send_notice(notice_id, now=timezone.now())


@app.task
def sweep() -> None:
    """Queue again what a dead worker or a lost message left behind."""
    now = timezone.now()
    # A copy that is still queued after a lease is swept anew, so it may expire.
    expires = settings.EVALUATION_LEASE_SECONDS
    for job_id in jobs.waiting(SampleImport, now=now):
        import_samples.apply_async([job_id], expires=expires)
    for job_id in jobs.waiting(LeakAudit, now=now):
        audit_leaks.apply_async([job_id], expires=expires)
    for job_id in jobs.waiting(Evaluation, now=now):
        evaluate.apply_async([job_id], expires=expires)
    for study_id in masks.maskless():
        make_masks.apply_async([study_id], expires=expires)
    for study_id in scores.unscored(now=now):
        score.apply_async([study_id], expires=expires)
    uploads.sweep(now=now)
    for study_id in agreement.unrelated():
        relate.apply_async([study_id], expires=expires)
    for study_id in milestones.watched():
        notice_milestones.apply_async([study_id], expires=expires)
    for notice_id in milestones.due(now=now):
        send_notice.apply_async([notice_id], expires=expires)


def enqueue(task: Task, *arguments: int) -> None:
    """Queue a task once the transaction holds; a broker that is down is no error.

    What the task is about is a row, and `sweep` finds it when the broker is back.
    """

    def publish() -> None:
        try:
            task.delay(*arguments)
        except (KombuError, OSError):
            logger.exception("%s%s could not be queued", task.name, arguments)

    transaction.on_commit(publish)


def _run(work: Callable[[int], None], job_id: int) -> None:
    """Run a job; its failure is on its row, the traceback goes to the log."""
    try:
        work(job_id)
    except LeaseLostError as error:
        logger.warning("%s", error)
    except Exception:
        logger.exception("%s failed on %s", work.__name__, job_id)

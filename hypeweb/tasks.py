"""What the worker runs: each takes an id, calls one service, may run twice."""

import logging
from collections.abc import Callable

from celery import Task
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import KombuError

from hypeweb.celery_app import app
from hypeweb.models import (
    Evaluation,
    Generator,
    LeakAudit,
    Payment,
    Posting,
    ReportPdf,
    ReportVersion,
    SampleImport,
    SamplingRun,
    Study,
)
from hypeweb.models.payments import Service
from hypeweb.services import (
    accounts,
    agreement,
    evaluations,
    figures,
    generators,
    image_findings,
    imports,
    invitations,
    jobs,
    leaks,
    limits,
    masks,
    milestones,
    payments,
    reconciliations,
    recruiting,
    replies,
    report_pdfs,
    sampling,
    scores,
    settlements,
    uploads,
    workers,
)
from hypeweb.services.errors import DomainError
from hypeweb.services.jobs import LeaseLostError

logger = logging.getLogger(__name__)


@app.task
def import_samples(job_id: int) -> None:
    """Turn uploads, or what is at an address, into a sample set."""
    _run(imports.run_import, job_id)


@app.task
def inspect_generator(generator_id: int) -> None:
    """Find out whether an uploaded generator can be sampled."""
    _run(generators.run_inspection, generator_id)


@app.task
def sample(run_id: int) -> None:
    """Fill one sample set from a generator."""
    _run(sampling.run_sampling, run_id)
    for sampling_id in sampling.undrafted():
        enqueue(draft_study, sampling_id)


@app.task
def draft_study(sampling_id: int) -> None:
    """Draft the study that was wished for with some samples."""
    study = sampling.draft_study(sampling_id)
    if study is not None:
        begin_study(study)


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
    enqueue(draw, study_id)


@app.task
def draw(study_id: int) -> None:
    """Draw a study's figures and find its striking images, now and then as it runs."""
    now = timezone.now()
    if not figures.is_soon(study_id, now=now):
        image_findings.find_images(study_id, now=now)
        figures.draw_study(study_id, now=now)


@app.task
def set_pdf(pdf_id: int) -> None:
    """Set a report as a PDF."""
    _run(report_pdfs.run_pdf, pdf_id)


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
def settle(session_id: int) -> None:
    """Owe what an ended session earned."""
    for payment_id in settlements.settle(session_id, now=timezone.now()):
        enqueue(pay, payment_id)


@app.task
def pay(payment_id: int) -> None:
    """Take a payment one step on."""
    payment = Payment.objects.filter(pk=payment_id).first()
    if payment is None or payment.service == Service.MANUAL:
        return
    try:
        payments.send_payment(
            payment_id, payer=accounts.payer_of(payment), now=timezone.now
        )
    except Exception as error:  # noqa: BLE001 - nobody knows: it is asked for later
        # No traceback: what a service says may name a person.
        logger.warning("%s is not known to be paid: %s", payment, payments.told(error))


@app.task
def post(posting_id: int) -> None:
    """Post a HIT or a study that was asked for."""
    posting = Posting.objects.select_related("pool").filter(pk=posting_id).first()
    if posting is None:
        return
    path = reverse("arrival", args=[posting.pool.token])
    recruiting.post(posting_id, entry_url=f"{settings.SITE_URL}{path}")


@app.task
def end_posting(posting_id: int) -> None:
    """Let nobody come through a posting of a study that has closed."""
    posting = Posting.objects.select_related("pool").filter(pk=posting_id).first()
    if posting is None:
        return
    try:
        recruiting.end(posting=posting, actor=None)
    except DomainError as error:
        logger.warning("%s could not be ended: %s", posting, error)


@app.task
def sync_posting(posting_id: int) -> None:
    """Take over what a service says of the submissions of a posting."""
    recruiting.sync(posting_id, now=timezone.now())


@app.task
def read_queue() -> None:
    """Take what Mechanical Turk has put into its queue."""
    for posting_id in recruiting.read_queue(now=timezone.now()):
        enqueue(sync_posting, posting_id)


@app.task
def reconcile(reconciliation_id: int) -> None:
    """Hold a pool's ledger against its service's own list."""
    reconciliations.reconcile(reconciliation_id)


@app.task
def send_invitation(invitation_id: int) -> None:
    """Try once to mail an invitation, or a reminder of one."""
    invitations.send(invitation_id, now=timezone.now())


@app.task(bind=True)
def sweep(self: Task) -> None:
    """Queue again what a dead worker or a lost message left behind."""
    now = timezone.now()
    if self.request.hostname:
        workers.note(name=self.request.hostname, now=now)
    replies.sweep(now=now)
    uploads.sweep(now=now)
    limits.end_late(now=now)
    if settings.MTURK_QUEUE_URL:
        enqueue(read_queue)
    left_behind: list[tuple[Task, list[int]]] = [
        (import_samples, jobs.waiting(SampleImport, now=now)),
        (inspect_generator, jobs.waiting(Generator, now=now)),
        (sample, jobs.waiting(SamplingRun, now=now)),
        (draft_study, sampling.undrafted()),
        (audit_leaks, jobs.waiting(LeakAudit, now=now)),
        (evaluate, jobs.waiting(Evaluation, now=now)),
        (make_masks, masks.maskless()),
        (score, scores.unscored(now=now)),
        (relate, agreement.unrelated()),
        (draw, figures.undrawn(now=now)),
        (set_pdf, jobs.waiting(ReportPdf, now=now)),
        (notice_milestones, milestones.watched()),
        (send_notice, milestones.due(now=now)),
        (settle, settlements.unsettled()),
        (pay, payments.due(now=now)),
        (post, recruiting.unposted()),
        (end_posting, recruiting.left_open()),
        (sync_posting, recruiting.to_sync(now=now)),
        (send_invitation, invitations.due(now=now)),
    ]
    for task, ids in left_behind:
        for pk in ids:
            # A copy still queued after a lease is swept anew, so it may expire.
            task.apply_async([pk], expires=settings.EVALUATION_LEASE_SECONDS)


def begin_study(study: Study) -> None:
    """Queue what a new draft needs before it can open."""
    enqueue(make_masks, study.pk)
    enqueue(audit_leaks, leaks.request_audit(study).pk)
    for run in evaluations.request_evaluations(study):
        enqueue(evaluate, run.pk)


def send_payments() -> None:
    """Queue the payments that may be sent now; the sweep would find them too."""
    for payment_id in payments.due(now=timezone.now()):
        enqueue(pay, payment_id)


def send_invitations() -> None:
    """Queue the mails that may go out now; the sweep would find them too."""
    for invitation_id in invitations.due(now=timezone.now()):
        enqueue(send_invitation, invitation_id)


def set_pdfs_of(version: ReportVersion) -> None:
    """Queue the PDFs of a version that was just published."""
    for pdf in report_pdfs.request_pdfs_of(version):
        enqueue(set_pdf, pdf.pk)


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

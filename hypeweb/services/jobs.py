"""Leases on work, so that a killed worker's job is done again, and only once."""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F, Q
from django.utils import timezone

from hypeweb.models import Job
from hypeweb.services.errors import DomainError

logger = logging.getLogger(__name__)

UNFORESEEN = (
    "Something went wrong that was not foreseen; the worker's log has the details. "
    "Try again, and tell the site's admin if it stays."
)

JobRow = TypeVar("JobRow", bound=Job)


MAX_ATTEMPTS = 3
DIED_TOO_OFTEN = (
    f"The worker died {MAX_ATTEMPTS} times while it was busy with this, most likely "
    "for want of memory. Make the set smaller or give the worker more, and try again."
)


class LeaseLostError(Exception):
    """Another worker took the job over; what this one computed must be dropped."""


def claim(model: type[JobRow], pk: int, *, now: datetime) -> JobRow | None:
    """Take the lease of a waiting or abandoned job; None where it is not to be had."""
    abandoned = Q(state=Job.State.RUNNING, lease_until__lt=now)
    model._default_manager.filter(
        abandoned, pk=pk, n_attempts__gte=MAX_ATTEMPTS
    ).update(
        state=Job.State.FAILED,
        lease=None,
        lease_until=None,
        finished_at=now,
        error=DIED_TOO_OFTEN,
    )
    free = Q(state=Job.State.QUEUED) | abandoned
    claimed = model._default_manager.filter(free, pk=pk).update(
        state=Job.State.RUNNING,
        lease=uuid.uuid4(),
        lease_until=_lease_end(now),
        started_at=now,
        finished_at=None,
        error="",
        stage="",
        n_done=0,
        n_total=0,
        n_attempts=F("n_attempts") + 1,
    )
    return model._default_manager.get(pk=pk) if claimed else None


def renew(job: Job, *, now: datetime) -> None:
    """Extend the lease; raise LeaseLostError where it is no longer held."""
    _update_held(job, lease_until=_lease_end(now))


def report_progress(
    job: Job, *, stage: str, n_done: int, n_total: int, now: datetime
) -> None:
    """Store how far a job is, which also extends its lease."""
    _update_held(
        job, stage=stage, n_done=n_done, n_total=n_total, lease_until=_lease_end(now)
    )


def finish(job: Job, *, now: datetime) -> None:
    """Mark a job done; call it in the transaction that writes the job's results."""
    _update_held(
        job, state=Job.State.DONE, lease=None, lease_until=None, finished_at=now
    )


def fail(job: Job, *, error: str, now: datetime) -> None:
    """Mark a job failed with a sentence for the user."""
    _update_held(
        job,
        state=Job.State.FAILED,
        lease=None,
        lease_until=None,
        finished_at=now,
        error=error,
    )


@contextmanager
def attempt(job: Job) -> Iterator[None]:
    """Hold a claimed job's lease while it is worked on; store why it failed."""
    with _lease_kept(job):
        try:
            yield
        except DomainError as error:
            fail(job, error=str(error), now=timezone.now())
        except LeaseLostError:
            raise
        except Exception:
            fail(job, error=UNFORESEEN, now=timezone.now())
            raise


def requeue(model: type[JobRow], pk: int) -> bool:
    """Make a failed job wait for a worker again; False where it had not failed."""
    return bool(
        model._default_manager.filter(pk=pk, state=Job.State.FAILED).update(
            state=Job.State.QUEUED,
            error="",
            stage="",
            n_done=0,
            n_total=0,
            n_attempts=0,
        )
    )


def waiting(model: type[JobRow], *, now: datetime) -> list[int]:
    """Return jobs that no worker holds: abandoned, or queued for over a lease."""
    stale = now - timedelta(seconds=settings.EVALUATION_LEASE_SECONDS)
    abandoned = Q(state=Job.State.RUNNING, lease_until__lt=now)
    forgotten = Q(state=Job.State.QUEUED, created_at__lt=stale)
    return list(
        model._default_manager.filter(abandoned | forgotten).values_list(
            "pk", flat=True
        )
    )


@contextmanager
def _lease_kept(job: Job) -> Iterator[None]:
    """Renew the lease from a thread: a long computation reports no progress."""
    stop = threading.Event()

    def keep() -> None:
        try:
            while not stop.wait(settings.EVALUATION_LEASE_SECONDS / 3):
                try:
                    renew(job, now=timezone.now())
                except DatabaseError:
                    logger.exception("the lease of %s was not renewed", job)
        except LeaseLostError:
            pass  # the job's own next write finds out
        finally:
            connection.close()

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _update_held(job: Job, **values: object) -> None:
    held = type(job)._default_manager.filter(pk=job.pk, lease=job.lease)
    if not held.update(**values):
        raise LeaseLostError(f"{job} is held by another worker")


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.EVALUATION_LEASE_SECONDS)

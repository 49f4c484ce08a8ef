"""Which workers there are, by when each last swept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from hypeweb.models import WorkerPulse

# A worker sweeps once a lease, unless it works on something long.
N_LEASES = 3
FORGET_AFTER = timedelta(days=7)


@dataclass(frozen=True)
class WorkerRow:
    """One worker, and whether it was heard of lately."""

    name: str
    seen_at: datetime
    is_late: bool


def note(*, name: str, now: datetime) -> None:
    """Note that a worker is there; forget those not heard of for long."""
    WorkerPulse.objects.update_or_create(name=name[:255], defaults={"seen_at": now})
    WorkerPulse.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()


def workers(*, now: datetime) -> list[WorkerRow]:
    """Return the workers heard of in the last days."""
    late = now - timedelta(seconds=N_LEASES * settings.EVALUATION_LEASE_SECONDS)
    return [
        WorkerRow(name=pulse.name, seen_at=pulse.seen_at, is_late=pulse.seen_at < late)
        for pulse in WorkerPulse.objects.all()
    ]

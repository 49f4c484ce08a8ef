"""The worker process: celery -A hypeweb.celery_app worker."""

import os

from celery import Celery
from celery.signals import worker_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hypeweb.settings")

app = Celery("hypeweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def check_services(**_: object) -> None:
    """Stop with a sentence, not a traceback, where something is missing."""
    from hypeweb import startup  # noqa: PLC0415 - needs the app registry

    for problem in startup.problems():
        raise SystemExit(problem)


@worker_ready.connect
def sweep_regularly(sender, **_: object) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    """Look, now and then, for jobs whose worker died or whose message was lost."""
    from django.conf import settings  # noqa: PLC0415 - configured only now

    from hypeweb.tasks import sweep  # noqa: PLC0415

    every = settings.EVALUATION_LEASE_SECONDS
    sweep.delay()
    sender.timer.call_repeatedly(every, sweep.apply_async, kwargs={"expires": every})

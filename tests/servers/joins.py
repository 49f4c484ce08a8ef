"""Fifty people who join a study at once; what came of it is printed as JSON.

A program of its own: it needs the settings of an installation, and a database where
many write at once.
"""

import json
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import django
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

N_AT_ONCE = 50
N_LATER = 30
N_IMAGES = 40


def main():
    from hypeweb.models import Session, Trial  # noqa: PLC0415 - needs the settings
    from hypeweb.services import sessions, studies  # noqa: PLC0415
    from tests import factories  # noqa: PLC0415

    owner = factories.make_user("researcher")
    study = factories.draft_study(
        owner,
        protocol="hype_inf",
        n_arms=3,
        n_images=N_IMAGES,
        n_real=6,
        n_fake=6,
        folder=settings.DATA_DIR,
        **json.loads(sys.argv[1]),
    )
    now = timezone.now()
    studies.open_study(study=study, actor=owner, now=now)

    def join(barrier):
        try:
            barrier.wait()
            joined = sessions.join_study(
                study=study, population=Session.Population.PEOPLE, now=now
            )
            sessions.start_session(session=joined, now=now)
            return joined.pk
        finally:
            connections.close_all()

    def join_at_once(n):
        barrier = Barrier(n)
        with ThreadPoolExecutor(n) as threads:
            return list(threads.map(lambda _number: join(barrier), range(n)))

    def counts():
        kept = Session.objects.exclude(state="left").exclude(quality_flags=["fast"])
        shown = Trial.objects.exclude(session__state="left", issued_at__isnull=True)
        by_set = defaultdict(Counter)
        for sample_set, sample in shown.values_list(
            "sample__sample_set__name", "sample"
        ):
            by_set[sample_set][sample] += 1
        return {
            "arms": Counter(map(str, kept.values_list("arm__position", flat=True))),
            "orders": Counter(map(str, kept.values_list("sequence", flat=True))),
            "images": {name: spread(counts) for name, counts in by_set.items()},
        }

    first = join_at_once(N_AT_ONCE)
    at_once = counts()
    for number, pk in enumerate(first):
        session = Session.objects.get(pk=pk)
        if number % 3 == 0:
            sessions.issue_trial(session=session, now=now)
            sessions.leave_session(session=session, now=now)
        elif number % 5 == 0:
            factories.walk(session)
            Session.objects.filter(pk=pk).update(quality_flags=["fast"])
    join_at_once(N_LATER)
    sys.stdout.write(json.dumps({"at_once": at_once, "later": counts()}))


def spread(counts):
    """Return the fewest and the most that an image of a set was shown."""
    return [
        min(counts.values()) if len(counts) == N_IMAGES else 0,
        max(counts.values()),
    ]


if __name__ == "__main__":
    django.setup()
    assert connection.vendor == "postgresql"
    main()

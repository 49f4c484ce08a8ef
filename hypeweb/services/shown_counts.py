"""How often a study showed each image: kept beside the trials, not counted anew.

Of who left early, only what they were shown counts. The study's row must be locked by
who draws; a trial that is repeated locks the row of its set alone.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from django.db.models import Count, Q, QuerySet
from numpy.typing import NDArray

from hypeweb.models import SampleSet, Session, ShownCounts, Study, Trial

Counts = NDArray[np.uint16]
DTYPE = np.dtype("<u2")
MOST = np.iinfo(DTYPE).max


def of_set(study: Study, population: str, sample_set: SampleSet) -> ShownCounts:
    """Return the counts of a set's images, locked, and made where there are none."""
    locked = _locked(study, population)
    found = locked.filter(sample_set=sample_set).first()
    if found is None:
        # Whoever made the row meanwhile has counted more than we see.
        found, _ = locked.get_or_create(
            study=study,
            population=population,
            sample_set=sample_set,
            defaults={"counts": _counted(study, population, sample_set).tobytes()},
        )
    elif as_array(found).size != sample_set.n_samples:
        found.counts = _counted(study, population, sample_set).tobytes()
        found.save(update_fields=["counts"])
    return found


def as_array(counts: ShownCounts) -> Counts:
    """Return the counts by position."""
    return np.frombuffer(bytes(counts.counts), dtype=DTYPE)


def add(counts: ShownCounts, positions: Sequence[int], *, n: int) -> None:
    """Count images once more, or once less, and store that."""
    changed = as_array(counts).astype(np.int64)
    np.add.at(changed, np.asarray(positions, dtype=np.int64), n)
    counts.counts = np.clip(changed, 0, MOST).astype(DTYPE).tobytes()
    counts.save(update_fields=["counts"])


def take_back(study: Study, population: str) -> None:
    """Count no longer what people who have left were to be shown and were not."""
    left = study.sessions.filter(
        population=population, state=Session.State.LEFT, has_given_back=False
    )
    pks = list(left.order_by().values_list("pk", flat=True))
    if not pks:
        return
    unshown: dict[int, list[int]] = defaultdict(list)
    trials = Trial.objects.filter(session__in=pks, issued_at__isnull=True).order_by()
    for pk, position in trials.values_list("sample__sample_set_id", "sample__position"):
        unshown[pk].append(position)
    rows = _locked(study, population).filter(sample_set__in=unshown).order_by("pk")
    for counts in rows:
        add(counts, unshown[counts.sample_set_id], n=-1)
    Session.objects.filter(pk__in=pks).update(has_given_back=True)


def _locked(study: Study, population: str) -> QuerySet[ShownCounts]:
    return ShownCounts.objects.select_for_update().filter(
        study=study, population=population
    )


def _counted(study: Study, population: str, sample_set: SampleSet) -> Counts:
    given_back = Q(session__has_given_back=True, issued_at__isnull=True)
    shown = (
        Trial.objects.filter(
            ~given_back,
            session__study=study,
            session__population=population,
            sample__sample_set=sample_set,
        )
        .order_by()
        .values_list("sample__position")
        .annotate(n_shown=Count("pk"))
    )
    counts = np.zeros(sample_set.n_samples, dtype=DTYPE)
    for position, n_shown in shown:
        counts[position] = min(n_shown, MOST)
    return counts

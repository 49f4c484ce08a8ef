"""Which images a session shows: new to the person, least shown, equal shares."""

from dataclasses import dataclass

import numpy as np
from django.db.models import Count, Q
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from hypeweb.models import Material, SampleSet, Session, Study, Trial
from hypeweb.models.sessions import Truth
from hypeweb.science.qualification import equal_shares
from hypeweb.science.schedule import choose_least_shown, truth_order
from hypeweb.services import pools
from hypeweb.services.errors import ConflictError

ORIGINS = {Truth.REAL: SampleSet.Origin.REAL, Truth.FAKE: SampleSet.Origin.GENERATED}


@dataclass(frozen=True)
class Place:
    """One trial to be: its truth and its image."""

    truth: Truth
    sample_id: int


def draw_scored(session: Session, rng: np.random.Generator) -> list[Place]:
    """Return the trials of a session's task, in order."""
    truths = _truths(session.study, rng)
    images = {
        truth: draw_images(session, truth, truths.count(truth), rng) for truth in Truth
    }
    return _places(truths, images)


def draw_images(
    session: Session, truth: Truth, n: int, rng: np.random.Generator
) -> list[int]:
    """Return up to n images for scored trials of one truth, in random order."""
    pool = _scored_pool(session, truth)
    return _draw(pool, session, n, seen=_seen(session), rng=rng)


def draw_qualification(session: Session, rng: np.random.Generator) -> list[Place]:
    """Return the trials of an attempt to qualify, in order."""
    study = session.study
    counts = {
        Truth.REAL: study.qualification_n_real,
        Truth.FAKE: study.qualification_n_fake,
    }
    order = truth_order(n_real=counts[Truth.REAL], n_fake=counts[Truth.FAKE], rng=rng)
    use = Material.Use.QUALIFICATION
    images = {
        truth: draw_material(session, truth, n, use=use, rng=rng)
        for truth, n in counts.items()
    }
    return _places([Truth(truth) for truth in order], images)


def draw_material(
    session: Session, truth: Truth, n: int, *, use: str, rng: np.random.Generator
) -> list[int]:
    """Return up to n images of one truth, the same number from each set of a use."""
    sets = pools.material_sets(session.study, use=use, origin=ORIGINS[truth])
    shares = equal_shares(n=n, n_sources=len(sets), rng=rng)
    seen = _seen(session)
    chosen: list[int] = []
    for source, share in zip(sets, shares, strict=True):
        pool = pools.material_pool(session.study, source)
        chosen += _draw(pool, session, share, seen=seen, rng=rng)
    return [chosen[index] for index in rng.permutation(len(chosen))]


def draw_again(session: Session, trial: Trial, rng: np.random.Generator) -> int | None:
    """Return an image at random to repeat a trial with; None where all were seen.

    How often others saw it is not asked: that reads every trial of the study, and a
    few repeats upset no shares.
    """
    study, truth = session.study, Truth(trial.truth)
    if trial.purpose == Trial.Purpose.GOLD:
        use = Material.Use.GOLD
        sets = pools.material_sets(study, use=use, origin=ORIGINS[truth])
        sources = [pools.material_pool(study, source) for source in sets]
    else:
        sources = [_scored_pool(session, truth)]
    seen = _seen(session)
    for index in rng.permutation(len(sources)):
        pool = sources[index]
        alike = np.zeros(pool.sample_set.n_samples, dtype=np.int64)
        drawn = _take(pool, 1, n_shown=alike, seen=seen, rng=rng)
        if drawn:
            return drawn[0]
    return None


def _draw(
    pool: pools.Pool,
    session: Session,
    n: int,
    *,
    seen: set[str],
    rng: np.random.Generator,
) -> list[int]:
    """Return ids of images least shown so far, in random order; add them to the seen.

    Fewer come back where the pool has no more that were not seen.
    """
    n_shown = _shown_counts(pool.sample_set, session)
    return _take(pool, n, n_shown=n_shown, seen=seen, rng=rng)


def _take(
    pool: pools.Pool,
    n: int,
    *,
    n_shown: NDArray[np.int64],
    seen: set[str],
    rng: np.random.Generator,
) -> list[int]:
    is_left = np.ones(pool.sample_set.n_samples, dtype=bool)
    drawn: list[int] = []
    # Only what was chosen is looked at closely: sets may hold 50,000 images.
    while len(drawn) < n and is_left.any():
        left = np.flatnonzero(is_left)
        chosen = choose_least_shown(
            shown_counts=n_shown[left], n=min(n - len(drawn), left.size), rng=rng
        )
        positions = left[chosen].tolist()
        is_left[positions] = False
        found = {
            sample.position: sample
            for sample in pool.samples.filter(position__in=positions)
        }
        for position in positions:
            sample = found.get(position)
            if sample is not None and sample.content_hash not in seen:
                seen.add(sample.content_hash)
                drawn.append(sample.pk)
    return drawn


def _scored_pool(session: Session, truth: Truth) -> pools.Pool:
    assert session.arm is not None  # noqa: S101 - the task has an arm
    real_set, made = session.study.real_set, session.arm.sample_set
    source = real_set if truth == Truth.REAL else made
    return pools.scored_pool(session.study, source)


def _shown_counts(sample_set: SampleSet, session: Session) -> NDArray[np.int64]:
    """Return by position how often the study showed an image to such people."""
    shown = (
        Trial.objects.filter(
            session__study_id=session.study_id,
            session__population=session.population,
            sample__sample_set=sample_set,
        )
        .order_by()
        .values_list("sample__position")
        .annotate(n_shown=Count("pk"))
    )
    counts = np.zeros(sample_set.n_samples, dtype=np.int64)
    for position, n_shown in shown:
        counts[position] = n_shown
    return counts


def _seen(session: Session) -> set[str]:
    """Return the contents of a session, and those a person was shown in any other."""
    trials = Trial.objects.filter(
        Q(session=session)
        | Q(session__evaluator_id=session.evaluator_id, issued_at__isnull=False)
    )
    return set(trials.order_by().values_list("sample__content_hash", flat=True))


def _places(truths: list[Truth], images: dict[Truth, list[int]]) -> list[Place]:
    if any(len(drawn) < truths.count(truth) for truth, drawn in images.items()):
        raise ConflictError(
            _(
                "There are too few images that you have not seen yet, so you cannot "
                "take part. Thank you for your interest."
            )
        )
    left = {truth: iter(drawn) for truth, drawn in images.items()}
    return [Place(truth, next(left[truth])) for truth in truths]


def _truths(study: Study, rng: np.random.Generator) -> list[Truth]:
    if not study.is_timed:
        order = truth_order(n_real=study.n_real, n_fake=study.n_fake, rng=rng)
        return [Truth(truth) for truth in order]
    half = study.images_per_block // 2
    return [
        Truth(truth)
        for _block in range(study.n_blocks)
        for truth in truth_order(n_real=half, n_fake=half, rng=rng)
    ]

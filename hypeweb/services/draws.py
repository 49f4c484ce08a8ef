"""Which images a session shows: new to the person, least shown, equal shares."""

from dataclasses import dataclass

import numpy as np
from django.db.models import Q
from django.utils.translation import gettext as _

from hypeweb.models import Material, Sample, SampleSet, Session, Study, Trial
from hypeweb.models.sessions import Truth
from hypeweb.science.qualification import equal_shares
from hypeweb.science.schedule import choose_least_shown
from hypeweb.services import designs, image_pools, shown_counts
from hypeweb.services.errors import ConflictError

ORIGINS = {Truth.REAL: SampleSet.Origin.REAL, Truth.FAKE: SampleSet.Origin.GENERATED}


@dataclass(frozen=True)
class Place:
    """One trial to be: its truth, its image and what it is for."""

    truth: Truth
    sample_id: int
    purpose: Trial.Purpose = Trial.Purpose.SCORE
    arm_id: int | None = None


def draw_task(session: Session, rng: np.random.Generator) -> list[list[Place]]:
    """Return the trials of a session's task, block by block, gold ones among them.

    Each arm has blocks of its own, with real images of their own. Counts are exact and
    every order equally likely. There is no limit on runs of one truth: with one, who
    counts knows the answer after a full run.
    """
    study, arms = session.study, designs.arms_of(session)
    n_blocks, (n_real, n_fake) = _block_counts(study)
    n_gold = study.n_gold_per_block // 2
    seen = _seen(session)
    gold = {
        truth: _draw_gold(session, truth, n_blocks * len(arms) * n_gold, rng)
        for truth in Truth
    }
    reals = _draw_scored(
        session, study.real_set, n_blocks * len(arms) * n_real, seen=seen, rng=rng
    )
    blocks = []
    for arm in arms:
        fakes = _draw_scored(
            session, arm.sample_set, n_blocks * n_fake, seen=seen, rng=rng
        )
        for _block in range(n_blocks):
            places = [
                *(
                    Place(Truth.REAL, reals.pop(), arm_id=arm.pk)
                    for _n in range(n_real)
                ),
                *(
                    Place(Truth.FAKE, fakes.pop(), arm_id=arm.pk)
                    for _n in range(n_fake)
                ),
                *(
                    Place(truth, gold[truth].pop(), Trial.Purpose.GOLD, arm.pk)
                    for truth in Truth
                    for _n in range(n_gold)
                ),
            ]
            blocks.append([places[index] for index in rng.permutation(len(places))])
    return blocks


def _draw_gold(
    session: Session, truth: Truth, n: int, rng: np.random.Generator
) -> list[int]:
    if not n:
        return []
    use = Material.Use.GOLD
    return _enough(draw_material(session, truth, n, use=use, rng=rng), n)


def _block_counts(study: Study) -> tuple[int, tuple[int, int]]:
    """Return an arm's number of blocks, and the real and made images of each."""
    if not study.is_timed:
        return 1, (study.n_real, study.n_fake)
    half = study.images_per_block // 2
    return study.n_blocks, (half, half)


def _draw_scored(
    session: Session,
    sample_set: SampleSet,
    n: int,
    *,
    seen: set[str],
    rng: np.random.Generator,
) -> list[int]:
    """Return n images of a study's set for scored trials, in random order."""
    pool = image_pools.scored_pool(session.study, sample_set)
    return _enough(_draw(pool, session, n, seen=seen, rng=rng), n)


def draw_qualification(session: Session, rng: np.random.Generator) -> list[Place]:
    """Return the trials of an attempt to qualify, in order."""
    study, use = session.study, Material.Use.QUALIFICATION
    counts = {
        Truth.REAL: study.qualification_n_real,
        Truth.FAKE: study.qualification_n_fake,
    }
    places = [
        Place(truth, sample_id, Trial.Purpose.QUALIFICATION)
        for truth, n in counts.items()
        for sample_id in _enough(draw_material(session, truth, n, use=use, rng=rng), n)
    ]
    return [places[index] for index in rng.permutation(len(places))]


def draw_material(
    session: Session, truth: Truth, n: int, *, use: str, rng: np.random.Generator
) -> list[int]:
    """Return up to n images of one truth, the same number from each set of a use."""
    sets = image_pools.material_sets(session.study, use=use, origin=ORIGINS[truth])
    shares = equal_shares(n=n, n_sources=len(sets), rng=rng)
    seen = _seen(session)
    chosen: list[int] = []
    for source, share in zip(sets, shares, strict=True):
        pool = image_pools.material_pool(session.study, source)
        chosen += _draw(pool, session, share, seen=seen, rng=rng)
    return [chosen[index] for index in rng.permutation(len(chosen))]


def draw_again(session: Session, trial: Trial, rng: np.random.Generator) -> int | None:
    """Return an image to repeat a trial with; None where all were seen."""
    study, truth = session.study, Truth(trial.truth)
    if trial.purpose == Trial.Purpose.GOLD:
        use = Material.Use.GOLD
        sets = image_pools.material_sets(study, use=use, origin=ORIGINS[truth])
        sources = [image_pools.material_pool(study, source) for source in sets]
    else:
        assert trial.arm is not None  # noqa: S101 - a trial of the task has an arm
        real_set, made = study.real_set, trial.arm.sample_set
        source = real_set if truth == Truth.REAL else made
        sources = [image_pools.scored_pool(study, source)]
    seen = _seen(session)
    for index in rng.permutation(len(sources)):
        drawn = _draw(sources[index], session, 1, seen=seen, rng=rng)
        if drawn:
            return drawn[0]
    return None


def _draw(
    pool: image_pools.ImagePool,
    session: Session,
    n: int,
    *,
    seen: set[str],
    rng: np.random.Generator,
) -> list[int]:
    """Return ids of images least shown so far, in random order; add them to the seen.

    Fewer come back where the pool has no more that were not seen.
    """
    if not n:
        return []
    row = shown_counts.of_set(session.study, session.population, pool.sample_set)
    drawn = _take(pool, n, n_shown=shown_counts.as_array(row), seen=seen, rng=rng)
    if drawn:
        shown_counts.add(row, [sample.position for sample in drawn], n=1)
    return [sample.pk for sample in drawn]


def _take(
    pool: image_pools.ImagePool,
    n: int,
    *,
    n_shown: shown_counts.Counts,
    seen: set[str],
    rng: np.random.Generator,
) -> list[Sample]:
    is_left = np.ones(n_shown.size, dtype=bool)
    drawn: list[Sample] = []
    # Only what was chosen is looked at closely: sets may hold 50,000 images. Where many
    # of those least shown may not be, ever more are chosen at once.
    n_more = n
    while len(drawn) < n and is_left.any():
        left = np.flatnonzero(is_left)
        chosen = choose_least_shown(
            shown_counts=n_shown[left], n=min(n_more, left.size), rng=rng
        )
        positions = left[chosen]
        is_left[positions] = False
        n_more *= 2
        found = {
            sample.position: sample
            for sample in pool.samples.filter(position__in=positions.tolist()).only(
                "position", "content_hash", "sample_set_id"
            )
        }
        # The rarest first, also of those that were chosen at once.
        for position in positions[np.argsort(n_shown[positions], kind="stable")]:
            sample = found.get(int(position))
            if sample is not None and sample.content_hash not in seen:
                seen.add(sample.content_hash)
                drawn.append(sample)
                if len(drawn) == n:
                    break
    return [drawn[index] for index in rng.permutation(len(drawn))]


def _seen(session: Session) -> set[str]:
    """Return the contents of a session, and those a person was shown in any other."""
    trials = Trial.objects.filter(
        Q(session=session)
        | Q(session__evaluator_id=session.evaluator_id, issued_at__isnull=False)
    )
    return set(trials.order_by().values_list("sample__content_hash", flat=True))


def _enough(drawn: list[int], n: int) -> list[int]:
    if len(drawn) < n:
        raise ConflictError(
            _(
                "There are too few images that you have not seen yet, so you cannot "
                "take part. Thank you for your interest."
            )
        )
    return drawn

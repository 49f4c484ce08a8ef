"""Which images deceive people, and which the metrics find odd: found by the worker."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from hypeweb.models import Evaluation, ImageFindings, Score, Study
from hypeweb.models.scores import Exclusions
from hypeweb.science.images import ImageRates, image_rates
from hypeweb.science.judgments_table import JudgmentsTable
from hypeweb.science.table_scores import plain
from hypeweb.services import comparisons, evaluations
from hypeweb.services.answer_details import judgments_behind

N_SHOWN = 6
# The nearest real image, how far it is, whether the image is in the real manifold.
Place = tuple[int | None, float | None, bool | None]


@dataclass(frozen=True)
class ImageFinding:
    """One image: how often it deceived, and what the metrics know of it."""

    sample_id: int
    n_wrong: int
    n_judged: int
    rate: float | None
    low: float | None
    high: float | None
    real_sample_id: int | None
    """The nearest real image in feature space; none for a real image."""
    distance: float | None
    is_inside: bool | None
    """Within the real manifold."""


@dataclass(frozen=True)
class ArmImages:
    """The images of one arm that stand out."""

    arm: str
    mean: float | None
    """Of the deception rates of all its images."""
    n_judged: int
    n_above: int
    """Clearly more deceptive than the mean: as far as the interval says."""
    n_below: int
    most: tuple[ImageFinding, ...]
    least: tuple[ImageFinding, ...]
    outliers: tuple[ImageFinding, ...]
    """Outside the real manifold, farthest from any real image first."""
    n_outside: int | None
    n_placed: int
    deceiving_outliers: tuple[ImageFinding, ...]
    """Outside the real manifold, yet taken for real more often than most."""
    obvious_insiders: tuple[ImageFinding, ...]
    """Within the real manifold, yet seen through more often than most."""


@dataclass(frozen=True)
class StudyImages:
    """The images of a study that stand out."""

    arms: tuple[ArmImages, ...]
    reals: tuple[ImageFinding, ...]
    """Real images most often called fake."""
    real_mean: float | None


def find_images(study_id: int, *, now: datetime) -> None:
    """Recompute which images of a study stand out, for each basis with scores."""
    study = Study.objects.get(pk=study_id)
    scored = Score.objects.filter(arm__study=study)
    bases = set(scored.values_list("population", "exclusions"))
    found = [
        ImageFindings(
            study=study,
            population=population,
            exclusions=exclusions,
            result=plain(
                find_in(
                    study,
                    judgments_behind(
                        study, population=population, exclusions=exclusions
                    ),
                )
            ),
            computed_at=now,
        )
        for population, exclusions in sorted(
            bases or {("people", str(Exclusions.NONE))}
        )
    ]
    with transaction.atomic():
        Study.objects.select_for_update(of=("self",)).get(pk=study_id)
        held = ImageFindings.objects.filter(study=study)
        if held.filter(computed_at__gt=now).exists():
            return  # a later reading was quicker
        held.delete()
        ImageFindings.objects.bulk_create(found)


def images_of(study: Study, *, population: str, exclusions: str) -> StudyImages | None:
    """Return what was last stored of a study's images."""
    stored = ImageFindings.objects.filter(
        study=study, population=population, exclusions=exclusions
    ).first()
    if stored is None:
        return None
    result = stored.result
    return StudyImages(
        arms=tuple(_read_arm(entry) for entry in result["arms"]),
        reals=_read(result["reals"]),
        real_mean=result["real_mean"],
    )


def _read_arm(entry: dict[str, Any]) -> ArmImages:
    lists = ("most", "least", "outliers", "deceiving_outliers", "obvious_insiders")
    return ArmImages(**{**entry, **{name: _read(entry[name]) for name in lists}})


def _read(entries: Iterable[dict[str, Any]]) -> tuple[ImageFinding, ...]:
    return tuple(ImageFinding(**entry) for entry in entries)


def find_in(study: Study, table: JudgmentsTable) -> StudyImages:
    """Return which images of a study stand out in these judgments."""
    samples = np.array(table.names["sample"], dtype=np.int64)
    arms = list(study.arms.all())
    names = comparisons.arm_names(arms)
    runs = evaluations.evaluations_of(study)
    answers = {
        name: table.evaluators(name)
        for name in names.values()
        if name in table.names["arm"]
    }
    everyone = [one for evaluators in answers.values() for one in evaluators]
    reals = image_rates(everyone, of_real=True)
    return StudyImages(
        arms=tuple(
            _arm(
                names[arm.pk],
                samples,
                image_rates(answers.get(names[arm.pk], []), of_real=False),
                runs.get(arm.sample_set_id),
            )
            for arm in arms
        ),
        reals=_most(_judged(reals, samples, {})),
        real_mean=None if reals is None else reals.mean,
    )


def _arm(
    name: str,
    samples: NDArray[np.int64],
    rates: ImageRates | None,
    run: Evaluation | None,
) -> ArmImages:
    placed: dict[int, Place] = {}
    if run is not None and run.state == Evaluation.State.DONE:
        rows = run.nearest.values_list(
            "sample_id", "real_sample_id", "distance", "is_inside"
        )
        placed = {sample: (real, far, inside) for sample, real, far, inside in rows}
    judged = _judged(rates, samples, placed)
    by_sample = {one.sample_id: one for one in judged}
    outside = sorted(
        (sample for sample, place in placed.items() if place[2] is False),
        key=lambda sample: -(placed[sample][1] or 0.0),
    )
    mean = None if rates is None else rates.mean
    above = [one for one in judged if mean is not None and _low(one) > mean]
    below = [one for one in judged if mean is not None and _high(one) < mean]
    knows_inside = any(place[2] is not None for place in placed.values())
    return ArmImages(
        arm=name,
        mean=mean,
        n_judged=len(judged),
        n_above=len(above),
        n_below=len(below),
        most=_most(judged),
        least=tuple(sorted(judged, key=_high)[:N_SHOWN]),
        n_placed=len(placed),
        n_outside=len(outside) if knows_inside else None,
        outliers=tuple(
            by_sample.get(sample) or _finding(sample, placed)
            for sample in outside[:N_SHOWN]
        ),
        deceiving_outliers=_most([one for one in above if one.is_inside is False]),
        obvious_insiders=tuple(
            sorted((one for one in below if one.is_inside), key=_high)[:N_SHOWN]
        ),
    )


def _judged(
    rates: ImageRates | None, samples: NDArray[np.int64], placed: Mapping[int, Place]
) -> list[ImageFinding]:
    if rates is None:
        return []
    rows = zip(
        samples[rates.image_ids].tolist(),
        rates.n_wrong.tolist(),
        rates.n_judged.tolist(),
        rates.rate.tolist(),
        rates.low.tolist(),
        rates.high.tolist(),
        strict=True,
    )
    return [
        replace(
            _finding(sample, placed),
            n_wrong=n_wrong,
            n_judged=n_judged,
            rate=rate,
            low=low,
            high=high,
        )
        for sample, n_wrong, n_judged, rate, low, high in rows
    ]


def _finding(sample: int, placed: Mapping[int, Place]) -> ImageFinding:
    real, distance, is_inside = placed.get(sample, (None, None, None))
    return ImageFinding(sample, 0, 0, None, None, None, real, distance, is_inside)


def _most(judged: Sequence[ImageFinding]) -> tuple[ImageFinding, ...]:
    """Return the likeliest to deceive: by the lower bound, so that few answers wait."""
    return tuple(sorted(judged, key=_low, reverse=True)[:N_SHOWN])


def _low(one: ImageFinding) -> float:
    return one.low or 0.0


def _high(one: ImageFinding) -> float:
    return 1.0 if one.high is None else one.high

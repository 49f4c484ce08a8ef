"""What the answers of each arm say beside the scores: computed in the worker."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hypeweb.models import Session, Study
from hypeweb.models.scores import Exclusions
from hypeweb.science.answers import EvaluatorAnswers
from hypeweb.science.images import ImageRates, image_rates
from hypeweb.science.judgments_table import JudgmentsTable
from hypeweb.science.learning import LearningCurve, learning_curve
from hypeweb.science.psychometric import ThresholdFit, fit_threshold
from hypeweb.science.thresholds import ArmThreshold, combine_thresholds
from hypeweb.services import comparisons, quality, scores


@dataclass(frozen=True, eq=False)
class ArmAnswers:
    """The answers on one arm, looked at more closely."""

    name: str
    evaluators: tuple[EvaluatorAnswers, ...]
    learning: LearningCurve
    image_rates: ImageRates | None
    """Of the generated images."""
    fits: tuple[ThresholdFit, ...]
    """One for each evaluator of a timed arm."""
    threshold: ArmThreshold | None


@dataclass(frozen=True, eq=False)
class AnswerDetails:
    """The answers on a study's arms, and on its real images over all arms."""

    arms: tuple[ArmAnswers, ...]
    sample_ids: NDArray[np.int64]
    """The sample of each of the images' numbers."""
    real_rates: ImageRates | None


def answer_details(
    study: Study, *, population: str, exclusions: str
) -> AnswerDetails | None:
    """Return what the answers of a population say, or None where nobody answered."""
    table = judgments_behind(study, population=population, exclusions=exclusions)
    if not table.truth.size:
        return None
    judged = set(table.names["arm"])
    names = comparisons.arm_names(list(study.arms.all())).values()
    arms = tuple(_arm(study, table, name) for name in names if name in judged)
    everyone = [one for arm in arms for one in arm.evaluators]
    return AnswerDetails(
        arms=arms,
        sample_ids=np.array(table.names["sample"], dtype=np.int64),
        real_rates=image_rates(everyone, of_real=True),
    )


def judgments_behind(
    study: Study, *, population: str, exclusions: str
) -> JudgmentsTable:
    """Return the judgments that a report's scores rest on."""
    left_out: set[int] = set()
    if exclusions == Exclusions.APPLIED:
        flagged = Session.objects.filter(
            study=study, population=population, quality_flags__isnull=False
        )
        found = flagged.values_list("pk", "quality_flags")
        left_out = quality.left_out(study, {pk: flags or () for pk, flags in found})
    return scores.judgments_of(study, population=population, without=left_out)


def _arm(study: Study, table: JudgmentsTable, name: str) -> ArmAnswers:
    evaluators = tuple(table.evaluators(name))
    fits: tuple[ThresholdFit, ...] = ()
    threshold = None
    if study.is_timed:
        limits_ms = (study.min_ms, study.max_ms)
        fits = tuple(
            fit_threshold(one.exposures_shown(), ~one.wrong, limits_ms=limits_ms)
            for one in evaluators
        )
        threshold = combine_thresholds(fits, limits_ms=limits_ms)
    return ArmAnswers(
        name=name,
        evaluators=evaluators,
        learning=learning_curve(evaluators, rng=np.random.default_rng(study.seed)),
        image_rates=image_rates(evaluators, of_real=False),
        fits=fits,
        threshold=threshold,
    )

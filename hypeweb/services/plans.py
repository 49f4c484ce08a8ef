"""What a study will take, before it starts: evaluators, minutes, money."""

from dataclasses import dataclass

import numpy as np

from hypeweb.models import Study
from hypeweb.models.study_pay import PaySettings
from hypeweb.science import planning
from hypeweb.science.planning import Plan, Terms
from hypeweb.science.populations import People, timed_people, untimed_people
from hypeweb.science.staircase import PRESETS, Rule
from hypeweb.services import designs, studies
from hypeweb.services.costs import Calibration, calibrate
from hypeweb.services.errors import DomainError

# A simulation of more takes longer than anybody waits for a plan.
MAX_TRIALS = 3000
WITHIN_IS_STRONGER = (
    ", or in more: the plan counts as if each arm had evaluators of its own."
)


@dataclass(frozen=True)
class Setup:
    """What an evaluator of the planned study does."""

    is_timed: bool
    n_images: int = 100
    rule: Rule = PRESETS["hype-2019"]
    n_blocks: int = 3
    images_per_block: int = 150
    n_arms_each: int = 1

    @property
    def n_trials(self) -> int:
        return self.n_blocks * self.images_per_block if self.is_timed else self.n_images


@dataclass(frozen=True)
class Preview:
    """What a study as its form has it takes and shows, in sentences."""

    plan: Plan
    sentences: tuple[str, ...]


def setup_of(study: Study) -> Setup:
    """Return the planned session of a study that is there."""
    return Setup(
        is_timed=study.is_timed,
        n_images=study.n_real + study.n_fake,
        rule=studies.rule_of(study),
        n_blocks=study.n_blocks,
        images_per_block=study.images_per_block,
        n_arms_each=designs.n_arms_each(study),
    )


def plan_width(
    setup: Setup,
    *,
    expected: float,
    half_width: float,
    calibration: Calibration,
    terms: Terms,
) -> Plan:
    """Return how many evaluators give an interval of the wanted half-width."""
    try:
        return planning.plan_width(
            _people(setup, expected, calibration),
            half_width=half_width,
            terms=terms,
            rng=np.random.default_rng(0),
        )
    except ValueError as error:
        raise DomainError(f"There is no such plan: {error}") from error


def plan_separation(
    setup: Setup,
    *,
    expected: tuple[float, float],
    power: float,
    calibration: Calibration,
    terms: Terms,
) -> Plan:
    """Return how many evaluators per arm tell two models apart."""
    try:
        first, second = (_people(setup, each, calibration) for each in expected)
        return planning.plan_separation(
            first, second, terms=terms, rng=np.random.default_rng(0), power=power
        )
    except ValueError as error:
        raise DomainError(f"There is no such plan: {error}") from error


def preview(
    setup: Setup, *, n_evaluators: int, n_arms: int, pay: PaySettings | None = None
) -> Preview:
    """Return what so many evaluators take and show, with usual models in mind.

    Without terms of pay it counts with those of the publication.
    """
    calibration = calibrate(is_timed=setup.is_timed)
    expected = (250.0, 300.0) if setup.is_timed else (0.3, 0.4)
    half_width = 20.0 if setup.is_timed else 0.03
    terms = terms_of(pay, calibration, n_arms_each=setup.n_arms_each)
    try:
        first, second = (_people(setup, each, calibration) for each in expected)
        plan = planning.plan_number(
            (first, second),
            n_evaluators=n_evaluators,
            n_arms=n_arms,
            terms=terms,
            rng=np.random.default_rng(0),
        )
    except ValueError as error:
        raise DomainError(f"There is no such plan: {error}") from error
    wanted = planning.plan_width(
        first, half_width=half_width, terms=terms, rng=np.random.default_rng(0)
    )
    return Preview(plan, _sentences(setup, plan, wanted, half_width, calibration))


def terms_of(
    pay: PaySettings | None, calibration: Calibration, *, n_arms_each: int = 1
) -> Terms:
    """Return pace and pay of a study, as the planner counts with them."""
    if pay is None:
        return Terms(calibration.seconds_per_trial, n_arms_each=n_arms_each)
    return Terms(
        calibration.seconds_per_trial,
        base_dollars=float(pay.pay_base),
        correct_dollars=float(pay.pay_per_correct),
        hourly_minimum_dollars=float(pay.pay_hourly_minimum),
        currency=pay.currency,
        n_arms_each=n_arms_each,
    )


def amount_text(value: float, *, is_timed: bool) -> str:
    """Return a width or difference in the unit of the protocol's score."""
    return f"{value:.0f} ms" if is_timed else f"{100 * value:.1f} points"


def _people(setup: Setup, expected: float, calibration: Calibration) -> People:
    if setup.n_trials > MAX_TRIALS:
        raise DomainError(
            f"A plan takes at most {MAX_TRIALS} images per evaluator; got "
            f"{setup.n_trials}."
        )
    if setup.n_trials < 1:
        raise DomainError(f"A plan needs at least 1 image; got {setup.n_trials}.")
    rng = np.random.default_rng(0)
    if not setup.is_timed:
        return untimed_people(
            error=expected,
            n_trials=setup.n_images,
            rng=rng,
            person_sd=calibration.person_spread,
        )
    return timed_people(
        setup.rule,
        threshold_ms=expected,
        trials=(setup.n_blocks, setup.images_per_block),
        rng=rng,
        log_spread=calibration.person_spread,
    )


def _sentences(
    setup: Setup,
    plan: Plan,
    wanted: Plan,
    half_width: float,
    calibration: Calibration,
) -> tuple[str, ...]:
    score = "HYPE_time" if setup.is_timed else "HYPE_inf"
    settles = (
        "The staircase settles at "
        f"{100 * setup.rule.convergence_point():.1f} % correct."
    )
    apart = (
        "thresholds of 250 and 300 ms" if setup.is_timed else "errors of 30 and 40 %"
    )
    known = amount_text(plan.half_width or 0.0, is_timed=setup.is_timed)
    width = amount_text(half_width, is_timed=setup.is_timed)
    shown = (
        f"Each arm's {score} will be known to about ±{known}, and two models with "
        f"{apart} are told apart in {100 * (plan.power or 0):.0f} of 100 such studies"
        f"{WITHIN_IS_STRONGER if setup.n_arms_each > 1 else '.'}"
    )
    of_arms = " per arm" * (setup.n_arms_each == 1)
    more = (
        f"±{width} takes {wanted.n_evaluators} evaluators{of_arms}."
        if wanted.n_evaluators
        else f"±{width} is out of reach."
    )
    told = (plan.statement, shown, more, calibration.statement)
    return (settles, *told) if setup.is_timed else told

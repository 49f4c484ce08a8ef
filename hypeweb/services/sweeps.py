"""Sweeps: arms that differ in one thing, in the order of that thing."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from hypeweb.models import SampleSet, Study
from hypeweb.services.errors import DomainError

Axis = Study.SweepAxis
MIN_ARMS = 2


@dataclass(frozen=True)
class PlacedSet:
    """A generated set as an arm: what it is called, and where on the axis it lies."""

    sample_set: SampleSet
    label: str
    axis_value: float | None


def place(axis: str, sample_sets: Sequence[SampleSet]) -> list[PlacedSet]:
    """Return the sets as a study's arms, in the order of its axis where it has one."""
    if axis == Axis.NONE:
        return [PlacedSet(made, made.name, None) for made in sample_sets]
    if len(sample_sets) < MIN_ARMS:
        raise DomainError("A sweep needs at least two generated sets; choose more.")
    _check_one_model(sample_sets)
    _check_the_rest_is_equal(axis, sample_sets)
    placed = sorted(
        (
            PlacedSet(made, _label(axis, made), _value(axis, made))
            for made in sample_sets
        ),
        key=lambda one: one.axis_value or 0.0,
    )
    for first, second in itertools.pairwise(placed):
        if first.axis_value == second.axis_value:
            raise DomainError(
                f"“{first.sample_set}” and “{second.sample_set}” both stand at "
                f"{first.label}; a sweep takes one set for each value."
            )
    return placed


def moved(study: Study) -> list[str]:
    """Return a sentence for each arm whose set was described anew since the draft."""
    if not study.is_sweep:
        return []
    return [
        f"“{arm.sample_set}” no longer stands at {arm.label}; change it back, or draft "
        "the sweep again."
        for arm in study.arms.select_related("sample_set")
        if _value_or_none(study.sweep_axis, arm.sample_set) != arm.axis_value
    ]


def tick(axis: str, value: float) -> str:
    """Return a place on an axis as it is printed beside it."""
    if axis == Axis.STEP:
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return "none" if math.isinf(value) else f"{value:g}"


def _label(axis: str, made: SampleSet) -> str:
    value = _value(axis, made)
    if axis == Axis.STEP:
        return f"step {tick(axis, value)}"
    return "no truncation" if math.isinf(value) else f"truncation {tick(axis, value)}"


def _value(axis: str, made: SampleSet) -> float:
    value = _value_or_none(axis, made)
    if value is None:
        raise DomainError(
            f"“{made}” has no checkpoint step; fill it in, or leave the set out."
        )
    return value


def _value_or_none(axis: str, made: SampleSet) -> float | None:
    if axis == Axis.TRUNCATION:
        # Nothing lies beyond infinity: the limit of ever weaker truncation.
        return math.inf if made.truncation is None else made.truncation
    return None if made.step is None else float(made.step)


def _check_one_model(sample_sets: Sequence[SampleSet]) -> None:
    models = sorted({made.model_name for made in sample_sets})
    if len(models) > 1:
        named = " and ".join(
            f"“{name}”" if name else "an unnamed one" for name in models
        )
        raise DomainError(
            f"A sweep follows one model, and these sets come from {named}; choose the "
            "sets of one, or make a study without a sweep."
        )


def _check_the_rest_is_equal(axis: str, sample_sets: Sequence[SampleSet]) -> None:
    """Refuse sets that differ in the other axis too: the curve would mix both."""
    field = "truncation" if axis == Axis.STEP else "step"
    values = {getattr(made, field) for made in sample_sets}
    if len(values) > 1:
        named = ", ".join(sorted("none" if v is None else f"{v:g}" for v in values))
        raise DomainError(
            f"These sets also differ in {field} ({named}), so a curve over "
            f"{Axis(axis).label} would mix both; choose sets of one {field}."
        )

"""Scores of the crowd and of experts apart, as they are stored and read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypeweb.models import GroupScores, Score, Study
from hypeweb.models.pools import Pool
from hypeweb.science.estimates import Estimate


@dataclass(frozen=True)
class Number:
    """One number of an arm, as a row of `Score` holds it."""

    kind: Score.Kind
    estimate: Estimate
    note: str = ""
    bound: str = ""
    statement: str = ""
    person_spread: float | None = None


@dataclass(frozen=True)
class GroupNumber:
    """One number of one arm from one group."""

    kind: str
    value: float | None
    low: float | None
    high: float | None
    note: str
    bound: str
    statement: str
    n_evaluators: int
    n_judgments: int


@dataclass(frozen=True)
class OfGroup:
    """What one group says: numbers by arm."""

    group: str
    label: str
    arms: dict[int, tuple[GroupNumber, ...]]


def as_result(arm_id: int, numbers: Sequence[Number]) -> dict[str, Any]:
    """Return the numbers of one arm as they are stored."""
    return {
        "arm": arm_id,
        "numbers": [
            {
                "kind": number.kind.value,
                "value": number.estimate.value,
                "low": number.estimate.low,
                "high": number.estimate.high,
                "note": number.note,
                "bound": number.bound,
                "statement": number.statement,
                "n_evaluators": number.estimate.n_evaluators,
                "n_judgments": number.estimate.n_judgments,
            }
            for number in numbers
            if number.estimate.value is not None or number.statement
        ],
    }


def groups_of(study: Study, *, population: str, exclusions: str) -> list[OfGroup]:
    """Return what each group says; nothing where all came from one."""
    stored = GroupScores.objects.filter(
        study=study, population=population, exclusions=exclusions
    )
    return [
        OfGroup(
            group=one.group,
            label=str(Pool.Group(one.group).label),
            arms={
                entry["arm"]: tuple(
                    GroupNumber(**number) for number in entry["numbers"]
                )
                for entry in one.result
            },
        )
        for one in stored
    ]

"""Scores of the crowd and of experts apart, as they are stored and read."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

from hypeweb.models import GroupScores, Score, Study
from hypeweb.models.pools import Pool


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


def as_result(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """Return scores of a group as they are stored, arm by arm."""
    kept = [one.name for one in fields(GroupNumber)]
    return [
        {
            "arm": arm_id,
            "numbers": [{name: getattr(one, name) for name in kept} for one in of_arm],
        }
        for arm_id, of_arm in groupby(scores, key=lambda score: score.arm_id)
    ]


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

from dataclasses import dataclass, fields
from typing import Literal

import pytest

from hypeweb.services import report_formats, reports, scores, snapshots
from hypeweb.services.reports import Report
from tests.factories import NOW, join, walk


@dataclass(frozen=True)
class Leaf:
    name: Literal["a", "b"]
    value: float | None


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    pair: tuple[str, int]
    facts: dict[str, object]


def test_values_come_back_as_they_were():
    tree = Tree(
        leaves=(Leaf("a", 0.1 + 0.2), Leaf("b", None), Leaf("a", float("inf"))),
        pair=("x", 3),
        facts={"kept": [1, {"deep": True}]},
    )
    assert snapshots.load(Tree, snapshots.dump(tree)) == tree


@pytest.mark.parametrize(
    "spoilt",
    [
        {"name": "c", "value": 1.0},
        {"name": "a", "value": "much"},
        {"name": "a"},
        ["a", 1.0],
        None,
    ],
)
def test_what_is_no_such_value_is_refused(spoilt):
    with pytest.raises(ValueError, match="no stored Leaf of this program"):
        snapshots.load(Leaf, spoilt)


def test_what_a_report_cannot_hold_is_refused():
    with pytest.raises(TypeError, match="cannot hold a set"):
        snapshots.dump({1, 2})


@pytest.mark.django_db
def test_a_report_comes_back_without_a_query(study, django_assert_num_queries):
    for answers in ("rrrr", "wwrr", "rrrw", "wwww"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    report = reports.build_report(study)
    plain = snapshots.dump(report)
    with django_assert_num_queries(0):
        back = snapshots.load(Report, plain)
        assert report_formats.as_json(back) == report_formats.as_json(report)
        assert report_formats.as_csv_rows(back) == report_formats.as_csv_rows(report)
        assert report_formats.as_text(back) == report_formats.as_text(report)
        assert back.study.real_set.name == report.study.real_set.name
    # Compared field by field, the study by its number.
    for field in fields(Report):
        assert getattr(back, field.name) == getattr(report, field.name)


@pytest.mark.django_db
def test_nobody_is_invited_by_what_is_published(study):
    pool = study.pools.get()
    assert pool.token not in str(snapshots.dump(pool))
    assert not {"owner", "owner_id", "project_id"} & set(snapshots.dump(study))

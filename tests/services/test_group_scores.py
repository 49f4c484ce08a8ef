"""The crowd and experts apart."""

import json

import pytest
from django.urls import reverse

from hypeweb.models import GroupScores, Pool, Score
from hypeweb.services import report_formats, scores
from hypeweb.services.reports import build_report
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_groups(study):
    """Two sessions of the crowd, always right, and two of experts, always wrong."""
    experts = Pool.objects.create(
        study=study, name="Radiologists", group=Pool.Group.EXPERTS, token="experts"
    )
    sessions = [walk(join(study), answers) for answers in ("rrrr", "rrrr")]
    for session in [walk(join(study), answers) for answers in ("wwww", "wwww")]:
        session.pool = experts
        session.save()
    assert {session.pool.group for session in sessions} == {"crowd"}
    scores.score_study(study.pk, now=NOW)
    return study


def lines_of(study):
    found = build_report(study).groups
    return [
        (line.arm_label, line.group_label, line.n_evaluators, line.cells[0].text)
        for line in found.lines
    ]


def test_each_group_has_its_own_scores(two_groups):
    assert lines_of(two_groups) == [
        ("made 0", "crowd", 1, "0.0"),
        ("made 0", "experts", 1, "100.0"),
        ("made 1", "crowd", 1, "0.0"),
        ("made 1", "experts", 1, "100.0"),
    ]
    both = Score.objects.get(arm__label="made 0", kind="hype_inf", exclusions="none")
    assert (both.value, both.n_evaluators) == (0.5, 2)


def test_one_group_is_the_whole_study(study):
    for _ in range(2):
        walk(join(study), "rrrr")
    scores.score_study(study.pk, now=NOW)
    assert not GroupScores.objects.exists()
    assert build_report(study).groups is None


def test_scoring_again_replaces_what_groups_said(two_groups):
    scores.score_study(two_groups.pk, now=NOW)
    assert GroupScores.objects.count() == 4  # two groups, with and without exclusions


def test_page_and_json_say_the_same(two_groups, researcher_client):
    told = json.loads(json.dumps(report_formats.as_json(build_report(two_groups))))
    assert [(one["arm"], one["group"]) for one in told["groups"]] == [
        line[:2] for line in lines_of(two_groups)
    ]
    assert told["groups"][1]["numbers"]["hype_inf"]["text"] == "100.0"
    page = researcher_client.get(reverse("report", args=[two_groups.slug])).content
    assert b"Crowd and experts" in page

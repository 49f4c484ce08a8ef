"""What the page of a report says plainly when something is missing."""

import html
import re

import pytest
from django.urls import reverse

from hypeweb.models import Evaluation, Score
from hypeweb.services import evaluations, scores
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


@pytest.fixture
def read(researcher_client):
    """Return the words of a study's report, without the markup."""

    def words(study):
        response = researcher_client.get(reverse("report", args=[study.slug]))
        assert response.status_code == 200
        main = response.content.decode().split("<main", 1)[1]
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())

    return words


def judged(study, *answers):
    for one in answers:
        walk(join(study), one)
    scores.score_study(study.pk, now=NOW)


def measured(study):
    for evaluation in evaluations.request_evaluations(study):
        evaluations.run_evaluation(evaluation.pk)


def test_one_arm_is_shown_and_ranked_by_nobody(read, researcher):
    study = factories.open_study(researcher, protocol="hype_inf", n_arms=1)
    judged(study, "rrrw", "rrrw")
    page = read(study)
    assert "“made 0” is the only arm, so there is no ranking: HYPE_inf 25.0 %." in page
    assert "People and metrics" not in page
    assert "made 0 metrics were not requested 25.0 †" in page


def test_without_evaluators_the_metrics_are_shown(read, study):
    measured(study)
    page = read(study)
    assert "People have not judged enough yet to rank the arms." in page
    assert "No evaluator's judgments count yet, so there is no human score." in page
    fid = study.arms.first().sample_set.evaluations.get().results.get(name="fid")
    assert f"{fid.value:.2f}" in page
    assert "not yet" in page


def test_without_evaluations_the_people_are_shown(read, study):
    judged(study, "rrrr", "wwrr", "rrrw", "wwww")
    page = read(study)
    assert "People rank by HYPE_inf: " in page
    assert (
        "The metrics do not rank the arms; no FID: metrics were not requested." in page
    )


def test_a_failed_evaluation_says_why_beside_its_arm(read, study):
    measured(study)
    failed = study.arms.get(label="made 1").sample_set.evaluations.get()
    failed.results.all().delete()
    Evaluation.objects.filter(pk=failed.pk).update(
        state="failed", error="The weights are missing."
    )
    page = read(study)
    assert "made 1 metrics failed: The weights are missing." in page
    assert "made 0 metrics failed" not in page
    assert "The metrics do not rank the arms" in page


def test_ties_are_said_and_both_marked(read, study):
    judged(study, "rrrr", "rrrr", "wwrr", "wwrr")
    Score.objects.filter(kind="hype_inf").update(value=0.3)
    page = read(study)
    assert "equally “made 0” and “made 1” (30.0 %)" in page
    assert len(re.findall(r"30\.0 († see the note below the table )?best", page)) == 2


def test_what_the_metrics_rest_on_is_printed_line_by_line(read, study):
    measured(study)
    page = read(study)
    run = study.arms.first().sample_set.evaluations.get()
    assert f"counts.real {run.provenance['counts']['real']}" in page
    assert f"versions.torch {run.provenance['versions']['torch']}" in page
    assert "skipped.fake none" in page
    assert "{'" not in page

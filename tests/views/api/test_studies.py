import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hypeweb.models import Evaluation, Study
from hypeweb.services import evaluations, scores
from hypeweb.views.api.study_settings import setting_fields
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


def study_body(study, **fields):
    return {
        "name": "From a script",
        "real_set": study.real_set_id,
        "arms": [arm.sample_set_id for arm in study.arms.all()],
        "n_real": 2,
        "n_fake": 2,
        "extractor": "digits",
        **fields,
    }


@pytest.mark.django_db(transaction=True)
def test_a_study_is_made_opened_and_closed(script, study):
    body = study_body(study, feedback=False, min_ms=50, preset="weighted-75")
    made = script.post("/studies", body)
    assert made.status_code == 201, made.json()
    created = made.json()
    assert created["state"] == "draft"
    assert created["invitation_url"] is None
    settings = created["settings"]
    assert (settings["feedback"], settings["min_ms"]) == (False, 50)
    assert settings["preset"] == "weighted-75"
    path = f"/studies/{created['slug']}"
    assert script.get(path).json()["blockers"] == []
    opened = script.post(f"{path}/open")
    stored = Study.objects.get(slug=created["slug"])
    assert opened.json()["state"] == "open"
    invitation = factories.link(stored)
    assert opened.json()["invitation_url"] == f"http://testserver{invitation}"
    assert script.post(f"{path}/open").status_code == 409
    closed = script.post(f"{path}/close").json()
    assert (closed["state"], closed["invitation_url"]) == ("closed", None)


@pytest.mark.django_db(transaction=True)
def test_a_study_sent_twice_is_made_once(script, study):
    body = study_body(study)
    first = script.post("/studies", body, key="once")
    again = script.post("/studies", body, key="once")
    assert again.status_code == first.status_code == 201
    assert again.json() == first.json()
    other = script.post("/studies", study_body(study, name="x"), key="once")
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"
    assert Study.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"arms": []}, 422, "body.arms: List should have at least 1 item"),
        ({"name": " "}, 422, "body.name: String should match pattern"),
        ({"name": "a\0b"}, 422, "body.name: String should match pattern"),
        ({"arms": [999_999]}, 404, "There is no sample set 999999 among yours."),
        ({"min_ms": 900, "start_ms": 500}, 400, "shortest, start, longest"),
        ({"protocol": "hype_time", "images_per_block": 5}, 400, "must be even"),
        ({"extractor": "torchscript:/etc/passwd"}, 422, "body.extractor: Input should"),
        (
            {"n_masks": 25},
            422,
            "body.n_masks: Input should be less than or equal to 24",
        ),
        ({"n_real": -1}, 422, "body.n_real: Input should be greater than"),
    ],
)
def test_a_study_that_cannot_be_is_a_sentence(script, study, fields, status, sentence):
    response = script.post("/studies", study_body(study, **fields))
    assert response.status_code == status
    assert sentence in response.json()["message"]
    assert Study.objects.count() == 1


def test_every_setting_can_be_given(script, study):
    described = script.client.get("/api/v1/openapi.json").json()
    given = described["components"]["schemas"]["StudyIn"]["properties"]
    shown = set(script.get(f"/studies/{study.slug}").json()["settings"])
    # Which sets a qualification draws from is not given by scripts yet.
    assert shown - {"materials"} == set(given)
    assert {field.name for field in setting_fields()} < set(given)


def test_sessions_are_counted_without_truth_or_identity(script, study):
    session = walk(join(study), "rrrw")
    join(study)
    rows = script.get(f"/studies/{study.slug}/sessions").json()
    assert rows["count"] == 2
    first, second = rows["items"]
    assert {first["state"], second["state"]} == {"running", "finished"}
    assert sorted(row["n_judgments"] for row in rows["items"]) == [0, 4]
    assert first["n_trials"] == 4
    told = str(rows)
    assert session.token not in told
    assert "truth" not in told
    assert "evaluator" not in told
    counts = script.get(f"/studies/{study.slug}/sessions/counts").json()
    assert sorted(count["n_sessions"] for count in counts) == [1, 1]


def test_scores_evaluations_and_the_report_are_read_back(script, study):
    for run in evaluations.request_evaluations(study):
        evaluations.run_evaluation(run.pk)
    for _ in range(2):
        walk(join(study), "rrrw")
    scores.score_study(study.pk, now=NOW)
    found = script.get(f"/studies/{study.slug}/scores", population="people").json()
    assert found["count"] == len(found["items"]) > 4
    inf = [row for row in found["items"] if row["kind"] == "hype_inf"]
    assert [row["value"] for row in inf] == [0.25, 0.25]
    runs = script.get(f"/studies/{study.slug}/evaluations").json()["items"]
    names = {result["name"] for result in runs[0]["results"]}
    assert "fid" in names
    assert runs[0]["provenance"]["extractor"] == "digits"
    assert {"code", "message"} == set(runs[0]["warnings"][0])
    assert script.get(f"/evaluations/{runs[0]['id']}").json() == runs[0]
    report = script.get(f"/studies/{study.slug}/report").json()
    script.client.force_login(script.token.user)
    page = script.client.get(reverse("report_json", args=[study.slug]))
    assert report == page.json()


def test_evaluations_are_started_and_retried(script, study):
    started = script.post(f"/studies/{study.slug}/evaluations")
    assert started.status_code == 202
    assert [run["state"] for run in started.json()["items"]] == ["queued"] * 2
    pk = started.json()["items"][0]["id"]
    retry = f"/studies/{study.slug}/evaluations/{pk}/retry"
    assert script.post(retry).status_code == 409
    Evaluation.objects.filter(pk=pk).update(state="failed", error="No weights.")
    assert script.get(f"/evaluations/{pk}").json()["error"] == "No weights."
    assert script.post(retry).json()["state"] == "queued"
    assert script.post(f"/studies/{study.slug}/evaluations/9/retry").status_code == 404


def test_exports_are_files(script, study):
    walk(join(study))
    address = f"/studies/{study.slug}/exports/judgments"
    response = script.get(address, format="csv", scored_only=True)
    text = b"".join(response.streaming_content).decode()
    assert len(list(csv.DictReader(io.StringIO(text)))) == 4
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    unknown = script.get(address, format="xls")
    assert unknown.status_code == 422
    dictionary = script.get("/data-dictionary").json()
    assert dictionary[0]["what"] == "judgments"


@pytest.mark.parametrize(
    "path",
    [
        "/studies",
        "/studies/{slug}/sessions",
        "/studies/{slug}/scores",
        "/studies/{slug}/evaluations",
        "/projects",
    ],
)
def test_lists_take_the_same_queries_for_one_and_many(
    script, researcher, study, path, django_assert_num_queries, tmp_path
):
    def fill():
        walk(join(study))
        scores.score_study(study.pk, now=NOW)
        evaluations.request_evaluations(study)

    address = path.format(slug=study.slug)
    script.get(address)  # the token's first use is written down
    fill()
    few = _counted(script, address)
    for number in range(3):
        fill()
        Study.objects.create(
            name="more",
            slug=f"more-{number}",
            owner=researcher,
            project=study.project,
            real_set=study.real_set,
            protocol="hype_inf",
            seed=1,
        )
    with django_assert_num_queries(few):
        assert script.get(address).status_code == 200


def _counted(script, address):
    with CaptureQueriesContext(connection) as found:
        script.get(address)
    return len(found)

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from hypeweb.forms import StudyForm
from hypeweb.models import Evaluation, LeakAudit, SampleSet, Study
from hypeweb.services import evaluations, scores
from tests import factories
from tests.factories import NOW, images_zip, join, walk, zip_bytes

pytestmark = pytest.mark.django_db


def text(response):
    return response.content.decode()


def upload(client, data, *, name="digits", filename="digits.zip", **fields):
    return client.post(
        reverse("sample_set_new"),
        {
            "name": name,
            "origin": "real",
            "archive": SimpleUploadedFile(filename, data),
            **fields,
        },
        follow=True,
    )


@pytest.mark.django_db(transaction=True)
def test_an_uploaded_zip_becomes_a_browsable_set(researcher_client):
    page = text(upload(researcher_client, images_zip(3, seed=0)))
    sample_set = SampleSet.objects.get()
    assert sample_set.n_samples == 3
    sample = sample_set.samples.first()
    image = reverse("sample_image", args=[sample.pk])
    page = text(researcher_client.get(reverse("sample_set", args=[sample_set.pk])))
    assert image in page
    assert researcher_client.get(image)["Content-Type"] == "image/png"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (zip_bytes({"notes.txt": b"x"}), "The archive holds no usable image"),
        (b"no zip", "is cut short or damaged, or not what its name says"),
    ],
)
def test_a_bad_zip_is_a_sentence_on_the_sets_page(researcher_client, data, sentence):
    upload(researcher_client, data)
    page = researcher_client.get(
        reverse("sample_set", args=[SampleSet.objects.get().pk])
    )
    assert sentence in text(page)


def test_a_file_of_another_kind_is_refused_in_the_form(researcher_client):
    response = upload(researcher_client, b"x", filename="images.rar")
    assert response.status_code == 400
    assert "The file must end in one of" in text(response)
    assert not SampleSet.objects.exists()


def test_a_taken_name_is_refused_in_the_form(researcher_client, study):
    response = upload(researcher_client, images_zip(1, seed=0), name="real")
    assert response.status_code == 400
    assert "already has a sample set named" in text(response)


LIMITS = {
    "min_width_px": 600,
    "min_height_px": 500,
    "min_refresh_hz": 50,
    "idle_limit_min": 60,
    "duration_limit_min": 240,
}


def study_fields(study, **fields):
    form = StudyForm(sample_sets=SampleSet.objects.all())
    initial = {
        name: form.get_initial_for_field(field, name)
        for name, field in form.fields.items()
    }
    return {
        **{name: value for name, value in initial.items() if value},
        "name": "New",
        "question": "Real?",
        "real_set": study.real_set_id,
        "arms": [arm.sample_set_id for arm in study.arms.all()],
        "protocol": "hype_inf",
        "preset": "hype-2019",
        "evaluators_per_arm": 5,
        "n_real": 2,
        "n_fake": 2,
        "n_blocks": 1,
        "images_per_block": 4,
        "image_rendering": "pixelated",
        **LIMITS,
        "extractor": "digits",
        "language": "auto",
        "consent_text": "Yes.",
        **fields,
    }


@pytest.mark.django_db(transaction=True)
def test_a_study_is_created_opened_and_closed(researcher_client, study):
    response = researcher_client.post(reverse("study_new"), study_fields(study))
    created = Study.objects.get(name="New")
    assert response.url == reverse("study", args=[created.slug])
    assert Evaluation.objects.filter(state="done").count() == 2
    assert factories.link(created) not in text(researcher_client.get(response.url))
    researcher_client.post(reverse("study_open", args=[created.slug]))
    page = text(researcher_client.get(response.url))
    assert factories.link(created) in page
    researcher_client.post(reverse("study_close", args=[created.slug]))
    created.refresh_from_db()
    assert created.state == "closed"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"arms": []}, "Choose at least one generated sample set."),
        ({"protocol": "hype_time", "images_per_block": 5}, "must be even"),
        ({"n_real": 0}, "greater than or equal to 1"),
        ({"real_set": 999_999}, "valid choice"),
        ({"arms": [10**30]}, "not one of the available choices"),
    ],
)
def test_a_study_that_cannot_work_is_a_sentence_in_the_form(
    researcher_client, study, fields, sentence
):
    response = researcher_client.post(
        reverse("study_new"), study_fields(study, **fields)
    )
    assert response.status_code == 400
    assert sentence in text(response)
    assert Study.objects.count() == 1


@pytest.mark.parametrize("path", ["report", "report_json", "report_csv"])
def test_the_report_is_there_before_anything_is_known(researcher_client, study, path):
    response = researcher_client.get(reverse(path, args=[study.slug]))
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["report", "report_json", "report_csv", "study"])
def test_the_reports_formats(researcher_client, study, path):
    for evaluation in evaluations.request_evaluations(study):
        evaluations.run_evaluation(evaluation.pk)
    for _ in range(4):
        walk(join(study), "rrrw")
    scores.score_study(study.pk, now=NOW)
    response = researcher_client.get(reverse(path, args=[study.slug]))
    assert response.status_code == 200
    if path == "report_json":
        numbers = json.loads(response.content)["arms"][0]["numbers"]
        assert numbers["hype_inf"]["text"] == "25.0"
    elif path == "report_csv":
        assert text(response).startswith(
            "arm,population,exclusions,evaluators,judgments"
        )
    else:
        assert "made 0" in text(response)


def test_an_unknown_population_is_a_sentence(researcher_client, study):
    response = researcher_client.get(
        reverse("report", args=[study.slug]), {"population": "martians"}
    )
    assert response.status_code == 400
    assert "must be people or simulated" in text(response)


def test_a_failed_evaluation_is_retried_from_the_page(researcher_client, study):
    failed = evaluations.request_evaluations(study)[0]
    Evaluation.objects.filter(pk=failed.pk).update(state="failed", error="No weights.")
    page = text(researcher_client.get(reverse("study_evaluations", args=[study.slug])))
    assert "No weights." in page
    retry = reverse("evaluation_retry", args=[failed.pk])
    assert retry in page
    wrong = researcher_client.post(retry, {"study": "no such"})
    assert wrong.status_code == 404
    failed.refresh_from_db()
    assert failed.state == "failed"
    assert researcher_client.post(retry, {"study": study.slug}).status_code == 302
    failed.refresh_from_db()
    assert failed.state == "queued"


def test_a_leak_is_overridden_from_the_page(researcher_client, researcher, tmp_path):
    draft = factories.draft_study(researcher, protocol="hype_inf", folder=tmp_path)
    LeakAudit.objects.update(verdict="leak", sentence="“made 0” has a frame.")
    page = reverse("study", args=[draft.slug])
    assert "“made 0” has a frame." in text(researcher_client.get(page))
    override = reverse("leak_audit_override", args=[draft.slug])
    refused = researcher_client.post(override, {"reason": "no"})
    assert refused.status_code == 400
    assert "at least 10 characters" in text(refused)
    reason = "We study frames."
    assert researcher_client.post(override, {"reason": reason}).url == page
    assert reason in text(researcher_client.get(page))
    assert researcher_client.post(reverse("study_open", args=[draft.slug])).url == page
    report = text(researcher_client.get(reverse("report", args=[draft.slug])))
    assert reason in report


@pytest.mark.django_db(transaction=True)
def test_a_failed_leak_audit_is_retried_from_the_page(
    researcher_client, researcher, tmp_path
):
    draft = factories.draft_study(researcher, protocol="hype_inf", folder=tmp_path)
    LeakAudit.objects.update(state="failed", verdict="", error="No storage.")
    page = text(researcher_client.get(reverse("study", args=[draft.slug])))
    assert "No storage." in page
    researcher_client.post(reverse("leak_audit_start", args=[draft.slug]))
    assert LeakAudit.objects.get().state == "done"


RESEARCHER_PAGES = [
    ("projects", None),
    ("report_links", "study"),
    ("report_versions", "study"),
    ("sample_sets", None),
    ("sample_set_new", None),
    ("sample_set", "set"),
    ("sample_set_edit", "set"),
    ("sample_set_report", "set"),
    ("sample_set_zip", "set"),
    ("skipped_csv", "set"),
    ("sample", "sample"),
    ("sample_image", "sample"),
    ("sample_thumbnail", "sample"),
    ("studies", None),
    ("study_new", None),
    ("study_plan", None),
    ("study", "study"),
    ("study_evaluations", "study"),
    ("report", "study"),
    ("report_json", "study"),
    ("report_csv", "study"),
    ("comparisons_csv", "study"),
    ("exports", "study"),
    ("dictionary_csv", None),
]


def address(name, kind, study):
    targets = {
        "set": study.real_set_id,
        "sample": study.real_set.samples.first().pk,
        "study": study.slug,
    }
    return reverse(name, args=[targets[kind]] if kind else [])


@pytest.mark.parametrize(("name", "kind"), RESEARCHER_PAGES)
def test_strangers_are_sent_to_the_login(study, name, kind):
    response = Client().get(address(name, kind, study))
    assert response.status_code == 302
    assert response.url.startswith(reverse("login"))


@pytest.mark.parametrize(
    ("name", "kind"), [page for page in RESEARCHER_PAGES if page[1]]
)
def test_another_researchers_objects_are_not_there(study, name, kind):
    client = Client()
    client.force_login(factories.make_user("other"))
    response = client.get(address(name, kind, study))
    assert response.status_code == 404
    assert "among yours" in text(response)


@pytest.mark.parametrize(("name", "kind"), RESEARCHER_PAGES)
def test_an_admin_sees_every_page(study, name, kind):
    client = Client()
    client.force_login(factories.make_user("boss", is_staff=True))
    assert client.get(address(name, kind, study)).status_code == 200


@pytest.mark.parametrize("name", ["study_open", "study_close"])
def test_another_researcher_can_change_nothing(study, name):
    client = Client()
    client.force_login(factories.make_user("other"))
    assert client.post(reverse(name, args=[study.slug])).status_code == 404
    study.refresh_from_db()
    assert study.is_open


@pytest.mark.parametrize("name", ["studies", "sample_sets"])
def test_lists_take_the_same_queries_for_one_and_many(
    researcher, researcher_client, study, name, django_assert_num_queries, tmp_path
):
    with django_assert_num_queries(5):
        researcher_client.get(reverse(name))
    for number in range(3):
        factories.make_sample_set(
            researcher, f"more {number}", folder=tmp_path, origin="real"
        )
        Study.objects.create(
            name="more",
            slug=f"more-{number}",
            owner=researcher,
            project=study.project,
            real_set=study.real_set,
            protocol="hype_inf",
            seed=1,
        )
    with django_assert_num_queries(5):
        researcher_client.get(reverse(name))


def test_every_table_is_in_the_admin(study):
    from django.apps import apps  # noqa: PLC0415
    from django.contrib import admin  # noqa: PLC0415

    client = Client()
    client.force_login(factories.make_user("root", is_staff=True, is_superuser=True))
    walk(join(study))
    for model in apps.get_app_config("hypeweb").get_models():
        assert admin.site.is_registered(model), model
        name = f"admin:hypeweb_{model._meta.model_name}_changelist"  # noqa: SLF001
        assert client.get(reverse(name)).status_code == 200


def test_the_front_door_and_the_login(db):
    client = Client()
    assert client.get("/").status_code == 200
    assert client.get(reverse("login")).status_code == 200
    assert client.get("/health/").json() == {"status": "ok"}
    assert client.get("/nothing/here/").status_code == 404


def test_every_response_carries_the_security_headers(db):
    response = Client().get("/")
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"


PLAN = {
    "protocol": "hype_inf",
    "n_arms": 2,
    "evaluators_per_arm": 30,
    "n_real": 50,
    "n_fake": 50,
    "preset": "hype-2019",
    "n_blocks": 3,
    "images_per_block": 150,
    "pay_per_correct": "0.02",
    "pay_hourly_minimum": "12",
    "currency": "USD",
}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "30 evaluators per arm, 10 minutes and $2.00 each, $120 in all."),
        ({"currency": "EUR"}, "10 minutes and EUR 2.00 each, EUR 120 in all."),
        ({"pay_hourly_minimum": "", "pay_per_correct": ""}, "minutes each, unpaid."),
        ({"protocol": "hype_time"}, "thresholds of 250 and 300 ms"),
        ({"evaluators_per_arm": ""}, "Fill in the protocol and at least two"),
        ({"evaluators_per_arm": 5000}, "between 2 and 2000, got 5000"),
        ({"n_real": 10**9}, "at most 3000 images"),
        ({"preset": "x"}, "Fill in the protocol and at least two"),
    ],
)
def test_the_plan_follows_the_forms_fields(researcher_client, fields, sentence):
    response = researcher_client.get(reverse("study_plan"), {**PLAN, **fields})
    assert response.status_code == 200
    assert sentence in text(response)


def test_a_watched_study_says_on_its_page_where_it_stands(researcher_client, study):
    address = reverse("study", args=[study.slug])
    assert "Watched while it runs</h2>" not in text(researcher_client.get(address))
    Study.objects.update(watch_sequentially=True)
    for _ in range(2):
        walk(join(study))
    scores.score_study(study.pk, now=NOW)
    page = text(researcher_client.get(address))
    assert "cannot be told apart yet, after 1 pair of evaluators" in page
    report = text(researcher_client.get(reverse("report", args=[study.slug])))
    assert "cannot be told apart yet, after 1 pair of evaluators" in report


def test_the_report_page_compares_and_ranks(researcher_client, study):
    for answers in ("rrrr", "wwrr", "rrrw", "wwww"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    page = text(researcher_client.get(reverse("report", args=[study.slug])))
    for words in ("Comparisons</h2>", "Table of pairs of arms", "Best in", "Welch"):
        assert words in page
    rows = text(researcher_client.get(reverse("comparisons_csv", args=[study.slug])))
    assert rows.startswith("kind,first,second,measure,value,low,high,p_value")


def test_a_study_is_watched_when_the_form_says_so(researcher_client, study):
    fields = study_fields(study, watch_sequentially="on")
    researcher_client.post(reverse("study_new"), fields)
    assert Study.objects.get(name="New").watch_sequentially
    assert not study.watch_sequentially


def test_the_form_says_what_a_timed_study_tells_without_feedback():
    help_text = StudyForm(sample_sets=SampleSet.objects.none())["feedback"].help_text
    assert "tells without it" in help_text


def test_a_staircase_of_one_s_own_is_a_choice_of_the_form(researcher_client, study):
    own = {"preset": "custom", "start_ms": 400, "step_down_ms": 20, "n_masks": 2}
    sent = study_fields(study, protocol="hype_time", **own)
    researcher_client.post(reverse("study_new"), sent)
    created = Study.objects.get(name="New")
    assert (created.preset, created.start_ms, created.step_down_ms) == (
        "custom",
        400,
        20,
    )
    assert created.n_masks == 2
    assert "settles at" in text(
        researcher_client.get(reverse("study_plan"), {**sent, "n_arms": 1})
    )


def test_a_preset_goes_before_numbers_that_are_out_of_sight(researcher_client, study):
    sent = study_fields(study, preset="weighted-75", step_down_ms=99)
    researcher_client.post(reverse("study_new"), sent)
    assert Study.objects.get(name="New").step_down_ms == 10


def test_a_custom_staircase_needs_its_numbers(researcher_client, study):
    sent = study_fields(study, preset="custom", step_up_ms="")
    response = researcher_client.post(reverse("study_new"), sent)
    assert response.status_code == 400
    assert "A custom staircase needs this number." in text(response)


def test_a_new_study_leaves_out_by_default_what_speaks_of_the_person():
    form = StudyForm(sample_sets=SampleSet.objects.none())
    checked = [
        option.data["value"] for option in form["exclusions"] if option.data["selected"]
    ]
    assert checked == ["gold", "fast", "same_answer"]


def test_the_share_of_valid_trials_is_a_setting_of_the_form(researcher_client, study):
    sent = study_fields(study, protocol="hype_time", min_valid_percent=80)
    researcher_client.post(reverse("study_new"), sent)
    assert Study.objects.get(name="New").min_valid_percent == 80
    refused = researcher_client.post(
        reverse("study_new"), {**sent, "min_valid_percent": 101}
    )
    assert refused.status_code == 400


def test_the_report_has_one_switch_for_exclusions(researcher_client, study):
    walk(join(study))
    scores.score_study(study.pk, now=NOW)
    address = reverse("report", args=[study.slug])
    everyone = text(researcher_client.get(address))
    assert "Show the report without them" in everyone
    applied = text(researcher_client.get(f"{address}?exclusions=applied"))
    assert "Show everyone" in applied
    data = researcher_client.get(
        f"{reverse('report_json', args=[study.slug])}?exclusions=applied"
    )
    assert data.json()["exclusions"] == "applied"
    assert "exclusions-applied.json" in data["Content-Disposition"]
    assert researcher_client.get(f"{address}?exclusions=some").status_code == 400

import json
from dataclasses import asdict
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from hypeweb import access
from hypeweb.models import Evaluator, Judgment, Pool, Session, Study, Trial
from hypeweb.services import studies
from tests import factories
from tests.factories import NOW, other

pytestmark = pytest.mark.django_db

JSON = {"HTTP_ACCEPT": "application/json"}


def join(study):
    """Join by the clock the views go by."""
    return factories.join(study, now=timezone.now())


def url(name, session):
    return reverse(name, args=[session.token])


def post_answer(client, session, **fields):
    return client.post(
        url("answer", session),
        json.dumps({"answer": "real", "rt_ms": 400.5, **fields}),
        content_type="application/json",
        **JSON,
    )


def next_trial(client, session):
    trial = client.get(url("trial", session), **JSON).json()["trial"]
    factories.fetch(client, trial)
    return trial


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def session(study):
    return join(study)


def test_a_whole_walk_from_invitation_to_debrief(client, study):
    invitation = factories.link(study)
    assert "You agree." in client.get(invitation).content.decode()
    response = client.post(invitation, {"consent": "on"})
    session = Session.objects.get()
    assert response.url == url("session", session)
    assert session.consent_text == "You agree."
    client.post(url("session_start", session))
    step = client.get(url("trial", session), **JSON).json()
    n_images = 0
    while step["state"] == "trial":
        image = client.get(step["trial"]["image"])
        assert image["Content-Type"] == "image/png"
        n_images += 1
        truth = Trial.objects.get(nonce=step["trial"]["nonce"]).truth
        nonce = step["trial"]["nonce"]
        reply = post_answer(client, session, nonce=nonce, answer=truth).json()
        assert reply["correct"] is True
        step = reply["next"]
    assert n_images == 4
    assert step == {"state": "finished", "location": url("session", session)}
    debrief = client.get(step["location"]).content.decode()
    assert "100" in debrief
    assert "100 %, 2 of 2 recognised" in debrief


def test_one_browser_is_one_evaluator(client, study):
    invitation = factories.link(study)
    first = client.post(invitation, {"consent": "on"})
    again = client.post(invitation, {"consent": "on"})
    assert first.url == again.url == client.get(invitation).url
    assert Session.objects.count() == 1


def test_a_broker_that_is_down_loses_no_judgment(client, study, monkeypatch):
    def refuse(*_):
        raise OperationalError("no broker")

    monkeypatch.setattr("hypeweb.tasks.score.delay", refuse)
    session = join(study)
    for _ in range(4):
        nonce = next_trial(client, session)["nonce"]
        assert post_answer(client, session, nonce=nonce).status_code == 200
    session.refresh_from_db()
    assert session.state == "finished"


@pytest.mark.parametrize("name", ["invitation", "session", "trial_image", "mask_image"])
@pytest.mark.parametrize("token", ["a%00b", "%00", "x" * 44, "é"])
def test_addresses_that_are_no_tokens_lead_nowhere(client, db, name, token):
    address = reverse(name, args=["TOKEN"]).replace("TOKEN", token)
    assert client.get(address).status_code == 404


def test_consent_is_asked_for(client, study):
    invitation = factories.link(study)
    response = client.post(invitation, {})
    assert response.status_code == 400
    assert "Tick the box" in response.content.decode()
    assert not Session.objects.exists()
    assert not Evaluator.objects.exists()


def test_an_unknown_invitation_is_a_sentence(client, db):
    response = client.get(reverse("invitation", args=["nonsense"]))
    assert response.status_code == 404
    assert "This invitation is unknown." in response.content.decode()


def test_a_draft_takes_nobody(client, study):
    Study.objects.update(state="draft", opened_at=None)
    response = client.get(factories.link(study))
    assert response.status_code == 404


def test_a_closed_study_says_so(client, study, researcher):
    studies.close_study(study=study, actor=researcher, now=NOW)
    response = client.get(factories.link(study))
    assert response.status_code == 409
    assert "This study has ended." in response.content.decode()


def test_an_unknown_session_is_a_sentence(client, db):
    page = client.get(reverse("session", args=["nonsense"]))
    assert page.status_code == 404
    assert "This session is unknown." in page.content.decode()
    reply = client.get(reverse("trial", args=["nonsense"]), **JSON)
    assert reply.status_code == 404
    assert reply.json()["error"].startswith("This session is unknown.")


def test_only_a_signed_pass_joins_as_simulated(client, study):
    invitation = factories.link(study)
    forged = client.post(
        invitation, {"consent": "on"}, HTTP_X_HYPE_SIMULATED="yes, really"
    )
    assert forged.status_code == 400
    assert not Session.objects.exists()
    pass_ = access.simulation_pass(study.pools.get())
    client.post(invitation, {"consent": "on"}, HTTP_X_HYPE_SIMULATED=pass_)
    assert Session.objects.get().population == "simulated"


def test_a_pass_of_another_study_is_refused(client, study):
    pass_ = access.simulation_pass(Pool(token="other"))
    response = client.post(
        factories.link(study),
        {"consent": "on"},
        HTTP_X_HYPE_SIMULATED=pass_,
    )
    assert response.status_code == 400
    assert not Session.objects.exists()


def test_without_feedback_the_reply_says_nothing(client, study):
    Study.objects.update(feedback=False)
    session = join(study)
    nonce = next_trial(client, session)["nonce"]
    assert post_answer(client, session, nonce=nonce).json()["correct"] is None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"answer": "perhaps"}, "answer"),
        ({"rt_ms": -1}, "rt_ms"),
        ({"rt_ms": float("nan")}, "rt_ms"),
        ({"rt_ms": None}, "rt_ms"),
        ({"rt_ms": 10**400}, "rt_ms"),
        ({"exposure": {"shown_ms": 10**400}}, "shown_ms"),
        ({"exposure": {"stamps": [10**400]}}, "stamps"),
        ({"exposure": {"stamps": [float("nan")]}}, "stamps"),
        ({"nonce": ""}, "nonce"),
        ({"nonce": "\ud800"}, "nonce"),
        ({"exposure": {"shown_ms": -5}}, "shown_ms"),
        ({"exposure": "long"}, "must be a JSON object"),
    ],
)
def test_a_malformed_answer_is_a_sentence_and_stores_nothing(
    client, session, fields, sentence
):
    nonce = next_trial(client, session)["nonce"]
    response = post_answer(client, session, **{"nonce": nonce, **fields})
    assert response.status_code == 400
    assert sentence in response.json()["error"]
    assert not Judgment.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"null", b'"x"', b"[" * 100_000])
def test_a_body_that_is_no_object_is_a_sentence(client, session, body):
    response = client.post(
        url("answer", session), body, content_type="application/json", **JSON
    )
    assert response.status_code == 400
    assert "must be a JSON object" in response.json()["error"]


def test_the_exposure_is_stored_as_measured(client, timed_study):
    session = join(timed_study)
    nonce = next_trial(client, session)["nonce"]
    Trial.objects.update(issued_at=timezone.now() - timedelta(seconds=5))
    exposure = {
        "shown_ms": 500.1,
        "target_frames": 30,
        "shown_frames": 30,
        "refresh_hz": 60,
        "n_long_gaps": 0,
        "element_timing_ms": 499.9,
        "stamps": [0, 500.1],
        "flags": ["blurred", "long_gap"],
    }
    assert post_answer(client, session, nonce=nonce, exposure=exposure).status_code == (
        200
    )
    judgment = Judgment.objects.get()
    assert judgment.shown_ms == 500.1
    assert judgment.shown_frames == judgment.target_frames == 30
    assert judgment.exposure_flags == "blurred,long_gap"


# Attacks


def test_attack_replay_counts_once_and_answers_the_same(client, session):
    nonce = next_trial(client, session)["nonce"]
    first = post_answer(client, session, nonce=nonce)
    again = post_answer(client, session, nonce=nonce)
    assert first.json() == again.json()
    assert Judgment.objects.count() == 1


def test_attack_changing_an_answer_is_refused(client, session):
    nonce = next_trial(client, session)["nonce"]
    post_answer(client, session, nonce=nonce, answer="real")
    response = post_answer(client, session, nonce=nonce, answer="fake")
    assert response.status_code == 409
    assert "already answered" in response.json()["error"]
    assert Judgment.objects.get().answer == "real"


def test_attack_answering_out_of_order_is_refused(client, session):
    next_trial(client, session)
    last = session.trials.get(number=4)
    assert post_answer(client, session, nonce=last.nonce).status_code == 409
    assert not Judgment.objects.exists()


def test_attack_forged_and_foreign_nonces_are_refused(client, study, session):
    foreign = next_trial(client, join(study))["nonce"]
    next_trial(client, session)
    for nonce in ("A" * 32, foreign):
        assert post_answer(client, session, nonce=nonce).status_code == 409
    assert not Judgment.objects.exists()


def test_attack_an_early_timed_answer_is_refused(client, timed_study):
    session = join(timed_study)
    nonce = next_trial(client, session)["nonce"]
    response = post_answer(client, session, nonce=nonce)
    assert response.status_code == 409
    assert "before the image can have been shown" in response.json()["error"]


def test_attack_guessed_image_addresses_lead_nowhere(client, session):
    trial = next_trial(client, session)
    assert client.get(trial["image"]).status_code == 200
    guesses = [str(session.trials.first().pk), str(session.trials.first().sample_id)]
    unissued = session.trials.get(number=3).image_token
    for guess in [*guesses, unissued, trial["nonce"]]:
        assert client.get(reverse("trial_image", args=[guess])).status_code == 404


def test_attack_an_answered_image_is_gone(client, session):
    trial = next_trial(client, session)
    post_answer(client, session, nonce=trial["nonce"])
    assert client.get(trial["image"]).status_code == 404


def test_attack_researchers_addresses_are_closed_to_evaluators(client, session):
    sample = session.trials.first().sample
    address = reverse("sample_image", args=[sample.pk])
    assert client.get(address).status_code == 302
    assert client.get(
        reverse("sample_set", args=[sample.sample_set_id])
    ).url.startswith("/accounts/login/")


def test_attack_no_byte_around_an_image_tells_its_truth(client, study):
    """Every response to a real and to a generated image has one length and shape."""
    shapes = {"real": set(), "fake": set()}
    for _ in range(6):
        session = join(study)
        step = client.get(url("trial", session), **JSON)
        while step.json().get("state") == "trial":
            trial = step.json()["trial"]
            row = Trial.objects.get(nonce=trial["nonce"])
            image = client.get(trial["image"])
            secrets = [row.sample.sample_set.name, row.sample.source_name, "generated"]
            headers = sorted(
                (name, value) for name, value in image.items() if name != "Date"
            )
            for secret in secrets:
                assert secret not in str(headers)
                assert secret not in step.content.decode()
            assert "truth" not in step.content.decode()
            shapes[row.truth].add(
                (
                    len(image.content),
                    str(headers),
                    tuple(sorted(trial)),
                    len(trial["image"]),
                    len(trial["nonce"]),
                )
            )
            post_answer(client, session, nonce=trial["nonce"], answer=other(row.truth))
            step = client.get(url("trial", session), **JSON)
    assert len(shapes["real"]) == 1
    assert shapes["real"] == shapes["fake"]


def test_attack_addresses_carry_no_pattern(client, study):
    tokens = list(Trial.objects.filter(session=join(study)).values_list("image_token"))
    assert len({token[0] for token in tokens}) == 4
    assert all(len(token[0]) == 32 for token in tokens)


def test_attack_posting_without_the_csrf_token_is_refused(session):
    client = Client(enforce_csrf_checks=True)
    nonce = next_trial(client, session)["nonce"]
    assert post_answer(client, session, nonce=nonce).status_code == 403
    assert not Judgment.objects.exists()


def test_two_tabs_get_the_same_trial_and_one_judgment(session):
    one, two = Client(), Client()
    first, second = next_trial(one, session), next_trial(two, session)
    assert first == second
    assert post_answer(one, session, nonce=first["nonce"]).status_code == 200
    late = post_answer(two, session, nonce=first["nonce"], answer="fake")
    assert late.status_code == 409
    assert Judgment.objects.count() == 1


def test_leaving_shows_what_was_answered(client, session):
    nonce = next_trial(client, session)["nonce"]
    truth = Trial.objects.get(nonce=nonce).truth
    post_answer(client, session, nonce=nonce, answer=truth)
    response = client.post(url("session_leave", session), follow=True)
    assert "100" in response.content.decode()
    session.refresh_from_db()
    assert session.state == "left"


def test_images_are_kept_by_no_cache(client, session):
    response = client.get(next_trial(client, session)["image"])
    assert response["Cache-Control"] == "no-store, no-transform"


def test_the_pages_of_a_session_follow_its_state(client, study):
    invitation = factories.link(study)
    client.post(invitation, {"consent": "on"})
    session = Session.objects.get()
    assert "How it works" in client.get(url("session", session)).content.decode()
    client.post(url("session_start", session))
    page = client.get(url("session", session)).content.decode()
    assert 'id="trial"' in page
    assert 'data-stage-px="384"' in page


def test_a_preview_is_for_the_owner_and_marked(client, researcher, tmp_path):
    draft = factories.draft_study(researcher, protocol="hype_time", folder=tmp_path)
    address = reverse("study_preview", args=[draft.slug])
    assert client.post(address).url.startswith("/accounts/login/")
    client.force_login(factories.make_user("other"))
    assert client.post(address).status_code == 404
    client.force_login(researcher)
    marked = "Preview: this walk counts nowhere."
    page = client.get(address).content.decode()
    assert marked in page
    assert "You agree." in page
    assert not Session.objects.exists()
    response = client.post(address, {"consent": "on"}, follow=True)
    assert marked in response.content.decode()
    session = Session.objects.get()
    client.post(
        url("session_start", session), {"screen": json.dumps(asdict(factories.SCREEN))}
    )
    assert marked in client.get(url("session", session)).content.decode()
    client.post(url("session_leave", session))
    assert marked in client.get(url("session", session)).content.decode()
    assert Session.objects.get().population == "preview"


def test_a_preview_needs_enough_images(client, researcher, tmp_path):
    draft = factories.draft_study(researcher, protocol="hype_inf", folder=tmp_path)
    Study.objects.update(n_fake=13)
    client.force_login(researcher)
    address = reverse("study_preview", args=[draft.slug])
    response = client.post(address, {"consent": "on"})
    assert response.status_code == 400
    assert "each evaluator needs 13" in response.content.decode()

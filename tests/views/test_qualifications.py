"""The qualification as a browser walks it, and as one that cheats would."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from hypeweb.models import Judgment, Session, Trial
from tests import factories
from tests.factories import other

pytestmark = pytest.mark.django_db

JSON = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture
def asking(researcher):
    return factories.qualifying_study(researcher, protocol="hype_inf")


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def session(client, asking):
    client.post(factories.link(asking), {"consent": "y"})
    return Session.objects.get()


def url(name, session):
    return reverse(name, args=[session.token])


def page(client, session):
    return client.get(url("session", session)).content.decode()


def step(client, session):
    return client.get(url("trial", session), **JSON).json()


def post(client, session, nonce, answer):
    return client.post(
        url("answer", session),
        json.dumps({"nonce": nonce, "answer": answer, "rt_ms": 400}),
        content_type="application/json",
        **JSON,
    )


def walk_part(client, session, *, is_right=True):
    """Start and answer a part, and return the trials as the browser got them."""
    client.post(url("session_start", session))
    seen, current = [], step(client, session)
    while current["state"] == "trial":
        trial = current["trial"]
        seen.append(trial)
        factories.fetch(client, trial)
        truth = Trial.objects.get(nonce=trial["nonce"]).truth
        answer = truth if is_right else other(truth)
        reply = post(client, session, trial["nonce"], answer).json()
        assert reply["correct"] is is_right
        current = reply["next"]
    assert current == {"state": "finished", "location": url("session", session)}
    return seen


def test_a_walk_through_a_passed_qualification(client, asking, session):
    invitation = factories.link(asking)
    assert (
        "A qualification of 4 images comes first"
        in Client().get(invitation).content.decode()
    )
    assert "Attempts left: 2." in page(client, session)
    assert {trial["part"] for trial in walk_part(client, session)} == {"qualification"}
    assert "You have qualified." in page(client, session)
    assert {trial["part"] for trial in walk_part(client, session)} == {"task"}
    assert "4 images" in page(client, session)


def test_a_walk_through_a_failed_qualification(client, session):
    walk_part(client, session, is_right=False)
    first = page(client, session)
    assert "Not passed yet" in first
    assert "0 of 2 recognised" in first
    assert "Attempts left: 1." in first
    walk_part(client, session, is_right=False)
    last = page(client, session)
    assert "Thank you for trying" in last
    assert "at least 65 %" in last
    client.post(url("session_start", session))
    assert step(client, session)["state"] == "finished"
    assert Trial.objects.count() == 8


def test_parts_look_alike_to_the_browser(client, session):
    first, second = walk_part(client, session)[0], walk_part(client, session)[0]
    assert first.keys() == second.keys()


def test_images_of_a_qualification_have_the_study_s_one_length(client, session):
    client.post(url("session_start", session))
    trial = step(client, session)["trial"]
    image = client.get(trial["image"])
    session.study.refresh_from_db()
    assert len(image.content) == session.study.response_bytes
    post(client, session, trial["nonce"], "real")
    assert client.get(trial["image"]).status_code == 404


def test_a_nonce_of_one_part_is_worth_nothing_in_the_other(client, session):
    practised = walk_part(client, session)
    client.post(url("session_start", session))
    before = step(client, session)
    for trial in practised:
        truth = Trial.objects.get(nonce=trial["nonce"]).truth
        assert post(client, session, trial["nonce"], other(truth)).status_code == 409
        replayed = post(client, session, trial["nonce"], truth).json()
        # The page of the qualification learns that its part is over, no more.
        assert replayed["next"]["state"] == "finished"
    assert step(client, session) == before
    assert Judgment.objects.count() == 4
    assert not Judgment.objects.filter(trial__purpose="score").exists()


def test_two_tabs_make_no_third_attempt(client, session):
    for _ in range(2):
        for _ in range(3):
            client.post(url("session_start", session))
        walk_part(client, session, is_right=False)
    for _ in range(3):
        client.post(url("session_start", session))
    session.refresh_from_db()
    assert session.state == "screened_out"
    assert session.qualifications.count() == 2


def test_who_failed_is_known_in_the_next_study(client, asking, session):
    for _ in range(2):
        walk_part(client, session, is_right=False)
    invitation = factories.link(asking)
    assert client.get(invitation).url == url("session", session)


def test_a_timed_study_checks_the_screen_before_the_qualification(researcher, client):
    study = factories.qualifying_study(researcher, protocol="hype_time")
    client.post(factories.link(study), {"consent": "y"})
    session = Session.objects.get()
    assert "data-screen-check" in page(client, session)
    assert client.post(url("session_start", session)).status_code == 400
    assert not Trial.objects.exists()
    screen = json.dumps({"width": 1280, "height": 900, "refresh_hz": 60})
    client.post(url("session_start", session), {"screen": screen})
    assert 'data-protocol="hype_inf"' in page(client, session)

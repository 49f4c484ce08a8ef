import json
from urllib.parse import parse_qs, urlparse

import pytest
from django.urls import reverse
from django.utils import timezone

from hypeweb.models import Enrolment, Pool, Session
from hypeweb.services import completion, hooks, pools
from tests.factories import NOW, walk

WORKER, ASSIGNMENT = "AWORKER000001", "3ASSIGNMENT00001"


def text(response):
    return response.content.decode()


@pytest.fixture
def mturk_pool(study, researcher):
    return pools.add_pool(
        pool=Pool(study=study, kind="mturk", name="Turk"), actor=researcher
    )


@pytest.fixture
def prolific_pool(study, researcher):
    return pools.add_pool(
        pool=Pool(study=study, kind="prolific", name="Prolific"), actor=researcher
    )


def hit(client, pool, **query):
    asked = {"assignmentId": ASSIGNMENT, "workerId": WORKER, "hitId": "3HIT", **query}
    return client.get(reverse("arrival", args=[pool.token]), asked)


def begin_url(page):
    start = page.index("/begin/?entry=")
    return page[page.rindex("http", 0, start) : page.index('"', start)]


def test_a_preview_of_a_hit_shows_no_link_and_no_form(client, mturk_pool):
    response = hit(client, mturk_pool, assignmentId="ASSIGNMENT_ID_NOT_AVAILABLE")
    page = text(response)
    assert "Accept this HIT to begin" in page
    assert "/begin/" not in page
    assert "externalSubmit" not in page


def test_only_mechanical_turk_may_frame_the_page(client, mturk_pool, prolific_pool):
    response = hit(client, mturk_pool)
    policy = response["Content-Security-Policy"]
    assert "frame-ancestors https://*.mturk.com https://*.mturkcontent.com" in policy
    assert "form-action https://www.mturk.com" in policy
    assert "X-Frame-Options" not in response
    begun = client.get(begin_url(text(response)))
    assert begun["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in begun["Content-Security-Policy"]


def test_nobody_else_is_sent_the_code(client, mturk_pool):
    page = text(hit(client, mturk_pool, turkSubmitTo="https://evil.example"))
    assert "evil.example" not in page


def test_from_a_hit_to_its_code(client, mturk_pool):
    page = text(hit(client, mturk_pool))
    assert f'name="assignmentId" value="{ASSIGNMENT}"' in page.replace("\n", " ") or (
        ASSIGNMENT in page
    )
    assert WORKER not in page
    address = begin_url(page)
    assert WORKER not in address
    consent = text(client.get(address))
    assert "Agree and continue" in consent
    assert WORKER not in consent
    entry = parse_qs(urlparse(address).query)["entry"][0]
    path = reverse("arrival_begin", args=[mturk_pool.token])
    began = client.post(path, {"consent": "on", "entry": entry})
    session = Session.objects.get()
    assert began.url == reverse("session", args=[session.token])
    assert Enrolment.objects.get().external_id == ASSIGNMENT
    assert client.get(address).url == began.url
    from hypeweb.services import sessions  # noqa: PLC0415

    sessions.start_session(session=session, now=timezone.now())
    session.refresh_from_db()
    walk(session)
    code = completion.ending_of(Session.objects.get(), now=NOW).code
    assert code in text(hit(client, mturk_pool))
    # Amazon gives an assignment that was returned to another worker, under its id.
    other = text(hit(client, mturk_pool, workerId="AWORKER000002"))
    assert code not in other
    assert "Agree and continue" in text(client.get(begin_url(other)))


def test_an_entry_of_somebodys_own_making_is_refused(client, mturk_pool):
    path = reverse("arrival_begin", args=[mturk_pool.token])
    for entry in ("", "nonsense", "ü"):
        response = client.post(path, {"consent": "on", "entry": entry})
        assert response.status_code == 400
    assert not Session.objects.exists()


def test_prolific_people_leave_their_ids_behind_at_once(client, prolific_pool):
    query = {"PROLIFIC_PID": "a" * 24, "STUDY_ID": "b" * 24, "SESSION_ID": "c" * 24}
    response = client.get(reverse("arrival", args=[prolific_pool.token]), query)
    assert response.status_code == 302
    assert "a" * 24 not in response.url
    entry = parse_qs(urlparse(response.url).query)["entry"][0]
    path = reverse("arrival_begin", args=[prolific_pool.token])
    client.post(path, {"consent": "on", "entry": entry})
    assert Enrolment.objects.get().external_id == "c" * 24
    assert Session.objects.get().evaluator.channel == "prolific"


def test_an_address_without_its_ids_says_what_is_missing(client, prolific_pool):
    response = client.get(reverse("arrival", args=[prolific_pool.token]))
    assert response.status_code == 400
    assert "lacks PROLIFIC_PID" in text(response)


@pytest.mark.parametrize("name", ["arrival", "arrival_begin"])
def test_the_studys_open_link_is_no_place_to_arrive_from_a_service(client, study, name):
    path = reverse(name, args=[study.pools.get().token])
    assert client.get(path).status_code == 404


def test_a_signed_event_is_taken_and_a_forged_one_is_not(client, settings, db):
    settings.PROLIFIC_WEBHOOK_SECRET = "between us"
    body = json.dumps({"event_type": "study.status.change"}).encode()
    timestamp = str(int(timezone.now().timestamp()))
    signed = hooks.signature_of("between us", timestamp=timestamp, body=body)

    def post(signature):
        return client.post(
            reverse("prolific_hook"),
            body,
            content_type="application/json",
            headers={
                "X-Prolific-Request-Timestamp": timestamp,
                "X-Prolific-Request-Signature": signature,
                "X-Event-ID": "e1",
            },
        )

    assert post(signed).status_code == post(signed).status_code == 204
    assert post("forged").status_code == 403

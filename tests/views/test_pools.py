from datetime import timedelta

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from hypeweb import tasks
from hypeweb.models import Invitation, Pool, Posting, Session
from tests.factories import link


@pytest.fixture(autouse=True)
def _site(settings):
    settings.EMAIL_URL = "smtp://mail.example"
    settings.SITE_URL = "https://hype.example"


def text(response):
    return response.content.decode()


def at(name, study, *args):
    return reverse(name, args=[study.slug, *args])


def add(client, study, kind, name="Clinic", group="experts"):
    path = at("study_pools", study)
    response = client.post(path, {"kind": kind, "name": name, "group": group})
    assert response.status_code == 302, text(response)
    return Pool.objects.get(study=study, name=name)


def test_pools_are_added_listed_limited_and_moved(researcher_client, study):
    pool = add(researcher_client, study, "link")
    page = at("study_pool", study, pool.pk)

    researcher_client.post(page, {"name": "Ward", "group": "experts", "quota": 7})
    researcher_client.post(at("pool_move", study, pool.pk, "paused"))

    pool.refresh_from_db()
    assert (pool.name, pool.quota, pool.state) == ("Ward", 7, "paused")
    listed = text(researcher_client.get(at("study_pools", study)))
    assert "Ward" in listed
    assert "0 of 7 finished" in listed
    assert f"/e/{pool.token}/" in text(researcher_client.get(page))


def test_what_is_wrong_with_a_pool_is_said_in_its_form(researcher_client, study):
    path = at("study_pools", study)
    response = researcher_client.post(
        path, {"kind": "link", "name": "Open link", "group": "crowd"}
    )
    assert response.status_code == 400
    assert "has a pool of this name" in text(response)


def test_who_was_just_mailed_is_not_reminded(researcher_client, study):
    pool = add(researcher_client, study, "invitations")
    researcher_client.post(
        at("pool_invite", study, pool.pk), {"text": "ada@example.org"}
    )
    Invitation.objects.update(
        wants_sending=False, n_sent=1, sent_at=timezone.now() - timedelta(hours=2)
    )
    path = at("pool_remind", study, pool.pk)

    first = text(researcher_client.post(path, follow=True))
    tasks.send_invitation(Invitation.objects.get().pk)
    second = text(researcher_client.post(path, follow=True))

    assert "1 people get a mail." in first
    assert "0 people get a mail." in second
    assert "1 had one within the last hour and get none." in second
    assert len(mail.outbox) == 1


def test_a_second_link_brings_its_people_into_its_pool(
    researcher_client, client, study
):
    pool = add(researcher_client, study, "link")
    client.post(reverse("invitation", args=[pool.token]), {"consent": "on"})
    assert Session.objects.get().pool == pool
    assert link(study) != reverse("invitation", args=[pool.token])


@pytest.mark.django_db(transaction=True)
def test_from_a_list_of_addresses_to_a_session(researcher_client, client, study):
    pool = add(researcher_client, study, "invitations")
    upload = SimpleUploadedFile("list.csv", b"ada@example.org,radiology\nnobody\n")
    response = researcher_client.post(
        at("pool_invite", study, pool.pk), {"file": upload}, follow=True
    )

    page = text(response)
    assert "1 people are invited." in page
    assert "Line 2: no e-mail address" in page
    assert "ada@" not in page
    assert "radiology" in page
    (message,) = mail.outbox
    path = reverse("own_invitation", args=[Invitation.objects.get().token])
    assert path in message.body
    assert "Agree and continue" in text(client.get(path))
    began = client.post(path, {"consent": "on"})
    assert client.get(path).url == began.url
    assert Session.objects.get().pool == pool
    researcher_client.post(at("invitation_revoke", study, Invitation.objects.get().pk))
    assert client.get(path).url == began.url


def test_a_withdrawn_link_says_so(researcher_client, client, study):
    pool = add(researcher_client, study, "invitations")
    researcher_client.post(
        at("pool_invite", study, pool.pk), {"text": "ada@example.org"}
    )
    found = Invitation.objects.get()
    researcher_client.post(at("invitation_revoke", study, found.pk))

    response = client.get(reverse("own_invitation", args=[found.token]))

    assert response.status_code == 409
    assert "was withdrawn" in text(response)
    assert "withdrawn" in text(researcher_client.get(at("study_pool", study, pool.pk)))


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "Choose a file, or write the lines"),
        ({"file": SimpleUploadedFile("x.csv", b"\xff\xfe\x00")}, "no text in UTF-8"),
    ],
)
def test_lists_that_cannot_be_read_are_refused(researcher_client, study, sent, said):
    pool = add(researcher_client, study, "invitations")
    response = researcher_client.post(at("pool_invite", study, pool.pk), sent)
    assert response.status_code == 400
    assert said in text(response)


@pytest.mark.django_db(transaction=True)
def test_hits_are_posted_extended_and_ended(researcher_client, study, mturk):
    type(study).objects.update(pay_base=1, budget=90)
    pool = add(researcher_client, study, "mturk_sandbox", group="crowd")
    wish = {"n_places": 12, "minutes": 5, "hours_open": 24}
    researcher_client.post(at("pool_post", study, pool.pk), wish)

    assert [one.n_places for one in Posting.objects.all()] == [9, 3]
    first, second = Posting.objects.all()
    researcher_client.post(at("posting_extend", study, second.pk), {"n_more": 2})
    researcher_client.post(at("posting_end", study, first.pk))
    page = text(researcher_client.get(at("study_pool", study, pool.pk)))
    assert first.external_id in page
    assert "5 places" in page
    assert "ended" in page


def test_a_posting_that_cannot_be_is_refused_with_a_sentence(researcher_client, study):
    pool = add(researcher_client, study, "mturk", group="crowd")
    wish = {"n_places": 12, "minutes": 5, "hours_open": 24}
    response = researcher_client.post(at("pool_post", study, pool.pk), wish)
    assert response.status_code == 400
    assert "clone the study with a base" in text(response)

import pytest
from django.urls import reverse

from hypeweb.models import Session, Study, Subscription
from tests import factories
from tests.factories import join, walk

pytestmark = pytest.mark.django_db


def text(response):
    return response.content.decode()


def test_a_study_is_paused_and_resumed(researcher_client, study, client):
    begun = join(study)
    pause, resume = (reverse(f"study_{act}", args=[study.slug]) for act in ACTS)
    monitor = reverse("study_monitor", args=[study.slug])
    assert researcher_client.post(resume).status_code == 409
    assert researcher_client.post(pause).url == monitor
    assert "Nobody new can join" in text(researcher_client.get(monitor))
    invitation = factories.link(study)
    for response in (client.get(invitation), client.post(invitation, CONSENT)):
        assert response.status_code == 409
        assert "This study is paused" in text(response)
    walk(begun)
    assert begun.state == Session.State.FINISHED
    assert researcher_client.post(pause).status_code == 409
    researcher_client.post(resume)
    assert client.post(invitation, CONSENT).status_code == 302
    researcher_client.post(pause)
    assert client.get(invitation).status_code == 302  # to the session that has begun
    researcher_client.post(reverse("study_close", args=[study.slug]))
    study.refresh_from_db()
    assert study.state == Study.State.CLOSED


ACTS = ("pause", "resume")
CONSENT = {"consent": "on"}


def test_the_page_shows_how_a_timed_study_stands(researcher_client, timed_study):
    Study.objects.update(pay_base=1, budget=100)
    walk(join(timed_study))
    page = text(researcher_client.get(reverse("study_monitor", args=["a-study"])))
    for words in ("1 of 30", "USD 1.00", "of 100.00", "Exposures</h2>", "±0.0 ms"):
        assert words in page
    assert 'data-active="true"' in page


def test_a_webhook_is_added_and_removed_on_the_page(researcher_client, study, settings):
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    monitor = reverse("study_monitor", args=[study.slug])
    refused = researcher_client.post(monitor, {"channel": "email", "address": "me"})
    assert refused.status_code == 400
    assert "sends no e-mail" in text(refused)
    fields = {"channel": "webhook", "address": "http://127.0.0.1:9/x"}
    researcher_client.post(monitor, fields)
    made = Subscription.objects.get()
    assert made.secret in text(researcher_client.get(monitor))
    delete = reverse("subscription_delete", args=[study.slug, made.pk])
    researcher_client.post(delete)
    assert not Subscription.objects.exists()
    assert researcher_client.post(delete).status_code == 404

import http.server
import json
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail

from hypeweb.models import Budget, Milestone, Notice, Study, Subscription
from hypeweb.services import deliveries, milestones, webhooks
from hypeweb.services.errors import ConflictError, DomainError
from hypeweb.services.monitoring import Exposures, Monitor, Spend
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(researcher):
    return factories.bare_study(researcher)


@pytest.fixture
def receiver(settings):
    """A web server that keeps what it is sent, and answers what it is told to."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, dict(self.headers), body))
            self.send_response(server.answer)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.answer, server.received = 204, received
    server.address = f"http://127.0.0.1:{server.server_port}/hook?a=1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def subscribe(study, address, channel="webhook"):
    return milestones.subscribe(
        study=study, channel=channel, address=address, actor=study.owner
    )


def reach(study, kind="half"):
    milestones._reach(study, kind, "Half is done.", now=NOW)  # noqa: SLF001
    return milestones.due(now=NOW)


def monitor(**fields):
    defaults = {
        "arms": (),
        "pools": (),
        "n_wanted": 10,
        "n_begun": 0,
        "n_finished": 0,
        "n_running": 0,
        "n_left": 0,
        "n_few_valid": 0,
        "qualifying": None,
        "seconds_per_trial": None,
        "exposures": None,
        "spend": None,
        "scored_at": None,
    }
    return Monitor(**{**defaults, **fields})


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({}, []),
        ({"n_finished": 1}, ["first_session"]),
        ({"n_finished": 5}, ["first_session", "half"]),
        ({"n_finished": 10}, ["first_session", "half", "all"]),
        ({"spend": Spend(Decimal(79), Decimal(100), "USD")}, []),
        ({"spend": Spend(Decimal(80), Decimal(100), "USD")}, ["budget"]),
        ({"spend": Spend(Decimal(80), None, "USD")}, []),
        ({"exposures": Exposures(99, 99, 0.0, ())}, []),
        ({"exposures": Exposures(100, 19, 0.0, ())}, []),
        ({"exposures": Exposures(100, 20, 0.0, ())}, ["quality"]),
        ({"n_left": 9}, []),
        ({"n_left": 10}, ["quality"]),
    ],
)
def test_what_a_study_has_reached(fields, kinds):
    assert list(milestones.sentences_of(monitor(**fields))) == kinds


def test_a_milestone_is_reached_once_and_told_to_each(study, receiver):
    for path in ("a", "b"):
        subscribe(study, f"{receiver.address}&{path}")
    assert len(reach(study)) == 2
    milestones._reach(study, "half", "Again.", now=NOW)  # noqa: SLF001
    assert (Milestone.objects.count(), Notice.objects.count()) == (1, 2)
    for _ in range(2):
        for notice_id in Notice.objects.values_list("pk", flat=True):
            milestones.send_notice(notice_id, now=NOW)
    assert len(receiver.received) == 2
    assert milestones.due(now=NOW + timedelta(days=9)) == []


def test_a_webhook_knows_who_wrote_and_reads_no_evaluator(study, receiver):
    subscription = subscribe(study, receiver.address)
    (notice_id,) = reach(study)
    milestones.send_notice(notice_id, now=NOW)
    ((path, headers, body),) = receiver.received
    assert path == "/hook?a=1"
    assert json.loads(body) == {
        "notice": notice_id,
        "study": study.slug,
        "name": study.name,
        "milestone": "half",
        "sentence": "Half is done.",
        "reached_at": NOW.isoformat(),
    }
    timestamp = int(NOW.timestamp())
    assert headers["X-Hype-Signature"] == deliveries.signature(
        subscription.secret, body, timestamp=timestamp
    )
    other = deliveries.signature("other", body, timestamp=timestamp)
    assert headers["X-Hype-Signature"] != other


@pytest.mark.parametrize("answer", [500, 302, 404])
def test_a_webhook_that_fails_is_tried_again_later_and_not_for_ever(
    study, receiver, answer
):
    receiver.answer = answer
    subscribe(study, receiver.address)
    (notice_id,) = reach(study)
    milestones.send_notice(notice_id, now=NOW)
    notice = Notice.objects.get()
    assert notice.error == f"127.0.0.1 answered {answer}; 2xx was expected."
    assert milestones.due(now=NOW + timedelta(seconds=59)) == []
    now = NOW
    for _ in range(20):
        now += timedelta(days=5)
        for pk in milestones.due(now=now):
            milestones.send_notice(pk, now=now)
    assert len(receiver.received) == milestones.MAX_ATTEMPTS
    (failing,) = milestones.subscriptions_of(study)
    assert failing.n_failing == 1


def test_a_webhook_that_comes_back_gets_its_notice(study, receiver):
    receiver.answer = 503
    subscribe(study, receiver.address)
    (notice_id,) = reach(study)
    milestones.send_notice(notice_id, now=NOW)
    receiver.answer = 200
    milestones.send_notice(notice_id, now=NOW + timedelta(minutes=1))
    notice = Notice.objects.get()
    assert (notice.n_attempts, notice.error) == (2, "")
    assert notice.sent_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("ftp://example.org/x", "A webhook is an http"),
        ("example.org", "A webhook is an http"),
        ("https://me:secret@example.org/", "A webhook is an http"),
        ("https://example.org/\r\nX: y", "A webhook is an http"),
        ("https://example.org:99999/", "A webhook is an http"),
        ("https://", "A webhook is an http"),
        ("http://127.0.0.1/", "is a private address"),
        ("http://10.0.0.1/", "is a private address"),
        ("http://169.254.169.254/latest", "is a private address"),
        ("http://[::1]/", "is a private address"),
        ("http://[::ffff:10.0.0.1]/", "is a private address"),
        ("http://localhost/", "is a private address"),
        ("http://0.0.0.0/", "is a private address"),
        ("http://2130706433/", "is a private address"),
        ("http://nobody.invalid/", "There is no host"),
    ],
)
def test_a_webhook_into_the_sites_network_is_refused(study, address, sentence):
    assert sentence in webhooks.problem_with(address)
    with pytest.raises(webhooks.WebhookError):
        webhooks.post(address, body=b"", headers={})
    with pytest.raises(DomainError, match=sentence):
        subscribe(study, address)
    assert not Subscription.objects.exists()


def test_a_dead_host_is_an_error_of_the_notice(study, receiver):
    subscribe(study, receiver.address)
    (notice_id,) = reach(study)
    Subscription.objects.update(address="http://127.0.0.1:1/")
    milestones.send_notice(notice_id, now=NOW)
    assert "127.0.0.1 does not answer" in Notice.objects.get().error


def test_a_milestone_comes_by_e_mail(study, settings):
    with pytest.raises(DomainError, match="sends no e-mail"):
        subscribe(study, "me@example.org", "email")
    settings.EMAIL_URL = "smtp://mail"
    settings.SITE_URL = "https://hype.example.org"
    with pytest.raises(DomainError, match="is no e-mail address"):
        subscribe(study, "me", "email")
    subscribe(study, "me@example.org", "email")
    with pytest.raises(ConflictError, match="already hears"):
        subscribe(study, "me@example.org", "email")
    (notice_id,) = reach(study)
    milestones.send_notice(notice_id, now=NOW)
    (sent,) = mail.outbox
    assert sent.subject == "A bare study: half of the sessions finished"
    assert sent.body == (
        f"Half is done.\n\nhttps://hype.example.org/studies/{study.slug}/monitor/\n"
    )


def test_who_unsubscribed_hears_nothing_more(study, receiver):
    subscription = subscribe(study, receiver.address)
    (notice_id,) = reach(study)
    milestones.unsubscribe(subscription=subscription, actor=study.owner)
    milestones.send_notice(notice_id, now=NOW)
    assert receiver.received == []


def test_only_running_studies_are_watched(study):
    assert milestones.watched() == [study.pk]
    assert milestones.notice_milestones(study.pk, now=NOW) == []
    assert not Milestone.objects.exists()


def test_spending_above_the_soft_limit_is_told_once_after_the_end_too(study, receiver):
    subscribe(study, receiver.address)
    Study.objects.update(state=Study.State.CLOSED, closed_at=NOW)
    budget = Budget.objects.create(study=study, soft_cents=100, committed_cents=100)
    assert milestones.watched() == []
    Budget.objects.filter(pk=budget.pk).update(committed_cents=101)

    assert milestones.watched() == [study.pk]
    (notice_id,) = milestones.notice_milestones(study.pk, now=NOW)
    milestones.send_notice(notice_id, now=NOW)

    milestone = Milestone.objects.get()
    assert milestone.kind == "soft_limit"
    assert "1.01 are spent or set aside" in milestone.sentence
    assert milestones.watched() == milestones.notice_milestones(study.pk, now=NOW) == []

"""Workers' ids and e-mail addresses: in no table, page, file, mail's error or log."""

import json
import logging
from contextlib import suppress
from urllib.parse import parse_qs, urlparse

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.serializers import serialize
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hypeweb import tasks
from hypeweb.models import Enrolment, Payment, Pool, Posting, Session
from hypeweb.services import (
    export_columns,
    hooks,
    invitations,
    pools,
    recruiting,
    sessions,
)
from hypeweb.services.recruiting import Wish
from tests import factories
from tests.factories import NOW, walk

WORKER, PERSON = "A1WORKERSECRET", "5ec2e7" * 4
ADDRESSES = ("somebody.secret@example.org", "nobody.secret@example.org")
PAGES = (
    *("study", "study_pools", "study_payments", "study_monitor", "exports"),
    *("report", "report_json", "report_csv", "payments_manual_csv"),
)
SECRETS = (WORKER, PERSON, *ADDRESSES, "somebody.secret", "nobody.secret")
pytestmark = pytest.mark.slow


@pytest.fixture
def paid(researcher, settings):
    settings.SITE_URL = "https://hype.example"
    settings.EMAIL_URL = "smtp://mail.example"
    settings.PROLIFIC_WEBHOOK_SECRET = "between us"
    return factories.open_study(
        researcher,
        protocol="hype_inf",
        n_arms=1,
        pay_base="1.00",
        pay_per_correct="0.02",
        budget="500",
        contact="lab@example.org",
    )


def arrive(pool, query):
    client = Client()
    page = client.get(reverse("arrival", args=[pool.token]), query)
    if page.status_code == 302:
        address = page.url
    else:
        body = page.content.decode()
        start = body.index("/begin/?entry=")
        address = body[start : body.index('"', start)]
    entry = parse_qs(urlparse(address).query)["entry"][0]
    path = reverse("arrival_begin", args=[pool.token])
    client.post(path, {"consent": "on", "entry": entry})
    finish(Session.objects.get(pool=pool))


def finish(session):
    sessions.start_session(session=session, now=timezone.now())
    session.refresh_from_db()
    walk(session)
    tasks.settle(session.pk)


def posted(study, kind, researcher):
    pool = pools.add_pool(
        pool=Pool(study=study, kind=kind, name=kind, min_n_approved=0), actor=researcher
    )
    (posting,) = recruiting.request_posting(
        pool=pool, wish=Wish(3, minutes=5), actor=researcher, now=NOW
    )
    tasks.post(posting.pk)
    return pool, Posting.objects.get(pk=posting.pk)


def recruit_everybody(study, researcher, mturk, prolific, mail_server):
    """Let one person come by each channel, with everything that can go wrong."""
    pool, posting = posted(study, "mturk", researcher)
    arrive(
        pool,
        {
            "assignmentId": "3ASSIGNMENT1",
            "workerId": WORKER,
            "hitId": posting.external_id,
        },
    )
    mturk.submit("3ASSIGNMENT1", worker_id=WORKER, hit_id=posting.external_id)
    pool, posting = posted(study, "prolific", researcher)
    arrive(
        pool,
        {
            "PROLIFIC_PID": PERSON,
            "STUDY_ID": posting.external_id,
            "SESSION_ID": "c0ffee" * 4,
        },
    )
    prolific.submit("c0ffee" * 4, participant=PERSON, study_id=posting.external_id)
    tell_of(PERSON, "c0ffee" * 4)
    pool = pools.add_pool(
        pool=Pool(study=study, kind="invitations", name="Clinic"), actor=researcher
    )
    text = "\n".join(ADDRESSES)
    invitations.add(pool=pool, text=text, actor=researcher, now=NOW)

    first, second = pool.invitations.all()
    for fate in ("refused", "no last word"):
        mail_server.fate = fate
        tasks.send_invitation(first.pk)
    mail_server.fate = "taken"
    tasks.send_invitation(second.pk)
    joined = invitations.join(invitation=pool.invitations.last(), now=timezone.now())
    finish(joined)


def tell_of(person, submission):
    """Send Prolific's event of a submission, which names its person."""
    body = json.dumps(
        {
            "event_type": "submission.status.change",
            "resource_id": submission,
            "participant_id": person,
            "status": "AWAITING REVIEW",
        }
    ).encode()
    at = str(int(timezone.now().timestamp()))
    headers = {
        "X-Prolific-Request-Timestamp": at,
        "X-Prolific-Request-Signature": hooks.signature_of(
            "between us", timestamp=at, body=body
        ),
        "X-Event-ID": "event",
    }
    path = reverse("prolific_hook")
    answer = Client().post(path, body, content_type="application/json", headers=headers)
    assert answer.status_code == 204


def pay_with_refusals(mturk):
    """Pay everybody; the first bonus is refused in words that name the worker."""
    from tests.doubles.mturk import RequestError  # noqa: PLC0415

    def refuse(**_):
        raise RequestError(f"Worker {WORKER} may not be paid, nor {PERSON}.")

    Payment.objects.update(approved_at=NOW)
    mturk.SendBonus = refuse
    for payment in Payment.objects.exclude(service="manual"):
        tasks.pay(payment.pk)
    del mturk.SendBonus
    assert "[left out]" in Payment.objects.filter(state="failed").get().error


def everything_served(study):
    """Yield the pages and files of a study, the admin's among them."""
    client = Client()
    client.force_login(factories.make_user("root", is_staff=True, is_superuser=True))
    slug = [study.slug]
    paths = [reverse(name, args=slug) for name in PAGES]
    paths += [reverse("inbox"), reverse("money")]
    paths += [
        reverse("study_pool", args=[study.slug, pool.pk]) for pool in study.pools.all()
    ]
    paths += [
        reverse("export", args=[study.slug, what, form])
        for what in export_columns.TABLES
        for form in ("csv", "json")
    ]
    paths += [
        reverse("session", args=[session.token]) for session in study.sessions.all()
    ]
    for model in admin.site._registry:  # noqa: SLF001 - there is no other list
        name = f"admin:hypeweb_{model._meta.model_name}"  # noqa: SLF001
        if model._meta.app_label == "hypeweb":  # noqa: SLF001
            paths.append(reverse(f"{name}_changelist"))
            found = model.objects.first()
            if found is not None:
                paths.append(reverse(f"{name}_change", args=[found.pk]))
    for path in paths:
        response = client.get(path)
        assert response.status_code == 200, path
        yield path, b"".join(response).decode(errors="replace")


def test_who_somebody_is_elsewhere_is_nowhere_to_be_read(
    paid, researcher, mturk, prolific, mail_server, caplog
):
    caplog.set_level(logging.DEBUG)
    recruit_everybody(paid, researcher, mturk, prolific, mail_server)
    for posting in Posting.objects.all():
        tasks.sync_posting(posting.pk)
    pay_with_refusals(mturk)
    with suppress(Exception):
        tasks.score(paid.pk)

    places = dict(everything_served(paid))
    for model in apps.get_app_config("hypeweb").get_models():
        places[f"table of {model.__name__}"] = serialize("json", model.objects.all())
    places["log"] = "\n".join(
        record.getMessage() + (record.exc_text or "")
        for record in caplog.records
        # What boto3 and urllib3 say at this level no installation logs.
        if record.name.startswith(("hypeweb", "django", "celery"))
    )

    found = [
        (place, secret)
        for place, told in places.items()
        for secret in SECRETS
        if secret.lower() in told.lower()
    ]
    assert found == []
    assert len(places) > 100
    assert [mail.to for mail in mail_server.mails] == list(ADDRESSES)
    assert Enrolment.objects.count() == 2

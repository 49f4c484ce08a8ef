"""Pools, invitations, money and messages, as a researcher and an evaluator see them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hypeweb.models import (
    Budget,
    Enrolment,
    Payment,
    Pool,
    Posting,
    Reconciliation,
    Session,
)
from hypeweb.services import (
    admissions,
    appeals,
    invitations,
    pools,
    sessions,
    settlements,
)
from tests import factories
from tests.factories import NOW, join, walk


@pytest.fixture
def study(transactional_db, settings):
    settings.EMAIL_URL = "smtp://mail.example"
    settings.SITE_URL = "https://hype.example"
    owner = factories.make_user("ada", is_staff=True)
    found = factories.open_study(
        owner,
        protocol="hype_inf",
        pay_base="1.00",
        pay_per_correct="0.02",
        pay_hourly_minimum="12",
        budget="200",
        contact="lab@example.org",
    )
    for answers in ("r", "rw", "w"):
        settlements.settle(walk(join(found), answers).pk, now=NOW)
    return found


@pytest.fixture
def clinic(study):
    pool = pools.add_pool(
        pool=Pool(study=study, kind="invitations", name="Clinic", group="experts"),
        actor=study.owner,
    )
    text = "ada@example.org,radiology\nbob@example.org,radiology\neve@example.org\n"
    invitations.add(pool=pool, text=text, actor=study.owner, now=NOW)
    first, second, third = pool.invitations.all()
    invitations.join(invitation=first, now=NOW)
    invitations.revoke(invitation=second, actor=study.owner, now=NOW)
    third.error = invitations.UNCONFIRMED
    third.wants_sending, third.sent_at = False, NOW
    third.save()
    return pool


@pytest.fixture
def turk(study):
    pool = pools.add_pool(
        pool=Pool(study=study, kind="mturk", name="Workers", quota=20),
        actor=study.owner,
    )
    posting = Posting.objects.create(
        pool=pool,
        reference="12345678123456781234567812345678",
        external_id="3HITOFTHIRTYLETTERSANDDIGITS01",
        state="open",
        n_places=9,
        reward_cents=100,
        place_cents=120,
        n_promised=8,
        n_strangers=1,
        minutes=10,
        hours_open=72,
        created_at=NOW,
        synced_at=NOW,
    )
    Reconciliation.objects.create(
        pool=pool,
        made_at=NOW,
        n_compared=12,
        differences=[
            {
                "submission": "3ASSIGNMENTOFTHIRTYLETTERS0001",
                "session": 4,
                "here": "base + 0.42",
                "there": "base",
            }
        ],
    )
    session = Session.objects.order_by("pk").first()
    Payment.objects.filter(session=session).update(service="mturk")
    leaver = factories.join(study)
    sessions.leave_session(session=leaver, now=NOW)
    for number, one in enumerate((session, leaver)):
        Enrolment.objects.create(
            session=one,
            service="mturk",
            external_id=f"3A{number}",
            posting=posting,
            status="Submitted",
            decides_at=NOW + timedelta(days=30),
        )
    Budget.objects.update(committed_cents=20500, overspent_cents=500)
    Payment.objects.filter(session=session, reason="base").update(is_by_service=True)
    Payment.objects.filter(session=session, reason="bonus").update(
        state="failed", error="This Worker does not take bonuses."
    )
    return pool


@pytest.fixture
def log_in(page, live_server, study):
    page.goto(f"{live_server.url}/accounts/login/")
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", "a-long-password")
    page.click("button[type=submit]")


def test_a_researcher_sees_pools_money_and_messages(
    page, live_server, study, clinic, turk, log_in, check_page
):
    base = f"{live_server.url}/studies/{study.slug}"
    page.goto(f"{base}/pools/")
    check_page("pools")
    page.get_by_role("link", name="Clinic").click()
    assert page.get_by_text("No. 1").is_visible()
    assert page.get_by_text("ada@example.org").count() == 0
    check_page("pool-invitations")
    page.goto(f"{base}/pools/{turk.pk}/")
    check_page("pool-mturk")
    page.goto(f"{base}/payments/")
    page.get_by_role("button", name="Approve all").wait_for()
    assert page.get_by_text("2 submissions wait for your decision.").is_visible()
    check_page("payments")
    page.goto(f"{live_server.url}/money/")
    check_page("money")
    session = Session.objects.last()
    appeals.write(session=session, message="The bonus looks too low.", now=NOW)
    admissions.block(
        session=session, reason="Clicks at once", days=90, actor=study.owner, now=NOW
    )
    Session.objects.filter(pk=session.pk).update(state="screened_out")
    other = Session.objects.exclude(pk=session.pk).order_by("pk")[0]
    admissions.block(
        session=other,
        reason="Twice here",
        days=30,
        actor=study.owner,
        now=timezone.now(),
    )
    page.goto(f"{base}/people/")
    page.locator("summary", has_text="Second chance, or a block").click()
    page.locator("summary", has_text="Block").first.click()
    check_page("people")
    page.goto(f"{live_server.url}/inbox/")
    check_page("inbox")
    page.get_by_label("Answer to session").fill("We look at it.")
    page.get_by_role("button", name="Answer").click()
    assert page.get_by_text("We look at it.").is_visible()


def test_a_ledger_without_an_account_at_its_service(
    page, live_server, study, log_in, check_page, settings
):
    settings.PROLIFIC_TOKEN = ""
    pools.add_pool(
        pool=Pool(study=study, kind="prolific", name="Panel"), actor=study.owner
    )
    first = Session.objects.first()
    Enrolment.objects.create(session=first, service="prolific", external_id="s1")
    Payment.objects.filter(session=first).update(service="prolific")
    page.goto(f"{live_server.url}/studies/{study.slug}/payments/")
    assert page.get_by_text("ask its admin to set PROLIFIC_TOKEN").count() == 2
    check_page("payments-without-account")


def test_an_evaluator_reads_the_pay_and_gets_a_code(
    page, live_server, study, turk, check_page
):
    page.goto(live_server.url + factories.link(study))
    assert page.get_by_text("an hour if half of the answers are right").is_visible()
    check_page("invitation-paid")
    session = Session.objects.last()
    page.goto(f"{live_server.url}/s/{session.token}/")
    assert page.get_by_role("heading", name="Your code").is_visible()
    page.get_by_text("Something went wrong").click()
    page.get_by_label("Your message").fill("Thank you.")
    check_page("debrief-code")
    page.get_by_role("button", name="Send").click()
    assert page.get_by_text("Not answered yet").is_visible()
    query = "assignmentId=3A1&workerId=AW1&hitId=3H1"
    page.goto(f"{live_server.url}/e/{turk.token}/work/?{query}")
    check_page("hit-frame")

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from hypeweb.models import (
    Account,
    Appeal,
    Block,
    Budget,
    Enrolment,
    Payment,
    Pool,
    Session,
)
from hypeweb.services import completion, payments, pools, settlements
from tests import factories
from tests.factories import NOW, join, walk


def text(response):
    return response.content.decode()


@pytest.fixture
def paid(researcher):
    return factories.open_study(
        researcher, protocol="hype_inf", pay_base="1.00", budget="500"
    )


@pytest.fixture
def settled(paid):
    settlements.settle(walk(join(paid)).pk, now=NOW)
    return paid


def at(name, study, *args):
    return reverse(name, args=[study.slug, *args])


def test_a_session_that_ends_in_the_browser_is_owed(client, paid):
    client.post(factories.link(paid), {"consent": "on"})
    session = Session.objects.get()
    walk(session)
    client.post(reverse("session_leave", args=[session.token]))
    assert settlements.unsettled() == [session.pk]


def test_the_ledger_shows_approves_and_limits(researcher_client, settled):
    page = text(researcher_client.get(at("study_payments", settled)))
    assert "1.00 USD base" in page
    assert "Approve all 1" in page

    researcher_client.post(at("payments_approve", settled))
    researcher_client.post(at("study_payments", settled), {"soft": 10, "hard": "20.5"})
    researcher_client.post(at("payments_automatic", settled))

    assert Payment.objects.get().approved_at
    budget = Budget.objects.get()
    assert (budget.soft_cents, budget.hard_cents) == (1000, 2050)
    assert budget.is_automatic


def test_a_limit_below_what_is_spent_is_refused_in_the_form(researcher_client, settled):
    payments.record_manual(payment=Payment.objects.get(), now=NOW)
    response = researcher_client.post(at("study_payments", settled), {"hard": "0.5"})
    assert response.status_code == 400
    assert "cannot be below the 1.00" in text(response)


def test_payments_by_hand_go_out_as_csv_and_come_back(researcher_client, settled):
    response = researcher_client.get(at("payments_manual_csv", settled))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    rows = text(response).replace("base,\r\n", "base,yes\r\n")
    upload = SimpleUploadedFile("paid.csv", rows.encode())

    done = researcher_client.post(
        at("payments_confirm", settled), {"file": upload}, follow=True
    )

    assert "1 payments are confirmed." in text(done)
    assert Payment.objects.get().state == "confirmed"


def test_a_code_is_taken_once_on_the_page(researcher_client, settled):
    code = completion.ending_of(Session.objects.get(), now=NOW).code
    path = at("code_redeem", settled)
    first = researcher_client.post(path, {"code": code}, follow=True)
    second = researcher_client.post(path, {"code": code})
    assert "The code is right" in text(first)
    assert second.status_code == 400
    assert "a code counts once" in text(second)


def test_a_payment_that_failed_can_be_tried_again(researcher_client, settled):
    Payment.objects.update(state="failed", error="Not now.")
    payment = Payment.objects.get()
    page = text(researcher_client.get(at("study_payments", settled)))
    assert "Not now." in page
    researcher_client.post(at("payment_retry", settled, payment.pk))
    payment.refresh_from_db()
    assert (payment.state, payment.error) == ("owed", "")


@pytest.fixture
def at_prolific(paid):
    """Give a study with a base owed through Prolific."""
    pool = pools.add_pool(
        pool=Pool(study=paid, kind="prolific", name="Panel"), actor=paid.owner
    )
    session = join(paid)
    Session.objects.filter(pk=session.pk).update(pool=pool)
    session.refresh_from_db()
    Enrolment.objects.create(session=session, service="prolific", external_id="s1")
    settlements.settle(walk(session).pk, now=NOW)
    return pool


def test_the_ledger_is_there_without_an_account_at_its_service(
    researcher_client, at_prolific, settings
):
    settings.PROLIFIC_TOKEN = ""
    page = text(researcher_client.get(at("study_payments", at_prolific.study)))
    assert "1.00 USD base" in page
    assert "1 payment of 1.00 and 0.34 in fees" in page
    # Once where a run would send it, once where it would be compared.
    assert page.count("nothing can be sent there or compared") == 2
    assert "set PROLIFIC_TOKEN" in page
    assert "Compare now" not in page


def test_with_an_account_its_list_can_be_compared(
    researcher_client, at_prolific, settings
):
    settings.PROLIFIC_TOKEN = "t"
    page = text(researcher_client.get(at("study_payments", at_prolific.study)))
    assert "Compare now" in page
    assert "PROLIFIC_TOKEN" not in page


def test_the_accounts_are_an_admins(researcher_client, settled):
    account = Account.objects.get()
    paths = reverse("money"), reverse("account_limits", args=[account.pk])
    assert researcher_client.get(paths[0]).status_code == 403
    assert researcher_client.post(paths[1]).status_code == 403
    admin = Client()
    admin.force_login(factories.make_user("admin", is_staff=True))
    assert "by hand" in text(admin.get(paths[0]))
    admin.post(paths[1], {f"{account.pk}-hard": "7"})
    account.refresh_from_db()
    assert account.hard_cents == 700


def test_viewers_see_no_ledger(settled, researcher):
    stranger = Client()
    stranger.force_login(factories.make_user("stranger"))
    assert stranger.get(at("study_payments", settled)).status_code == 404


def test_a_message_is_written_answered_and_read(
    client, researcher_client, study, researcher
):
    session = walk(join(study))
    page = reverse("session", args=[session.token])
    client.post(
        reverse("session_appeal", args=[session.token]), {"message": "My <b>pay</b>?"}
    )
    inbox = text(researcher_client.get(reverse("inbox")))
    assert "My &lt;b&gt;pay&lt;/b&gt;?" in inbox
    appeal = Appeal.objects.get()
    researcher_client.post(at("appeal_reply", study, appeal.pk), {"text": "On its way"})
    assert "On its way" in text(client.get(page))


def test_people_are_blocked_and_let_in_again(researcher_client, study):
    session = walk(join(study))
    blocked = {"reason": "Clicks without looking", "days": 9}
    researcher_client.post(at("session_block", study, session.pk), blocked)
    made = Block.objects.get()
    assert made.reason == "Clicks without looking"
    assert "Clicks without" in text(researcher_client.get(reverse("inbox")))
    researcher_client.post(reverse("block_lift", args=[study.project_id, made.pk]))
    assert not Block.objects.exists()


def test_people_are_blocked_from_their_studys_page(researcher_client, study):
    first, second = walk(join(study)), join(study)
    page = at("study_people", study)
    shown = text(researcher_client.get(page))
    assert shown.index(f"Session {second.pk}") < shown.index(f"Session {first.pk}")
    assert "4 answers" in shown
    assert "Let them try" not in shown

    blocked = {"reason": "Clicks at once", "days": 9, "back": study.slug}
    done = researcher_client.post(at("session_block", study, first.pk), blocked)
    assert done.url == page
    assert ": Clicks at once" in text(researcher_client.get(page))
    lift = reverse("block_lift", args=[study.project_id, Block.objects.get().pk])
    assert researcher_client.post(lift, {"back": study.slug}).url == page

    Session.objects.filter(pk=first.pk).update(state="screened_out")
    assert "Let them try" in text(researcher_client.get(page))
    again = at("session_requalify", study, first.pk)
    assert researcher_client.post(again, {"back": study.slug}).url == page
    first.refresh_from_db()
    assert first.state == "consented"
    assert researcher_client.post(again, {"back": "nowhere"}).status_code == 409
    stranger = Client()
    stranger.force_login(factories.make_user("stranger"))
    assert stranger.get(page).status_code == 404


def test_a_page_of_people_takes_as_many_queries_for_three_as_for_one(
    researcher_client, study, django_assert_num_queries
):
    page = at("study_people", study)
    walk(join(study))
    with CaptureQueriesContext(connection) as one:
        researcher_client.get(page)
    for _ in range(2):
        walk(join(study))
    with django_assert_num_queries(len(one)):
        researcher_client.get(page)


def test_a_code_is_shown_at_the_end(client, study):
    session = walk(join(study))
    page = text(client.get(reverse("session", args=[session.token])))
    assert session.completion_code.code in page


def test_the_ledger_warns_of_what_a_service_pays_by_itself(researcher_client, settled):
    session = Session.objects.get()
    Enrolment.objects.create(
        session=session,
        service="mturk",
        external_id="3A",
        status="Submitted",
        decides_at=timezone.now() + timedelta(days=6),
    )
    page = at("study_payments", settled)
    assert "1 submission waits for your decision." in text(researcher_client.get(page))

    Payment.objects.all().delete()
    shown = text(researcher_client.get(page))
    assert "Submitted, and owed no base" in shown
    reject = at("work_reject", settled, session.pk)
    assert f'action="{reject}"' in shown
    Enrolment.objects.update(decides_at=timezone.now() + timedelta(days=9))
    assert "for your decision" not in text(researcher_client.get(page))

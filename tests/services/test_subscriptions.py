import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from hypeweb.models import Enrolment, ServiceEvent
from hypeweb.services import subscriptions
from hypeweb.services.errors import DomainError
from hypeweb.services.prolific import ProlificClient
from tests import factories
from tests.doubles.faults import Faults

TARGET = "https://hype.example/hooks/prolific/"


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://hype.example"
    settings.PROLIFIC_WEBHOOK_SECRET = ""


def run(*arguments):
    out = StringIO()
    call_command("subscribe_prolific", *arguments, stdout=out)
    return out.getvalue()


def enabled(prolific):
    return [one["is_enabled"] for one in prolific.subscriptions.values()]


@pytest.mark.parametrize("answers_with_lists", [False, True])
def test_the_first_run_makes_the_secret_and_the_second_subscribes(
    prolific, settings, answers_with_lists
):
    prolific.answers_with_lists = answers_with_lists
    first = run()
    (secret,) = prolific.hook_secrets.values()
    assert f"PROLIFIC_WEBHOOK_SECRET={secret}" in first
    assert prolific.subscriptions == {}
    assert run() == first

    settings.PROLIFIC_WEBHOOK_SECRET = secret
    assert run() == f"Prolific now sends {subscriptions.EVENT_TYPE} to {TARGET}.\n"
    assert run() == f"Prolific already sends {subscriptions.EVENT_TYPE} to {TARGET}.\n"

    (made,) = prolific.subscriptions.values()
    assert (made["target_url"], made["is_enabled"]) == (TARGET, True)
    assert list(prolific.hook_secrets.values()) == [secret]


def test_a_secret_that_is_not_the_workspaces_is_not_used(prolific, settings):
    run()
    settings.PROLIFIC_WEBHOOK_SECRET = "another"
    with pytest.raises(CommandError, match="not the secret of this workspace"):
        run()
    assert prolific.subscriptions == {}


@pytest.mark.parametrize("n_well", [3, 4], ids=["created", "confirmed"])
def test_a_subscription_whose_reply_was_lost_is_there_once(prolific, settings, n_well):
    run()
    (settings.PROLIFIC_WEBHOOK_SECRET,) = prolific.hook_secrets.values()
    fates = iter([*[""] * n_well, "lost_after"])
    prolific.faults.draw = lambda: next(fates, "")
    with pytest.raises(CommandError, match="does not answer"):
        run()

    run()

    assert enabled(prolific) == [True]


def test_one_of_several_workspaces_must_be_named(prolific):
    prolific.workspaces.append({"id": "7" * 24, "title": "Clinic"})
    with pytest.raises(CommandError, match=r"7{24} \(Clinic\)"):
        run()
    with pytest.raises(CommandError, match="Name one"):
        run("--workspace", "8" * 24)
    run("--workspace", "7" * 24)
    assert list(prolific.hook_secrets) == ["7" * 24]


def test_events_go_to_https_alone(prolific):
    with pytest.raises(DomainError, match="https:// only"):
        subscriptions.subscribe(
            ProlificClient(), workspace_id="6" * 24, target_url="http://hype.example/"
        )


def test_without_an_account_the_command_says_so(settings):
    settings.PROLIFIC_TOKEN = ""
    with pytest.raises(CommandError, match="set PROLIFIC_TOKEN"):
        run()


def test_what_prolific_refuses_is_one_sentence(prolific):
    prolific.key = "another"
    with pytest.raises(CommandError, match="Prolific answered 401"):
        run()
    prolific.faults = Faults(broken_before=1.0)
    with pytest.raises(CommandError, match="does not answer"):
        run()


@pytest.mark.django_db(transaction=True)
def test_a_subscribed_site_takes_each_event_once_and_the_newest_counts(
    live_server, prolific, settings
):
    study = factories.open_study(factories.make_user("ada"), protocol="hype_inf")
    enrolment = Enrolment.objects.create(
        session=factories.join(study), service="prolific", external_id="sub1"
    )
    prolific.submit("sub1", participant="5ec2e7" * 4)
    run()
    (settings.PROLIFIC_WEBHOOK_SECRET,) = prolific.hook_secrets.values()
    run()
    now = int(time.time())

    def tell(status, **event):
        prolific.submissions["sub1"].status = status
        return prolific.tell("sub1", site=live_server.url, **event)

    assert tell("APPROVED", event_id="late", at=now) == [204]
    assert tell("AWAITING REVIEW", event_id="early", at=now - 60) == [204]
    assert tell("REJECTED", event_id="late", at=now) == [204]

    enrolment.refresh_from_db()
    assert enrolment.status == "APPROVED"
    assert ServiceEvent.objects.count() == 2

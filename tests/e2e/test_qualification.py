"""The qualification in a browser: failed, passed, out, full; and two tabs at once."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from hypeweb.models import Judgment, Session, Trial
from hypeweb.services import sessions
from tests import factories
from tests.factories import other

pytestmark = pytest.mark.django_db(transaction=True)

READY = "#trial[data-answerable=true]"
KEYS = {"fake": "f", "real": "j"}


@pytest.fixture
def owner(live_server):
    return factories.make_user("researcher")


def join_in_browser(page, live_server, study) -> None:
    page.goto(f"{live_server.url}{factories.link(study)}")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Agree").press("Enter")


def answer_part(page, *, is_right: bool, n: int = 4) -> None:
    for _ in range(n):
        page.locator(READY).wait_for(timeout=60_000)
        trial = Trial.objects.get(issued_at__isnull=False, judgment__isnull=True)
        page.keyboard.press(KEYS[trial.truth if is_right else other(trial.truth)])
        expect(page.locator(READY)).to_have_count(0)


def test_failed_then_passed_then_the_task(page, live_server, owner, check_page):
    study = factories.qualifying_study(owner, protocol="hype_inf")
    join_in_browser(page, live_server, study)
    expect(page.locator("main")).to_contain_text("Attempts left: 2.")
    check_page("qualification-start")
    page.get_by_role("button", name="Start").press("Enter")
    page.locator(READY).wait_for()
    expect(page.locator(".task-count")).to_contain_text("Qualification")
    check_page("qualification-trial")
    answer_part(page, is_right=False)
    page.get_by_role("heading", name="Not passed yet").wait_for(timeout=60_000)
    expect(page.locator("main")).to_contain_text("0 %, 0 of 2 recognised")
    expect(page.locator("main")).to_contain_text("Attempts left: 1.")
    check_page("qualification-not-yet")
    page.get_by_role("button", name="Try again").press("Enter")
    answer_part(page, is_right=True)
    page.get_by_text("You have qualified.").wait_for(timeout=60_000)
    check_page("qualification-passed")
    page.get_by_role("button", name="Start").press("Enter")
    page.locator(READY).wait_for()
    expect(page.locator(".task-count")).not_to_contain_text("Qualification")
    answer_part(page, is_right=True)
    page.get_by_role("heading", name="Thank you").wait_for(timeout=60_000)
    assert Session.objects.get().state == Session.State.FINISHED
    assert Judgment.objects.filter(trial__purpose="score").count() == 4


def test_who_fails_the_last_attempt_leaves_with_a_result(
    page, live_server, owner, check_page
):
    study = factories.qualifying_study(
        owner, protocol="hype_inf", qualification_max_attempts=1
    )
    join_in_browser(page, live_server, study)
    page.get_by_role("button", name="Start").press("Enter")
    answer_part(page, is_right=False)
    page.get_by_role("heading", name="Thank you for trying").wait_for(timeout=60_000)
    expect(page.locator("main")).to_contain_text("so it ends here for you")
    check_page("not-admitted")
    assert Session.objects.get().state == Session.State.SCREENED_OUT
    page.reload()
    page.get_by_role("heading", name="Thank you for trying").wait_for()


def test_who_qualifies_when_all_places_are_taken_keeps_the_pass(
    page, live_server, owner, check_page
):
    study = factories.qualifying_study(owner, protocol="hype_inf", evaluators_per_arm=1)
    join_in_browser(page, live_server, study)
    page.get_by_role("button", name="Start").press("Enter")
    answer_part(page, is_right=True)
    page.get_by_text("You have qualified.").wait_for(timeout=60_000)
    quicker = sessions.join_study(
        study=study, population=Session.Population.PEOPLE, now=timezone.now()
    )
    Session.objects.filter(pk=quicker.pk).update(
        arm=study.arms.get(), state="running", started_at=timezone.now()
    )
    page.get_by_role("button", name="Start").press("Enter")
    page.get_by_text("others were quicker").wait_for(timeout=60_000)
    expect(page.get_by_role("button", name="Look for a free place")).to_be_visible()
    check_page("no-place")


def test_of_two_tabs_one_wins_and_the_other_says_so(
    page, context, live_server, owner, check_page, no_page_errors
):
    study = factories.open_study(owner, protocol="hype_inf", n_arms=1)
    session = factories.join(study, now=timezone.now())
    address = f"{live_server.url}/s/{session.token}/"
    second = context.new_page()
    for tab in (page, second):
        tab.goto(address)
        tab.locator(READY).wait_for()
    trial = Trial.objects.get(issued_at__isnull=False, judgment__isnull=True)
    second.keyboard.press(KEYS[trial.truth])
    expect(second.locator("[data-status]")).to_contain_text("Correct")
    page.bring_to_front()
    page.keyboard.press(KEYS[other(trial.truth)])
    refused = page.get_by_role("heading", name="This did not go through")
    refused.wait_for()
    expect(page.locator("main")).to_contain_text("the first answer stands")
    check_page("two-tabs")
    assert Judgment.objects.get().answer == trial.truth
    page.get_by_role("button", name="Show the current image").press("Enter")
    # Both hold the same trial now; whoever answers first is counted, once.
    for _ in range(study.n_trials - 1):
        page.locator(READY).wait_for(timeout=60_000)
        page.keyboard.press("j")
        expect(page.locator(READY)).to_have_count(0)
    page.get_by_role("heading", name="Thank you").wait_for(timeout=60_000)
    second.locator(READY).wait_for()
    second.keyboard.press("f")
    second.get_by_role("heading", name="This did not go through").wait_for()
    second.get_by_role("button", name="Show the current image").press("Enter")
    second.get_by_role("heading", name="Thank you").wait_for()
    assert Judgment.objects.count() == study.n_trials
    # A refused answer is a response of 409, which the browser's console tells.
    assert all("409" in error for error in no_page_errors)
    no_page_errors.clear()

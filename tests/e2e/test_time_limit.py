"""An untimed study whose images disappear: the clock, the question, a late answer."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from hypeweb.models import Judgment, Session
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

STUDY = {"n_arms": 1, "n_real": 2, "n_fake": 2}


@pytest.fixture
def limited(live_server):
    owner = factories.make_user("researcher")
    return factories.open_study(owner, protocol="hype_inf", time_limit_s=30, **STUDY)


def test_the_image_disappears_and_a_late_answer_is_repeated(
    page, live_server, limited, check_page
):
    page.clock.install()
    page.goto(f"{live_server.url}{factories.link(limited)}")
    expect(page.locator("main")).to_contain_text("up to 30 s each")
    check_page("limit-invitation")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Agree").click()
    expect(page.locator(".steps")).to_contain_text("After 30 s it disappears")
    check_page("limit-instructions")
    page.get_by_role("button", name="Start").click()

    image = page.locator("[data-stage] img")
    clock, said = page.locator("[data-clock]"), page.locator("[data-clock-said]")
    answerable = page.locator("#trial[data-answerable=true]")
    answerable.wait_for()
    expect(clock).to_be_visible()
    check_page("limit-trial")
    page.clock.run_for(21_000)
    expect(said).to_have_text("10 seconds left")
    page.clock.run_for(10_000)
    expect(page.locator("[data-status]")).to_contain_text("Time is up")
    expect(image).to_have_css("opacity", "0")
    expect(clock).to_be_hidden()
    check_page("limit-time-up")

    page.clock.run_for(15_000)  # beyond the ten seconds to answer
    page.keyboard.press("j")
    expect(page.locator("[data-status]")).to_contain_text("That took too long")
    check_page("limit-late")
    assert Judgment.objects.get().exposure_flags == "late"
    session = Session.objects.get()
    assert session.trials.filter(is_repeat=True).count() == 1
    for _ in range(4):
        page.clock.run_for(4_000)
        answerable.wait_for()
        expect(image).to_have_css("opacity", "1")
        page.keyboard.press("f")
        expect(answerable).to_have_count(0)
    page.clock.run_for(4_000)
    page.get_by_role("heading", name="Thank you").wait_for()
    expect(page.locator("main")).to_contain_text("of 4 images")
    session.refresh_from_db()
    assert session.state == Session.State.FINISHED
    assert session.finished_at < timezone.now()

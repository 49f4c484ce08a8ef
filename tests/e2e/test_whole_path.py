"""From an upload to a report, as a researcher and two evaluators would walk it."""

import re

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from hypeweb.models import Judgment, SampleSet, Session, Study, Trial
from tests import factories
from tests.factories import images_zip

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(live_server):
    factories.make_user("researcher")
    return live_server.url


def log_in(page: Page, site: str) -> None:
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("Username").fill("researcher")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_label("Password").press("Enter")
    page.wait_for_url("**/studies/")


def upload(page: Page, site: str, *, name: str, origin: str, seed: int) -> None:
    page.goto(f"{site}/sample-sets/new/")
    page.get_by_label("Name").fill(name)
    page.locator(f"[name=origin][value={origin}]").check()
    page.locator("[name=archive]").set_input_files(
        {
            "name": f"{name}.zip",
            "mimeType": "application/zip",
            "buffer": images_zip(12, seed=seed),
        }
    )
    page.locator("main [type=submit]").first.press("Enter")
    page.wait_for_url(re.compile(r"/sample-sets/\d+/"))
    assert SampleSet.objects.get(name=name).n_samples == 12


def create_study(page: Page, site: str, *, name: str, protocol: str) -> Study:
    page.goto(f"{site}/studies/new/")
    page.locator("[name=name]").fill(name)
    page.locator("[name=real_set]").select_option(label="reals")
    page.get_by_role("group", name="Arms").get_by_label("fakes").check()
    page.locator(f"[name=protocol][value={protocol}]").check()
    for field, value in {
        "n_real": 2,
        "n_fake": 2,
        "n_blocks": 2,
        "images_per_block": 2,
        "evaluators_per_arm": 3,
    }.items():
        if page.locator(f"[name={field}]").is_visible():
            page.locator(f"[name={field}]").fill(str(value))
    page.locator("[name=extractor]").select_option("digits")
    page.locator("main [type=submit]").first.press("Enter")
    page.wait_for_url("**/studies/*/")
    return Study.objects.get(name=name)


def open_study(page: Page) -> str:
    page.get_by_role("button", name="Open").press("Enter")
    invitation = page.locator("[href*='/e/'], [value*='/e/']").first
    return invitation.get_attribute("href") or invitation.get_attribute("value")


def answer_all_by_keyboard(page: Page, session: Session) -> None:
    """Go through every trial with the keys the page names, always rightly."""
    for number in range(1, session.study.n_trials + 1):
        go_on = page.locator("[data-panel]:not([hidden]) [data-go-on]")
        ready = page.locator("#trial[data-answerable=true]")
        go_on.or_(ready).first.wait_for(timeout=60_000)
        if go_on.count():
            page.keyboard.press("Space")
        ready.wait_for(timeout=60_000)
        trial = Trial.objects.get(session=session, number=number)
        page.keyboard.press("j" if trial.truth == "real" else "f")
        expect(page.locator("#trial[data-answerable=true]")).to_have_count(
            0, timeout=60_000
        )
    page.get_by_role("heading", name="Thank you").wait_for(timeout=60_000)


def pass_screen_check(page: Page) -> None:
    """Press the keys it asks for, and measure again while the machine is busy."""
    if not page.locator("[data-screen-check]").count():
        return
    page.keyboard.press("f")
    page.keyboard.press("j")
    start = page.get_by_role("button", name="Start")
    for _ in range(10):
        page.locator("[data-check=steady]:not([data-verdict=open])").wait_for()
        if start.is_enabled():
            return
        page.get_by_role("button", name="Measure again").press("Enter")
    raise AssertionError(page.locator("[data-screen-check]").inner_text())


def judge(page: Page, address: str, check_page) -> Session:
    page.goto(address)
    check_page("invitation")
    page.get_by_role("checkbox").press("Space")
    page.get_by_role("button", name="Agree").press("Enter")
    page.get_by_role("heading", name="How it works").wait_for()
    check_page("instructions")
    pass_screen_check(page)
    page.get_by_role("button", name="Start").press("Enter")
    page.locator("#trial").wait_for()
    check_page("trial")
    session = Session.objects.latest("pk")
    answer_all_by_keyboard(page, session)
    check_page("debrief")
    session.refresh_from_db()
    return session


def test_from_upload_to_report(page, site, check_page):
    page.goto(site)
    check_page("home")
    page.goto(f"{site}/accounts/login/")
    check_page("login")
    log_in(page, site)
    check_page("studies-empty")
    upload(page, site, name="reals", origin="real", seed=1)
    check_page("sample-set")
    upload(page, site, name="fakes", origin="generated", seed=2)
    page.goto(f"{site}/sample-sets/")
    check_page("sample-sets")
    page.goto(f"{site}/sample-sets/new/")
    check_page("sample-set-new")
    page.goto(f"{site}/studies/new/")
    check_page("study-new")

    untimed = create_study(page, site, name="untimed", protocol="hype_inf")
    check_page("study-draft")
    session = judge(page, open_study(page), check_page)
    assert session.state == Session.State.FINISHED
    assert Judgment.objects.filter(trial__session=session, is_correct=True).count() == 4

    page.goto(f"{site}/studies/{untimed.slug}/")
    check_page("study-open")
    page.goto(f"{site}/studies/{untimed.slug}/report/")
    check_page("report")
    expect(page.locator("main")).to_contain_text("0.0")
    page.goto(f"{site}/studies/")
    check_page("studies")


def test_a_timed_session_by_keyboard(page, site, check_page):
    log_in(page, site)
    upload(page, site, name="reals", origin="real", seed=1)
    upload(page, site, name="fakes", origin="generated", seed=2)
    timed = create_study(page, site, name="timed", protocol="hype_time")
    check_page("study-draft-timed")
    session = judge(page, open_study(page), check_page)
    assert session.state == Session.State.FINISHED
    planned = list(session.trials.values_list("planned_ms", flat=True))
    assert planned == [500, 500, 500, 500]
    for judgment in Judgment.objects.filter(trial__session=session):
        assert judgment.refresh_hz is not None
        assert judgment.shown_frames is not None
        assert judgment.server_ms > 620
        if not judgment.exposure_flags:
            assert abs(judgment.shown_ms - 500) <= 17
    page.goto(f"{site}/studies/{timed.slug}/report/")
    check_page("report-timed")
    expect(page.locator("main")).to_contain_text("500")


def test_a_reload_in_the_middle_goes_on_at_the_next_image(page, site):
    log_in(page, site)
    owner = User.objects.get(username="researcher")
    study = factories.open_study(owner, protocol="hype_inf")
    session = factories.join(study, now=timezone.now())
    page.goto(f"{site}/s/{session.token}/")
    page.locator("#trial[data-answerable=true]").wait_for()
    page.keyboard.press("j")
    expect(page.locator("progress")).to_have_js_property("value", 1)
    page.reload()
    page.locator("#trial[data-answerable=true]").wait_for()
    assert page.locator("progress").evaluate("element => element.value") == 1
    assert Judgment.objects.filter(trial__session=session).count() == 1

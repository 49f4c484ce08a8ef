"""What evaluators meet beside the trials: languages, breaks, phones, the way out."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from hypeweb.models import Judgment, Session
from hypeweb.services import screens, sessions
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

LOCALE = {"locale": "de-DE"}
PHONE = {"width": 390, "height": 780}


@pytest.fixture
def owner(live_server):
    return factories.make_user("researcher")


@pytest.fixture
def browser_context_args(browser_context_args, request):
    return {**browser_context_args, **getattr(request, "param", {})}


def open_study(owner, protocol: str, **fields):
    return factories.open_study(owner, protocol=protocol, n_arms=1, **fields)


def go_to(page: Page, live_server, session: Session) -> None:
    page.goto(f"{live_server.url}/s/{session.token}/")


def answerable(page: Page):
    return page.locator("#trial[data-answerable=true]")


def answer(page: Page, key: str = "j") -> None:
    answerable(page).wait_for(timeout=60_000)
    page.keyboard.press(key)
    expect(answerable(page)).to_have_count(0)


def answer_until_break(page: Page) -> None:
    """Answer a block: as many trials as it takes, for a busy machine repeats some."""
    pause = page.locator("[data-panel=break]:not([hidden])")
    while True:
        answerable(page).or_(pause).first.wait_for(timeout=60_000)
        if pause.is_visible():
            return
        answer(page)


@pytest.mark.parametrize("browser_context_args", [LOCALE], indirect=True)
def test_a_phone_in_german_from_invitation_to_debrief(
    page, live_server, owner, check_page
):
    study = open_study(
        owner, "hype_inf", contact="lab@example.org", debrief_text="Es ging um Ziffern."
    )
    page.set_viewport_size(PHONE)
    page.goto(live_server.url + factories.link(study))
    assert page.locator("html").get_attribute("lang") == "de"
    check_page("german-invitation")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Agree and continue")).to_be_visible()
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Zustimmen und weiter").click()
    page.get_by_role("heading", name="So geht es").wait_for()
    check_page("german-instructions")
    page.get_by_role("button", name="Los geht").click()
    answerable(page).wait_for()
    check_page("german-trial")
    for name in ("Fake", "Echt"):
        box = page.get_by_role("button", name=name, exact=True).bounding_box()
        assert box["height"] >= 72
        assert box["y"] + box["height"] > PHONE["height"] - 60
    page.set_viewport_size({"width": 780, "height": 390})
    stage = page.locator("[data-stage]").bounding_box()
    fake = page.get_by_role("button", name="Fake", exact=True).bounding_box()
    assert fake["x"] + fake["width"] <= stage["x"]
    assert stage["height"] >= 200
    page.set_viewport_size(PHONE)
    for _ in range(study.n_trials):
        answerable(page).wait_for()
        page.get_by_role("button", name="Echt", exact=True).click()
        expect(answerable(page)).to_have_count(0)
    page.get_by_role("heading", name="Danke").wait_for()
    expect(page.locator("main")).to_contain_text("Es ging um Ziffern.")
    expect(page.get_by_role("link", name="lab@example.org")).to_be_visible()
    check_page("german-debrief")


def test_a_break_between_blocks_and_stopping_early(
    page, live_server, owner, check_page
):
    study = open_study(owner, "hype_time", n_blocks=2, images_per_block=2)
    session = factories.join(study, now=timezone.now())
    go_to(page, live_server, session)
    page.get_by_role("heading", name="Ready?").wait_for()
    check_page("timed-start")
    page.keyboard.press("Space")
    answer_until_break(page)
    n_judged = Judgment.objects.count()
    expect(page.get_by_role("heading", name="Block 1 of 2 is done")).to_be_visible()
    check_page("timed-break")
    expect(page.get_by_role("button", name="Begin block 2")).to_be_focused()
    page.get_by_role("button", name="Stop early").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"You have judged {n_judged} images.")
    check_page("timed-leave")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Begin block 2")).to_be_focused()
    page.get_by_role("button", name="Stop early").press("Enter")
    page.get_by_role("button", name="Stop now").press("Enter")
    expect(page.locator("main")).to_contain_text("You stopped early.")
    check_page("timed-debrief-left")
    session.refresh_from_db()
    assert session.state == Session.State.LEFT
    assert Judgment.objects.filter(trial__session=session).count() == n_judged >= 2


def test_a_window_too_small_is_refused_kindly(page, live_server, owner, check_page):
    study = open_study(owner, "hype_time")
    required = screens.requirements_of(study)
    session = sessions.join_study(
        study=study, population=Session.Population.PEOPLE, now=timezone.now()
    )
    size = {"width": required.min_width, "height": required.min_height}
    page.set_viewport_size({**size, "height": size["height"] - 1})
    go_to(page, live_server, session)
    page.locator("[data-check=steady]:not([data-verdict=open])").wait_for()
    small = page.locator("[data-check=size]")
    expect(small).to_have_attribute("data-verdict", "failed")
    expect(small).to_contain_text(f"needs {size['width']}")
    expect(page.get_by_role("button", name="Try full screen")).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_disabled()
    check_page("screen-check-small")
    page.set_viewport_size(size)
    expect(small).to_have_attribute("data-verdict", "met")


def test_the_smallest_window_shows_images_at_their_full_size(page, live_server, owner):
    study = open_study(owner, "hype_time", feedback=False)
    required = screens.requirements_of(study)
    session = factories.join(study, now=timezone.now())
    size = {"width": required.min_width, "height": required.min_height}
    page.set_viewport_size(size)
    page.add_init_script(
        "Object.defineProperty(document, 'fullscreenEnabled', { value: false });"
    )
    go_to(page, live_server, session)
    page.set_viewport_size({**size, "width": size["width"] - 1})
    page.get_by_role("button", name="Begin").press("Space")
    page.get_by_role("heading", name="The window is too small").wait_for()
    page.set_viewport_size(size)
    page.keyboard.press("Space")
    answerable(page).wait_for(timeout=60_000)
    stage = page.locator("[data-stage]").bounding_box()
    assert stage["height"] == screens.stage_px(study) == 384


def test_a_preview_is_marked_on_every_page(page, live_server, owner, check_page):
    study = open_study(owner, "hype_inf")
    page.goto(f"{live_server.url}/accounts/login/")
    page.get_by_label("Username").fill("researcher")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_label("Password").press("Enter")
    page.wait_for_url("**/studies/")
    page.goto(f"{live_server.url}/studies/{study.slug}/")
    page.get_by_role("link", name="Preview").click()
    band = page.get_by_text("Preview: this walk counts nowhere.")
    expect(band).to_be_visible()
    check_page("preview-invitation")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Agree").click()
    expect(band).to_be_visible()
    page.get_by_role("button", name="Start").click()
    answerable(page).wait_for()
    expect(band).to_be_visible()
    check_page("preview-trial")
    for number in range(study.n_trials):
        answer(page, "f" if number % 2 else "j")
    page.get_by_role("heading", name="Thank you").wait_for(timeout=60_000)
    expect(band).to_be_visible()
    page.get_by_role("link", name="Back to the study").click()
    page.wait_for_url(f"**/studies/{study.slug}/")
    assert Session.objects.get().population == Session.Population.PREVIEW

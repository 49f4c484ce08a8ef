"""A session of 450 trials through everything that can cut it short."""

import os
import signal
from datetime import timedelta
from itertools import count

import pytest
from django.db.models import Count
from django.utils import timezone
from playwright.sync_api import expect

from hypeweb.models import Judgment, Trial
from hypeweb.science.staircase import next_exposure
from hypeweb.services import sessions, studies
from hypeweb.services.sessions import Answer, Exposure
from tests import factories
from tests.factories import other

pytestmark = pytest.mark.django_db(transaction=True)

QUICK = {
    "start_ms": 60,
    "min_ms": 20,
    "max_ms": 120,
    "countdown_ms": 10,
    "n_masks": 1,
    "mask_ms": 10,
}
READY = "#trial[data-answerable=true]"
GO_ON = "[data-panel]:not([hidden]) [data-go-on]"
TIMEOUT_MS = 30_000


class Walk:
    """One person's session: in whatever browser is open, and in none at all."""

    def __init__(self, session, address):
        self.session = session
        self.address = address
        self.page = None
        self.given = {}
        self._numbers = count()

    def open(self, browser):
        self.page = browser.new_context().new_page()
        self.page.goto(self.address)

    def _next_answer(self):
        trial = self.session.trials.filter(
            judgment__isnull=True, issued_at__isnull=False
        ).first()
        is_right = next(self._numbers) % 5 != 3
        answer = trial.truth if is_right else other(trial.truth)
        self.given[trial.pk] = answer
        return trial, answer

    def press(self):
        """Answer the present trial in the browser."""
        ready, go_on = self.page.locator(READY), self.page.locator(GO_ON)
        ready.or_(go_on).first.wait_for(timeout=TIMEOUT_MS)
        if go_on.count():
            go_on.press("Enter")
        ready.wait_for(timeout=TIMEOUT_MS)
        trial, answer = self._next_answer()
        self.page.keyboard.press("j" if answer == "real" else "f")
        return trial

    def press_and_wait(self):
        self.wait_until_stored(self.press())

    def wait_until_stored(self, trial):
        for _ in range(TIMEOUT_MS // 50):
            if Judgment.objects.filter(trial=trial).exists():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("The answer did not arrive.")

    def go_on_alone(self, n):
        """Answer as the page would, without the time that a page takes."""
        for _ in range(n):
            now = timezone.now()
            if factories.look(self.session, now=now) is None:
                return
            trial, answer = self._next_answer()
            Trial.objects.filter(pk=trial.pk).update(
                issued_at=now - timedelta(seconds=1)
            )
            sessions.record_judgment(
                session=self.session,
                answer=Answer(
                    nonce=trial.nonce,
                    answer=answer,
                    rt_ms=400.0,
                    exposure=Exposure(shown_ms=float(trial.planned_ms)),
                ),
                now=now,
            )


@pytest.fixture
def walk(live_server):
    study = factories.open_study(
        factories.make_user("researcher"),
        protocol="hype_time",
        n_arms=1,
        n_images=320,
        n_blocks=3,
        images_per_block=150,
        feedback=False,
        **QUICK,
    )
    session = factories.join(study, now=timezone.now())
    return Walk(session, f"{live_server.url}/s/{session.token}/")


@pytest.fixture
def short_walk(live_server, page, no_page_errors):
    """A few trials, in a page that is not open yet; its requests may fail."""
    study = factories.open_study(
        factories.make_user("researcher"), protocol="hype_time", n_arms=1, **QUICK
    )
    session = factories.join(study, now=timezone.now())
    walk = Walk(session, f"{live_server.url}/s/{session.token}/")
    walk.page = page
    yield walk
    assert {line.partition(":")[0] for line in no_page_errors} == {
        "Failed to load resource"
    }
    no_page_errors.clear()


def reload_between_trials(walk):
    walk.press_and_wait()
    walk.page.reload()


def reload_with_the_answer_under_way(walk):
    walk.press()
    walk.page.reload()


def reload_with_the_image_on_the_screen(walk):
    walk.page.locator(READY).or_(walk.page.locator(GO_ON)).first.wait_for()
    walk.page.reload()


def cut_before_the_server(walk):
    failures = iter([True, True])

    def cut(route):
        if next(failures, False):
            route.abort("internetdisconnected")
        else:
            route.continue_()

    walk.page.route("**/answer/", cut)
    trial = walk.press()
    expect(walk.page.locator("#trial[data-offline=true]")).to_be_visible()
    walk.wait_until_stored(trial)
    walk.page.unroute("**/answer/")


def cut_behind_the_server(walk):
    """Let the server record the answer, and lose its reply."""
    failures = iter([True])

    def lose(route):
        if next(failures, False):
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    walk.page.route("**/answer/", lose)
    walk.wait_until_stored(walk.press())
    expect(walk.page.locator("#trial[data-offline=true]")).to_have_count(
        0, timeout=TIMEOUT_MS
    )
    walk.page.unroute("**/answer/")


def cut_and_reload(walk):
    """Leave the page with the answer unsent: the next page sends it."""
    walk.page.route("**/answer/", lambda route: route.abort("internetdisconnected"))
    trial = walk.press()
    expect(walk.page.locator("#trial[data-offline=true]")).to_be_visible()
    assert not Judgment.objects.filter(trial=trial).exists()
    walk.page.unroute("**/answer/")
    walk.page.reload()
    walk.wait_until_stored(trial)


def kill(browser):
    """End a browser as a power cut would."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    os.kill(next(p["id"] for p in processes if p["type"] == "browser"), signal.SIGKILL)


def test_450_trials_through_reloads_cuts_and_a_kill(
    walk, browser_type, browser_type_launch_args
):
    browser = browser_type.launch(**browser_type_launch_args)
    for event in (
        reload_between_trials,
        cut_before_the_server,
        reload_with_the_answer_under_way,
        cut_behind_the_server,
    ):
        walk.go_on_alone(48)
        walk.open(browser)
        event(walk)
        walk.press_and_wait()
        walk.page.context.close()
    walk.go_on_alone(20)
    walk.open(browser)
    walk.press_and_wait()
    kill(browser)

    browser = browser_type.launch(**browser_type_launch_args)
    for event in (
        reload_with_the_image_on_the_screen,
        cut_and_reload,
        reload_with_the_answer_under_way,
    ):
        walk.open(browser)
        event(walk)
        walk.press_and_wait()
        walk.page.context.close()
        walk.go_on_alone(48)
    walk.go_on_alone(450)
    browser.close()

    session = walk.session
    session.refresh_from_db()
    assert session.state == session.State.FINISHED
    judged = Judgment.objects.filter(trial__session=session)
    assert dict(judged.values_list("trial_id", "answer")) == walk.given
    n_void = judged.filter(is_void=True).count()
    assert judged.filter(is_void=False).count() == 450
    assert session.trials.count() == len(walk.given) == 450 + n_void
    doubled = session.trials.values("sample").annotate(n=Count("pk")).filter(n__gt=1)
    assert not doubled.exists()
    assert planned(session) == replayed(session)


def test_images_whose_replies_are_lost_are_shown_once(short_walk):
    """The server sent the image each time; the person saw it once."""
    page, lost = short_walk.page, {"i": 2, "m": 2}
    asked = []

    def lose(route):
        kind = route.request.url.rsplit("/", 2)[1]
        asked.append(kind)
        if lost[kind]:
            lost[kind] -= 1
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/i/*", lose)
    page.route("**/m/*", lose)
    page.goto(short_walk.address)
    trial = short_walk.press()
    short_walk.wait_until_stored(trial)

    assert asked.count("i") >= 3  # the next trial's may have been asked for too
    trial.refresh_from_db()
    assert trial.n_shown == 1
    assert "shown_again" not in trial.judgment.exposure_flags


def test_a_mask_that_is_lost_asks_for_no_image_again(short_walk):
    page, asked = short_walk.page, []
    failures = iter([True, True])

    def cut(route):
        if next(failures, False):
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route("**/m/*", cut)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(short_walk.address)
    trial = short_walk.press()
    short_walk.wait_until_stored(trial)
    assert sum(url.endswith(f"/i/{trial.image_token}") for url in asked) == 1


def test_a_cookie_that_ran_out_loses_no_answer(short_walk):
    page = short_walk.page
    page.goto(short_walk.address)
    short_walk.press_and_wait()
    page.context.clear_cookies()
    short_walk.press_and_wait()
    short_walk.press_and_wait()
    judged = Judgment.objects.filter(trial__session=short_walk.session)
    assert dict(judged.values_list("trial_id", "answer")) == short_walk.given
    assert page.locator("[data-panel=refused]").is_hidden()


def test_an_answer_that_stays_forbidden_is_kept(short_walk, check_page):
    page = short_walk.page
    page.goto(short_walk.address)
    page.route("**/answer/", lambda route: route.fulfill(status=403, body="Forbidden"))
    trial = short_walk.press()
    panel = page.locator("[data-panel=refused]")
    expect(panel).to_contain_text("Your answer is kept")
    check_page("trial-forbidden")
    panel.locator("[data-go-on]").press("Enter")
    expect(panel).to_contain_text("Your answer is kept")
    assert not Judgment.objects.exists()

    page.unroute("**/answer/")
    panel.locator("[data-go-on]").press("Enter")
    short_walk.wait_until_stored(trial)
    trial.refresh_from_db()
    assert trial.judgment.answer == short_walk.given[trial.pk]
    assert trial.n_shown == 1


def planned(session):
    trials = session.trials.filter(judgment__is_void=False)
    return list(trials.values_list("block", "planned_ms"))


def replayed(session):
    """Return what the rule makes of the stored answers alone."""
    rule = studies.rule_of(session.study)
    exposures = []
    for block in (1, 2, 3):
        right = []
        judged = Judgment.objects.filter(trial__session=session, trial__block=block)
        for judgment in judged.filter(is_void=False).order_by("created_at"):
            exposures.append((block, next_exposure(rule, right)))
            right.append(judgment.is_correct)
    return exposures

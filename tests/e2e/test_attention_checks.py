"""Attention checks and rules on quality: the form, the walk, both reports."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from hypeweb.models import Session, Study, Trial
from hypeweb.services import scores
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner(live_server):
    return factories.make_user("researcher")


@pytest.fixture
def gold_sets(owner, tmp_path):
    origins = {"easy r": "real", "easy f": "generated"}
    return [
        factories.make_sample_set(owner, name, folder=tmp_path, origin=origin)
        for name, origin in origins.items()
    ]


def log_in(page, live_server, path: str = "/studies/") -> None:
    page.goto(f"{live_server.url}/accounts/login/?next={path}")
    page.get_by_label("Username").fill("researcher")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_label("Password").press("Enter")
    page.wait_for_url(f"**{path}")


def answer_all(page, n: int, *, answer) -> None:
    for _ in range(n):
        page.locator("#trial[data-answerable=true]").wait_for(timeout=60_000)
        trial = Trial.objects.get(issued_at__isnull=False, judgment__isnull=True)
        page.keyboard.press({"fake": "f", "real": "j"}[answer(trial)])
        expect(page.locator("#trial[data-answerable=true]")).to_have_count(0)


@pytest.mark.usefixtures("gold_sets")
def test_the_form_asks_for_checks_and_rules(page, live_server, check_page):
    log_in(page, live_server, "/studies/new/")
    form = page.get_by_role("group", name="Quality of the answers")
    form.locator("summary", has_text="Numbers of the rules").click()
    expect(form.get_by_label("an answer is too quick below, ms")).to_have_value("150")
    for name, is_checked in {
        "missed too many attention checks": True,
        "was not above chance": False,
    }.items():
        expect(form.get_by_role("checkbox", name=name)).to_be_checked(
            checked=is_checked
        )
    check_page("study-new-quality")


def test_a_walk_with_checks_and_the_report_with_and_without(
    page, live_server, owner, gold_sets, check_page
):
    study = factories.open_study(
        owner,
        protocol="hype_inf",
        n_arms=1,
        gold_percent=50,
        materials={"gold": gold_sets},
    )
    careless = factories.join(study, now=timezone.now())
    page.goto(f"{live_server.url}/s/{careless.token}/")
    expect(page.locator(".task-count")).to_contain_text("of 6")
    answer_all(page, 6, answer=lambda trial: factories.other(trial.truth))
    page.get_by_role("heading", name="Thank you").wait_for(timeout=60_000)
    expect(page.locator("main")).to_contain_text("0 of 6 images")
    factories.walk(factories.join(study))
    scores.score_study(study.pk, now=timezone.now())
    careless.refresh_from_db()
    assert careless.state == Session.State.FINISHED
    assert "gold" in careless.quality_flags

    log_in(page, live_server, f"/studies/{study.slug}/report/")
    exclusions = page.locator("section[aria-labelledby=exclusions-title]")
    expect(exclusions).to_contain_text("would leave out 1 of 2 finished")
    check_page("report-everyone")
    exclusions.get_by_role("link", name="Show the report without them").press("Enter")
    expect(exclusions).to_contain_text("leaves out 1 of 2 finished")
    check_page("report-without-excluded")
    exclusions.get_by_role("link", name="Show everyone's judgments").press("Enter")
    expect(exclusions).to_contain_text("would leave out 1 of 2 finished")
    page.goto(f"{live_server.url}/studies/{study.slug}/")
    expect(page.locator("main")).to_contain_text(
        "2 images of “easy r”, “easy f”, never scored"
    )
    check_page("study-gold")
    assert Study.objects.get().gold_percent == 50

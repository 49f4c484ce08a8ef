"""The planner on the study form, and a report that compares six arms."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from hypeweb.models import Evaluation, MetricResult, Study
from hypeweb.services import agreement, evaluations, scores
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db(transaction=True)

ANSWERS = ("rrrr", "rrrw", "rwrw", "rwww", "wwww", "wwwr")


@pytest.fixture
def site(live_server, page):
    factories.make_user("researcher")
    page.goto(f"{live_server.url}/accounts/login/")
    page.get_by_label("Username").fill("researcher")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_label("Password").press("Enter")
    page.wait_for_url("**/studies/")
    return live_server.url


def test_the_plan_follows_the_form(page, site, check_page):
    page.goto(f"{site}/studies/new/")
    plan = page.locator("[data-plan-url]")
    expect(plan).to_contain_text("30 evaluators, 10 minutes each, unpaid.")
    page.locator("[name=pay_per_correct]").fill("0.02")
    page.locator("[name=pay_hourly_minimum]").fill("12")
    expect(plan).to_contain_text("30 evaluators, 10 minutes and $2.00 each")
    page.locator("[name=evaluators_per_arm]").fill("12")
    expect(plan).to_contain_text("12 evaluators, 10 minutes and $2.00 each")
    page.locator("[name=n_real]").fill("")
    expect(plan).to_contain_text("Fill in the protocol")
    page.locator("[name=n_real]").fill("25")
    expect(plan).to_contain_text("8 minutes")
    check_page("study-new-plan")


def test_a_report_of_six_arms(page, site, check_page):
    owner = Study.owner.field.related_model.objects.get(username="researcher")
    study = factories.open_study(
        owner, protocol="hype_inf", n_arms=6, watch_sequentially=True
    )
    for number in range(24):
        session = join(study)
        kind = (session.arm.position + (number % 4 == 0)) % len(ANSWERS)
        walk(session, ANSWERS[kind])
    for position, run in enumerate(evaluations.request_evaluations(study)):
        Evaluation.objects.filter(pk=run.pk).update(state="done", finished_at=NOW)
        for name in ("fid", "precision"):
            MetricResult.objects.create(
                evaluation=run, name=name, value=9 - position, low=1, high=12
            )
    scores.score_study(study.pk, now=timezone.now())
    agreement.relate_study(study.pk, now=timezone.now())
    page.goto(f"{site}/studies/{study.slug}/report/")
    for title in ("Comparisons", "People and metrics"):
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    page.locator("summary").evaluate_all("all => all.map(one => one.click())")
    check_page("report-comparisons")
    page.goto(f"{site}/studies/{study.slug}/")
    expect(page.get_by_role("heading", name="Watched while it runs")).to_be_visible()
    check_page("study-watched")

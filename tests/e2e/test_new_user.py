"""A new user's way from two archives to an open study, and to colleagues' eyes."""

import pytest
from playwright.sync_api import expect

from hypeweb.models import Study
from hypeweb.services import projects
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(live_server, page):
    factories.make_user("newcomer")
    page.goto(f"{live_server.url}/accounts/login/")
    page.get_by_label("Username").fill("newcomer")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_label("Password").press("Enter")
    page.wait_for_url("**/studies/")
    return live_server.url


def test_from_nothing_to_an_open_study_and_its_pages(
    page, site, check_page, researcher, tmp_path
):
    check_page("newcomer-studies")
    user = Study.owner.field.related_model.objects.get(username="newcomer")
    draft = factories.draft_study(user, protocol="hype_inf", folder=tmp_path)
    page.goto(f"{site}/studies/{draft.slug}/edit/")
    page.get_by_label("For taking part").fill("1")
    expect(page.locator("[data-plan-url]")).to_contain_text("$1.00 each")
    check_page("study-edit")
    page.get_by_role("button", name="Save the draft").click()
    missing = page.get_by_role("region", name="Before it can open")
    expect(missing).to_contain_text("pays and has no budget")
    expect(page.get_by_role("button", name="Open the study")).to_have_count(0)
    check_page("study-checklist")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Budget").fill("90")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("button", name="Open the study").click()
    page.get_by_role("heading", name="Invitation").wait_for()

    page.get_by_role("link", name="How it stands").click()
    expect(page.get_by_role("heading", name="How it stands")).to_be_visible()
    check_page("study-monitor")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("main")).to_contain_text("Nobody new can join")

    page.get_by_role("link", name="Projects", exact=True).click()
    check_page("projects")
    page.get_by_role("link", name="newcomer's project").first.click()
    page.get_by_label("Login or e-mail address").fill("researcher")
    page.get_by_role("button", name="Add to the project").click()
    expect(page.get_by_role("region", name="Members")).to_contain_text("researcher")
    check_page("project")
    projects.create_project(name="Second project", owner=user)
    page.reload()
    page.locator(".switch > summary").click()
    check_page("project-switch")

    page.goto(f"{site}/studies/{draft.slug}/report/links/")
    page.get_by_role("button", name="Make a link").click()
    link = page.locator(".rows-links a").first
    check_page("report-links")
    address = link.get_attribute("href")
    page.context.clear_cookies()
    page.goto(address)
    expect(page.get_by_role("heading", name="Report", exact=True)).to_be_visible()
    check_page("report-shared")

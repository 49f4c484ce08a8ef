"""Access tokens, the API's page, and the data of a study."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests import factories
from tests.factories import join, walk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(live_server, page):
    factories.make_user("researcher")
    page.goto(f"{live_server.url}/accounts/login/")
    page.get_by_label("Username").fill("researcher")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_label("Password").press("Enter")
    page.wait_for_url("**/studies/")
    return live_server.url


def test_a_token_is_made_from_the_keyboard_and_revoked(page, site, check_page):
    page.get_by_role("link", name="researcher").click()
    expect(page.get_by_role("heading", name="Access tokens", level=1)).to_be_visible()
    check_page("tokens-none")
    page.get_by_label("Name").fill("Training on one GPU")
    page.get_by_label("read sample sets").check()
    page.get_by_label("upload files").check()
    page.get_by_role("button", name="Make the token").press("Enter")
    expect(page.get_by_text("Copy it now")).to_be_visible()
    check_page("tokens-made")
    page.get_by_role("link", name="The API's description").click()
    expect(page.get_by_role("heading", name="API", level=1)).to_be_visible()
    check_page("api")
    page.get_by_role("link", name="Access tokens").first.click()
    page.get_by_role("button", name="Revoke Training on one GPU").click()
    expect(page.get_by_text("works no more")).to_be_visible()


def test_a_studys_data_is_chosen_and_downloaded(page, site, check_page):
    owner = User.objects.get(username="researcher")
    study = factories.open_study(owner, protocol="hype_inf")
    walk(join(study, population="simulated"))
    page.goto(f"{site}/studies/{study.slug}/")
    page.get_by_role("link", name="Data", exact=True).click()
    check_page("data")
    page.get_by_label("Whose").select_option("simulated")
    page.get_by_role("button", name="Choose these rows").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="judgments as csv").click()
    assert download.value.suggested_filename == f"{study.slug}-judgments-simulated.csv"
    page.get_by_text(re.compile(r"^judgments: \d+ columns")).click()
    check_page("data-dictionary")

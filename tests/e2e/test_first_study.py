"""A new user's way from three archives to an open study of two arms, with no help."""

import re

import pytest
from playwright.sync_api import expect

from hypeweb.models import Study
from tests import factories
from tests.e2e.conftest import WIDTHS

pytestmark = pytest.mark.django_db(transaction=True)

SETS = (
    ("faces", "real", "Add real images"),
    ("model a", "generated", "Add generated images"),
    ("model b", "generated", "Add another generator"),
)


@pytest.mark.parametrize("width", WIDTHS)
def test_from_zips_to_an_open_study(page, live_server, check_page, tmp_path, width):
    factories.make_user("newcomer")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(live_server.url)
    check_page("walk-0-home")
    page.get_by_role("main").get_by_role("link", name="Log in").click()
    check_page("walk-1-login")
    page.get_by_label("Username").fill("newcomer")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/studies/")
    check_page("walk-2-nothing-yet")

    for number, (name, origin, link) in enumerate(SETS):
        path = tmp_path / f"{name}.zip"
        path.write_bytes(factories.images_zip(60, seed=number, side=16))
        page.get_by_role("link", name=link).click()
        expect(page.get_by_label(origin, exact=True)).to_be_checked()
        page.get_by_label("Name").fill(name)
        page.locator("[name=archive]").set_input_files(path)
        check_page(f"walk-3-set-form-{number}")
        page.get_by_role("button", name="Upload and import").click()
        page.wait_for_url(re.compile(r"/sample-sets/\d+/"))
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        check_page(f"walk-4-set-{number}")
    page.get_by_role("link", name="Sample sets").first.click()
    check_page("walk-5-sets")
    page.get_by_role("link", name="Studies").first.click()
    check_page("walk-6-studies")
    page.get_by_role("link", name="Make the study").click()
    check_page("walk-7-form-empty")
    page.get_by_label("Name").fill("Faces")
    arms = page.get_by_role("group", name="Arms")
    arms.get_by_label("model a").check()
    arms.get_by_label("model b").check()
    page.get_by_label("Network").select_option("digits")
    check_page("walk-8-form-filled")
    page.get_by_role("button", name="Create the study").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Faces")
    check_page("walk-9-draft")
    page.get_by_role("link", name="Preview").click()
    check_page("walk-10-preview")
    page.go_back()
    page.get_by_role("button", name="Open the study").click()
    expect(page.get_by_role("heading", name="Invitation")).to_be_visible()
    check_page("walk-11-open")
    assert Study.objects.get().is_open
    look_at_neighbours(page, check_page)


def look_at_neighbours(page, check_page):
    page.get_by_role("table").first.get_by_role("link", name="model a").click()
    page.get_by_role("link", name="Beside their nearest real images").click()
    expect(page.locator(".pairs > li")).to_have_count(60)
    page.get_by_text("Classes that digits sees").click()
    check_page("walk-12-nearest")
    page.get_by_role("link", name="Image 2", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nearest real image")
    check_page("walk-13-nearest-zoom")

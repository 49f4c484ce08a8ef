"""Files chosen and dropped, an upload cut in the middle, and a look at the images."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from hypeweb.models import SampleSet, Upload
from hypeweb.services import uploads
from tests import factories
from tests.factories import images_zip, png_bytes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def new_set(page, live_server):
    factories.make_user("researcher")
    page.goto(f"{live_server.url}/accounts/login/?next=/sample-sets/new/")
    page.get_by_label("Username").fill("researcher")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_label("Password").press("Enter")
    page.wait_for_url("**/sample-sets/new/")
    page.get_by_label("Name").fill("a set")
    return page


def submit(page: Page) -> None:
    page.get_by_role("button", name="Upload and import").press("Enter")


def imported(page: Page) -> SampleSet:
    page.wait_for_url(re.compile(r"/sample-sets/\d+/"))
    return SampleSet.objects.get()


def test_dropped_images_become_a_set_that_can_be_looked_through(new_set, check_page):
    page = new_set
    rng = np.random.default_rng(0)
    files = [[f"{n}.png", list(png_bytes(rng))] for n in range(5)]
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of files) {
                transfer.items.add(new File([new Uint8Array(bytes)], name));
            }
            return transfer;
        }""",
        files,
    )
    page.dispatch_event("[data-upload]", "drop", {"dataTransfer": transfer})
    check_page("sample-set-dropped")
    submit(page)
    made = imported(page)
    names = list(made.samples.values_list("source_name", flat=True))
    assert names == ["0.png", "1.png", "2.png", "3.png", "4.png"]
    check_page("sample-set-grid")
    page.get_by_role("link", name="Image 2").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1.png")
    check_page("sample-set-zoom")
    page.keyboard.press("ArrowRight")
    expect(dialog).to_contain_text("2.png")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Image 2")).to_be_focused()
    page.get_by_role("link", name="Import report").click()
    check_page("sample-set-report")
    page.goto(page.url.replace("report/", "edit/"))
    check_page("sample-set-edit")
    page.goto(f"{page.url.split('/sample-sets')[0]}/samples/{made.samples.first().pk}/")
    check_page("sample")


def test_an_upload_goes_on_after_a_cut_and_after_a_reload(
    new_set, tmp_path, monkeypatch, no_page_errors
):
    page = new_set
    monkeypatch.setattr(uploads, "PART_BYTES", 1000)
    path = tmp_path / "a.zip"
    path.write_bytes(images_zip(24, seed=0))
    starts = []
    page.on(
        "request",
        lambda request: (
            starts.append(int(request.url.split("offset=")[1]))
            if request.method == "PUT"
            else None
        ),
    )
    page.route("**/uploads/*/?offset=2000", lambda route: route.abort())
    page.locator("[name=archive]").set_input_files(path)
    submit(page)
    status = page.locator("[data-upload-status]")
    expect(status).to_contain_text("The connection was cut")
    assert Upload.objects.get().received_bytes == 2000
    page.reload()
    page.get_by_label("Name").fill("a set")
    page.locator("[name=archive]").set_input_files(path)
    submit(page)
    expect(status).to_contain_text("The connection was cut")
    page.unroute("**/uploads/*/?offset=2000")
    assert imported(page).n_samples == 24
    assert starts.count(0) == starts.count(1000) == 1
    assert not Upload.objects.exists()
    assert {error.partition(": ")[0] for error in no_page_errors} == {
        "Failed to load resource"
    }
    no_page_errors.clear()


def test_a_file_that_cannot_be_used_is_a_sentence_beside_the_files(
    new_set, no_page_errors
):
    page = new_set
    file = {"name": "a.rar", "mimeType": "application/x-rar", "buffer": b"x"}
    page.locator("[name=archive]").set_input_files(file)
    with page.expect_response("**/uploads/"):
        submit(page)
    expect(page.locator("[data-upload-status]")).to_contain_text("must end in one of")
    expect(page.get_by_role("button", name="Upload and import")).to_be_enabled()
    assert "400" in no_page_errors.pop()

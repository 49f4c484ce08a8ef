"""A leak on the study's page: read it, give a reason, open all the same."""

import pytest
from playwright.sync_api import expect

from hypeweb.models import LeakAudit, Study
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def leaking(tmp_path):
    draft = factories.draft_study(
        factories.make_user("researcher"),
        protocol="hype_inf",
        folder=tmp_path,
        is_audited=True,
    )
    LeakAudit.objects.update(verdict="leak", sentence="“made 0” has a frame.")
    numbers = {"n_first": 100, "n_second": 98, "auc": 0.9, "low": 0.8, "high": 0.95}
    LeakAudit.objects.get().contrasts.create(
        kind="mixed", is_leak=True, auc_with_hidden=0.9, **numbers
    )
    return draft


def test_a_leak_is_read_and_overridden_by_keyboard(
    page, live_server, leaking, check_page
):
    page.goto(f"{live_server.url}/accounts/login/?next=/studies/{leaking.slug}/")
    page.get_by_label("Username").fill("researcher")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_label("Password").press("Enter")
    audit = page.get_by_role("region", name="Leak audit", exact=True)
    expect(audit).to_contain_text("“made 0” has a frame.")
    expect(page.get_by_role("button", name="Open the study")).to_have_count(0)
    row = audit.get_by_role("row", name="Attention checks among the others")
    expect(row).to_contain_text("100 scored, 98 checks")
    audit.locator("summary").first.press("Enter")
    expect(audit.get_by_role("img").first).to_be_visible()
    check_page("study-leak")

    reason = page.get_by_label("Reason to open the study all the same")
    reason.fill("We study frames.")
    page.get_by_role("button", name="Override the audit").press("Enter")
    expect(audit).to_contain_text("Overridden by researcher")
    page.get_by_role("button", name="Open the study").press("Enter")
    page.get_by_role("heading", name="Invitation").wait_for()
    assert Study.objects.get().is_open


def test_the_page_follows_a_running_audit(page, live_server, leaking):
    LeakAudit.objects.update(
        state="queued", stage="", n_total=0, verdict="", sentence=""
    )
    page.goto(f"{live_server.url}/accounts/login/?next=/studies/{leaking.slug}/")
    page.get_by_label("Username").fill("researcher")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_label("Password").press("Enter")
    expect(page.locator("#leak-audit")).to_contain_text("waiting for a worker")
    LeakAudit.objects.update(state="done", verdict="clear", sentence="Nothing leaks.")
    expect(page.locator("#leak-audit")).to_contain_text("Nothing leaks.")
    expect(page.get_by_role("button", name="Open the study")).to_be_visible()

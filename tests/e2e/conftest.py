"""A real browser on the running site; deploy/check says where the browser is."""

import itertools
import os
import shutil
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright runs a loop

expect.set_options(timeout=60_000)  # ms
# A request may carry out the tasks it queues, which take long on a busy machine.
NAVIGATION_MS = 180_000

SCREENSHOTS = os.environ.get("HYPE_TEST_SCREENSHOTS")
WIDTHS = (1280, 390)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def pytest_collection_modifyitems(items):
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    path = os.environ.get("HYPE_TEST_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("No Chromium: install it, or name it in HYPE_TEST_CHROMIUM.")
    return {
        **browser_type_launch_args,
        "executable_path": path,
        "args": [
            "--no-sandbox",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    }


@pytest.fixture
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": {"width": 1280, "height": 900}}


@pytest.fixture
def check_page(page):
    """Assert that a page has no accessibility violation and fits its width.

    It is looked at at both widths, in the light and in the dark theme; with
    HYPE_TEST_SCREENSHOTS=folder every one is kept there.
    """

    def check(name: str) -> None:
        size = page.viewport_size
        for width, theme in itertools.product(WIDTHS, THEMES):
            page.set_viewport_size({"width": width, "height": size["height"]})
            # Without motion no colour is still on its way from one theme to the other.
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            overflow = page.evaluate(
                "document.documentElement.scrollWidth - innerWidth"
            )
            assert overflow <= 0, f"{name} is {overflow} px too wide at {width}"
            if SCREENSHOTS:
                path = Path(SCREENSHOTS) / f"{name}-{width}-{theme}.png"
                page.screenshot(path=path, full_page=True)
        page.set_viewport_size(size)
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")

    return check


@pytest.fixture(autouse=True)
def _wait_for_tasks(page):
    page.set_default_timeout(NAVIGATION_MS)


@pytest.fixture(autouse=True)
def no_page_errors(page):
    """Fail on anything the browser's console complains about."""
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda line: errors.append(line.text) if line.type == "error" else None,
    )
    yield errors
    assert errors == []

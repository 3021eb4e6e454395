"""What tests do with a browser: opening a page, waiting until it is drawn."""

import contextlib
import os

import psutil
import pytest

BROWSER_SECONDS, LONG_BROWSER_SECONDS = 240, 1_200  # of one test; more is a browser that answers nothing any more


def unavailable(reason: str):
    (pytest.fail if os.environ.get("ATELIER_REQUIRE_ALL") else pytest.skip)(reason)


def end_browsers() -> None:
    """Ends the browsers that this process has started."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "chrom" in process.name().lower():
                process.kill()


def open_page(browser, address: str, width: int = 1280):
    page = browser.new_page(viewport={"width": width, "height": 900}, locale="en-GB")
    page.goto(address)
    page.wait_for_selector("h1", timeout=60_000)
    return page


def until_drawn(page) -> None:
    """Waits until the page has its title, its script has ended and what it drew is there."""
    page.wait_for_selector("h1", timeout=60_000)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000)
    page.wait_for_selector('[data-testid="stSkeleton"]', state="detached", timeout=60_000)


def axe_script() -> str:
    """The script of axe-core, which looks for what keeps people from using a page."""
    from axe_playwright_python.base import AXE_SCRIPT  # of requirements-dev.txt, as is the browser

    return AXE_SCRIPT

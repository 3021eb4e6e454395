"""What tests do with a browser: opening a page, waiting until it is drawn."""

import os

import pytest


def unavailable(reason: str):
    (pytest.fail if os.environ.get("ATELIER_REQUIRE_ALL") else pytest.skip)(reason)


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

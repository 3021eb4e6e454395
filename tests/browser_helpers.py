"""What tests do with a browser: waiting for what it shows, opening a page."""

import os
import time

import pytest


def unavailable(reason: str):
    (pytest.fail if os.environ.get("ATELIER_REQUIRE_ALL") else pytest.skip)(reason)


def wait_for(condition, seconds: float):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.2)
    pytest.fail(f"not within {seconds} s: {condition}")


def open_page(browser, address: str, width: int = 1280):
    page = browser.new_page(viewport={"width": width, "height": 900}, locale="en-GB")
    page.goto(address)
    page.wait_for_selector("h1", timeout=60_000)
    return page

"""A browser that has stopped to answer ends its test, and not the whole suite's time."""

import threading

import pytest
from browser_helpers import end_browsers

pytestmark = pytest.mark.browser


def test_what_waits_for_a_browser_that_is_ended_fails(browser):
    page = browser.new_page()
    timer = threading.Timer(1, end_browsers)
    timer.start()
    with pytest.raises(Exception, match="closed|crashed"):
        page.evaluate("new Promise(() => {})")
    timer.join()

"""The lab by keyboard alone: from the Lab to a moment of a run and to a text of its model, with Tab, Enter and arrows."""

import itertools
import re
import shutil

import pytest
from browser_helpers import until_drawn
from project import PROJECT
from waiting_helpers import until

from scripts.dashboard import Dashboard

pytestmark = pytest.mark.browser
_MOST_TABS = 80
FOCUSED = """() => {
    const node = document.activeElement, box = node.closest("label, [role=slider], [role=tab], a, button") ?? node;
    return [box.getAttribute("role") ?? box.tagName.toLowerCase(), (box.getAttribute("aria-label") || box.innerText || "").trim()];
}"""
HEADINGS = """() => [...document.querySelectorAll('[data-testid="stMain"] :is(h1, h2, h3, h4, h5, h6)')]
    .filter((node) => node.offsetParent).map((node) => Number(node.tagName[1]))"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with the recorded run."""
    runs = tmp_path_factory.mktemp("keyboard") / "checkpoints"
    shutil.copytree(PROJECT / "checkpoints" / "recorded-mini", runs / "recorded-mini")
    with Dashboard(runs, ATELIER_STUDIO_IDLE_SECONDS="5") as dashboard:
        yield dashboard.address


def tab_to(page, role: str, text: str = "") -> None:
    """Presses Tab until what has this role and begins with this text has the focus."""
    seen = []
    for _time in range(_MOST_TABS):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
        if seen[-1][0] == role and text in seen[-1][1]:
            return
    raise AssertionError(f"No Tab reaches {role} {text!r}: {seen}")


def tab_is_open(page, name: str) -> None:
    until(lambda: page.get_by_role("tab", name=name, selected=True).count() == 1, 30)
    until_drawn(page)


def skips_no_level(page) -> bool:
    levels = page.evaluate(HEADINGS)
    return levels[:1] == [1] and all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_the_lab_leads_to_a_moment_and_to_a_text_without_a_mouse(browser, server):
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-GB")
    page.goto(server)
    until_drawn(page)
    assert skips_no_level(page)
    tab_to(page, "a", "Explore")
    page.keyboard.press("Enter")
    tab_is_open(page, "Curve")
    assert skips_no_level(page)
    tab_to(page, "tab", "Curve")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    tab_is_open(page, "Time")
    assert skips_no_level(page)
    moments = page.get_by_text(re.compile(r"^step \d+ · right"))  # over the sentences of the moment
    assert moments.count() == 0
    tab_to(page, "input", "Moment")
    page.keyboard.press("ArrowRight")
    until(lambda: moments.count(), 20)
    until_drawn(page)
    page.keyboard.down("Shift")
    tab_to(page, "tab", "Time")
    page.keyboard.up("Shift")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    tab_is_open(page, "Write")
    assert skips_no_level(page)
    tab_to(page, "textarea")
    page.keyboard.press("Control+A")
    page.keyboard.type("We measured")
    tab_to(page, "button", "Generate")
    assert page.get_by_role("textbox", name="Prompt").first.input_value() == "We measured"

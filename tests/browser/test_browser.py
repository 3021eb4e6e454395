"""What only a browser shows: the frame on a cold server, the button, the curve, two samples side by side."""

import re

import pytest
from browser_helpers import open_page, until_drawn
from project import PAGES
from waiting_helpers import until

from scripts.dashboard import Dashboard

pytestmark = pytest.mark.browser


OTHERS = [page.stem for page in PAGES if page.stem != "lab"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with runs of its own; its address."""
    with Dashboard(tmp_path_factory.mktemp("browser") / "checkpoints", ATELIER_STUDIO_IDLE_SECONDS="60") as dashboard:
        yield dashboard.address


@pytest.fixture
def cold_server(tmp_path):
    """A server that nobody has opened a page of yet; its address."""
    with Dashboard(tmp_path / "checkpoints") as dashboard:
        yield dashboard.address


@pytest.mark.parametrize("path", [OTHERS[0], *(pytest.param(path, marks=pytest.mark.long) for path in OTHERS[1:])])
def test_a_pages_own_address_on_a_cold_server_opens_it_inside_the_frame(browser, cold_server, path):
    page = open_page(browser, f"{cold_server}/{path}?kept=1")
    links = page.locator('[data-testid="stSidebarNavLink"]')
    until(lambda: links.count() == len(PAGES), 30)
    assert page.locator('[role="dialog"]').count() == 0
    assert page.locator('[data-testid="stException"]').count() == 0
    assert "kept=1" in page.url


def test_french_survives_a_reload_of_another_page_and_is_the_browsers_default(browser, server):
    page = browser.new_page(locale="fr-FR")
    page.goto(server + "/side_by_side")
    page.get_by_role("heading", name="Côte à côte").wait_for(timeout=60_000)
    other = browser.new_page(locale="en-GB")
    other.goto(server + "/side_by_side")
    other.get_by_role("heading", name="Side by side").wait_for(timeout=60_000)


@pytest.mark.parametrize(
    "paths", [["", "fine_tune"], pytest.param(["", *OTHERS], marks=pytest.mark.long)], ids=["two", "all"]
)
def test_nothing_is_wider_than_a_phone(browser, server, paths):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    for path in paths:
        page.goto(f"{server}/{path}")
        until_drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 2, path


def test_the_button_trains_the_curve_moves_and_the_samples_differ(browser, server):
    page = open_page(browser, server)
    page.get_by_role("button", name="Fine-tune the mini model on the sample articles").click()
    # The curve: a Plotly figure with at least three points of validation, the first of them the base's.
    page.wait_for_selector(".js-plotly-plot .scatterlayer .trace", timeout=180_000)
    points = page.locator(".js-plotly-plot .scatterlayer .trace .points path")
    until(lambda: points.count() >= 3, 240)
    # A reload finds the run again.
    page.reload()
    page.wait_for_selector(".js-plotly-plot", timeout=60_000)
    page.get_by_role("button", name="Stop").click()
    until(lambda: page.get_by_text("stopped").count() > 0, 60)
    shown = page.locator('[data-testid="stText"]')
    until(lambda: shown.count() == 2, 30)  # while the page is redrawn its former texts stand a moment longer
    samples = shown.all_inner_texts()
    assert samples[0] != samples[1]
    # Side by side: base and checkpoint, the same prompt and seed, two different texts.
    page.goto(server + "/side_by_side")
    page.get_by_role("button", name="Generate").click(timeout=60_000)
    until(lambda: page.get_by_text(re.compile(r"\d+ tokens/s")).count() == 2, 240)
    until(lambda: shown.count() == 2, 30)
    texts = shown.all_inner_texts()
    assert texts[0] != texts[1]
    assert all(text.startswith("The results of this study") for text in texts)
    hashes = re.findall(r"weights ([0-9a-f]{10})", page.inner_text("body"))
    assert len(set(hashes)) == 2
    # What else needs a run, a studio and a browser is looked at here, where all three are.
    copy_gives_the_prompt_and_the_text(page, texts[1])
    the_alternatives_of_both_models_are_in_sight_of_the_token(page, server)
    play_moves_by_itself_to_the_end(page, server)


def copy_gives_the_prompt_and_the_text(page, text: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator('[data-testid="stPopover"] button').nth(1).click()
    page.locator('[data-testid="stPopoverBody"] code').hover()
    page.get_by_role("button", name="Copy to clipboard").click()
    assert page.evaluate("navigator.clipboard.readText()").rstrip() == text.rstrip()


def the_alternatives_of_both_models_are_in_sight_of_the_token(page, server: str) -> None:
    for width, height in ((1280, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(server + "/microscope")
        page.get_by_role("button", name="Look", exact=True).click(timeout=60_000)
        token = page.locator(".block").first.locator(".text span").nth(12)
        token.scroll_into_view_if_needed(timeout=60_000)
        token.hover()
        rows = page.locator(".panel tr")
        until(lambda rows=rows: rows.count() == 20, 10)
        boxes = [rows.nth(number).bounding_box() for number in range(20)]
        assert all(box["y"] >= 0 and box["y"] + box["height"] <= height for box in boxes), (width, boxes)


def play_moves_by_itself_to_the_end(page, server: str) -> None:
    page.goto(server + "/time_machine")
    slider = page.get_by_role("slider").first
    slider.wait_for(timeout=60_000)
    last = int(slider.get_attribute("max"))
    assert int(slider.input_value()) == last >= 2
    for place in (last - 1, last - 2):
        slider.press("ArrowLeft")
        until(lambda place=place: int(slider.input_value()) == place, 10)
    label = page.locator('[data-testid="stSliderThumbValue"]').inner_text()
    page.locator("strong", has_text=label).wait_for(timeout=10_000)  # the page has followed
    page.get_by_role("button", name="Play").click()
    until(lambda: int(slider.input_value()) == last, 10)
    page.get_by_role("button", name="Play").wait_for(timeout=10_000)

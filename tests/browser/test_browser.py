"""What only a browser shows: the frame on a cold server, the button, the curve, two samples side by side."""

import re

import pytest
from browser_helpers import open_page, until_drawn
from project import PLACES
from waiting_helpers import until

from scripts.dashboard import Dashboard
from ui import rooms

pytestmark = pytest.mark.browser


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


def address_of(place: str) -> str:
    """The address of a tab, or of a page without tabs."""
    return "" if place == "lab" else place if place in rooms.ROOMS else f"{rooms.room_of(place)}?tab={place}"


def here(page) -> str:
    """The address as it is now: `page.url` is what was last heard of it."""
    return page.evaluate("window.location.href")


FIRST = [place for place in PLACES if place != "lab"]


@pytest.mark.parametrize(
    "place", [FIRST[1], *(pytest.param(p, marks=pytest.mark.long) for p in FIRST if p != FIRST[1])]
)
def test_a_pages_own_address_on_a_cold_server_opens_it_inside_the_frame(browser, cold_server, place):
    query = "&" if "?" in address_of(place) else "?"
    page = open_page(browser, f"{cold_server}/{address_of(place)}{query}kept=1")
    until_drawn(page)
    links = page.locator('[data-testid="stSidebarNavLink"]')
    until(lambda: links.count() == len(rooms.ROOMS), 30)
    assert page.locator('[role="dialog"]').count() == 0
    assert page.locator('[data-testid="stException"]').count() == 0
    assert "kept=1" in page.url


def test_every_room_and_every_tab_opens_from_a_server_that_nobody_has_opened_yet(browser, cold_server):
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-GB")
    for place in reversed(PLACES):
        page.goto(f"{cold_server}/{address_of(place)}")
        until_drawn(page)
        room = place if place in rooms.ROOMS else rooms.room_of(place)
        assert page.locator("h1").first.inner_text() == room.capitalize(), place
        assert page.locator('[role="dialog"]').count() == page.locator('[data-testid="stException"]').count() == 0, (
            place
        )
        if room != place:
            assert page.get_by_role("tab", selected=True).first.inner_text() == place.capitalize()
    for tab in rooms.ROOMS[rooms.EXPLORE]:  # by the menu and the tabs themselves
        if tab == "curve":
            page.get_by_role("link", name="Explore").click()
        page.get_by_role("tab", name=tab.capitalize(), exact=True).click()
        until(lambda tab=tab: f"tab={tab}" in here(page), 20)
        until_drawn(page)
        assert page.locator('[data-testid="stException"]').count() == 0, tab


def test_a_former_address_leads_to_what_has_taken_its_place_and_back_leaves_it(browser, cold_server):
    page = browser.new_page(locale="en-GB")
    page.goto("about:blank")
    for former_page, room, tab in (
        ("microscope?article=3&token=41", "explore", "words"),
        ("articles?articles=articles/sample&split=test&article=2&click=3", "library", "articles"),
        ("time_machine", "explore", "time"),
        ("fine_tune", "train", ""),
    ):
        page.goto(f"{cold_server}/{former_page}")
        until(lambda room=room: f"/{room}" in here(page), 60)
        until_drawn(page)
        assert page.locator('[role="dialog"]').count() == 0
        assert f"tab={tab}" in here(page) if tab else "tab=" not in here(page)
        assert "click" not in here(page)
    assert page.evaluate("history.length") == 5  # one entry each, and the blank page
    page.go_back()
    until(lambda: "tab=time" in here(page), 20)


def test_back_forward_reload_and_a_sent_link_show_what_was_in_view(browser, server):
    """Back moves between pages, tabs and runs, one press each; a reload and another browser show the same."""
    page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-GB")

    def in_view() -> tuple[str, str]:
        until_drawn(page)
        tabs = page.get_by_role("tab", selected=True)
        return page.locator("h1").first.inner_text(), tabs.first.inner_text() if tabs.count() else ""

    def comes(*expected: str) -> bool:
        return bool(until(lambda: in_view() == expected, 30))

    page.goto(server)
    assert comes("Lab", "")
    page.get_by_role("link", name="Explore").click()
    assert comes("Explore", "Curve")
    page.get_by_role("tab", name="Score").click()
    assert comes("Explore", "Score")
    page.get_by_role("link", name="Library").click()
    assert comes("Library", "Runs")
    page.get_by_role("tab", name="Articles").click()
    until(lambda: "tab=articles" in here(page), 60)  # written at the end: the articles are prepared by then
    assert comes("Library", "Articles")
    number = page.get_by_label("Number", exact=True)
    number.fill("7")
    number.press("Enter")
    until(lambda: "article=7" in here(page), 30)
    page.reload()
    assert comes("Library", "Articles")
    assert number.input_value() == "7"
    other = browser.new_context(locale="fr-FR").new_page()
    other.goto(here(page))
    until_drawn(other)
    assert other.locator('input[type="number"][value="7"]').count() == 1 and other.get_by_role("tab").count() >= 3
    page.go_back()
    until(lambda: "article=7" not in here(page), 20)
    until(lambda: number.input_value() == "1", 20)
    for expected in (("Library", "Runs"), ("Explore", "Score"), ("Explore", "Curve"), ("Lab", "")):
        page.go_back()
        assert comes(*expected), (expected, here(page))
    for expected in (("Explore", "Curve"), ("Explore", "Score"), ("Library", "Runs")):
        page.go_forward()
        assert comes(*expected), (expected, here(page))


def test_french_survives_a_reload_and_is_the_browsers_default(browser, server):
    page = browser.new_context(locale="fr-FR").new_page()
    page.goto(server + "/explore?tab=write")
    page.get_by_role("button", name="Générer").wait_for(timeout=60_000)
    other = browser.new_context(locale="en-GB").new_page()
    other.goto(server + "/explore?tab=write")
    other.get_by_role("button", name="Generate").wait_for(timeout=60_000)
    other.get_by_role("button", name="FR", exact=True).or_(other.get_by_role("radio", name="FR")).first.click()
    other.get_by_role("button", name="Générer").wait_for(timeout=60_000)
    other.reload()
    other.get_by_role("button", name="Générer").wait_for(timeout=60_000)  # the browser has kept what was chosen


@pytest.mark.parametrize(
    "places", [["lab", "train", "time"], pytest.param(PLACES, marks=pytest.mark.long)], ids=["some", "all"]
)
def test_nothing_is_wider_than_a_phone(browser, server, places):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    for place in places:
        page.goto(f"{server}/{address_of(place)}")
        until_drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 2, place


def test_the_button_trains_the_curve_moves_and_the_samples_differ(browser, server):
    page = open_page(browser, server)
    page.get_by_role("button", name="Fine-tune the mini model on the sample articles").click()
    # The recorded curve as a ghost, then points of one's own: the base's, and one of the run's.
    page.locator(".play path.ghost").wait_for(timeout=60_000)
    points = page.locator(".play circle:not(.tip)")
    until(lambda: points.count() >= 2, 240)
    assert page.locator(".play path.ghost").count() == 0
    # A reload finds the run again.
    page.reload()
    until_drawn(page)
    page.wait_for_selector(".play path.line", timeout=60_000)
    page.locator(".st-key-lab_stop button").click()
    until(lambda: page.get_by_text("stopped").count() > 0, 60)
    samples = page.locator(".play .text").all_inner_texts()
    assert len(samples) == 2 and samples[0] != samples[1]
    shown = page.locator(".written")
    # Side by side: base and checkpoint, the same prompt and seed, two different texts.
    page.goto(server + "/explore?tab=write")
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
        page.goto(server + "/explore?tab=words")
        page.get_by_role("button", name="Look", exact=True).click(timeout=60_000)
        token = page.locator(".block").first.locator(".text span").nth(12)
        token.scroll_into_view_if_needed(timeout=60_000)
        token.hover() if width > 640 else token.click()
        rows = page.locator(".panel tr")
        until(lambda rows=rows: rows.count() == 20, 10)
        boxes = [rows.nth(number).bounding_box() for number in range(20)]
        assert all(box["y"] >= 0 and box["y"] + box["height"] <= height for box in boxes), (width, boxes)
    panel, own = page.locator(".panel").bounding_box(), token.bounding_box()
    assert own["y"] + own["height"] <= panel["y"]  # on a phone it stands behind the token, over no text


def play_moves_by_itself_to_the_end(page, server: str) -> None:
    page.goto(server + "/explore?tab=time")
    slider = page.get_by_role("slider").first
    slider.wait_for(timeout=60_000)
    last = int(slider.get_attribute("max"))
    assert int(slider.input_value()) == 0 and last >= 2  # it opens at the base
    for place in range(1, last - 1):
        slider.press("ArrowRight")
        until(lambda place=place: int(slider.input_value()) == place, 10)
    label = page.locator('[data-testid="stSliderThumbValue"]').inner_text()
    page.locator("strong", has_text=label).first.wait_for(timeout=10_000)  # the page has followed
    # Slider, sentence and curve stand on one screen, of a projector and of a phone.
    for width, height in ((1280, 720), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
        seen = [page.locator(found).first for found in (".stSlider", ".written", ".js-plotly-plot")]
        until(
            lambda seen=seen, height=height: all(
                b["y"] + b["height"] <= height for b in (e.bounding_box() for e in seen)
            ),
            10,
        )
    page.get_by_role("button", name="Play").click()
    until(lambda: int(slider.input_value()) == last, 60)  # at the pace of reading
    page.get_by_role("button", name="Play").wait_for(timeout=10_000)

"""What only a browser shows of how everybody can use the pages: contrast, names, language, zoom, a finger's targets."""

import pytest
from browser_helpers import axe_script, until_drawn
from pages_helpers import a_run
from project import PLACES
from waiting_helpers import until

from scripts.dashboard import Dashboard
from ui import rooms

pytestmark = pytest.mark.browser

_VARIANTS = (("light", 1280), ("dark", 1280), ("dark", 390), ("light", 390))
_ZOOMED = 640  # what 1280 pixels are at 200 %
_TARGETS = """() => [...document.querySelectorAll('.stMainBlockContainer button, .stMainBlockContainer summary')]
  .map((e) => [e.innerText.slice(0, 40), e.getBoundingClientRect()])
  .filter(([_, box]) => box.width && box.height && box.height < 43.5).map(([text, box]) => [text, box.height])"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a run of its own; its address."""
    folder = tmp_path_factory.mktemp("accessibility") / "checkpoints"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CHECKPOINTS", str(folder))
        a_run(folder)
    with Dashboard(folder) as dashboard:
        yield dashboard.address


def _address_of(place: str) -> str:
    return "" if place == "lab" else place if place in rooms.ROOMS else f"{rooms.room_of(place)}?tab={place}"


def _serious(page) -> list:
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [(v["id"], n["html"][:120]) for v in found if v["impact"] in ("serious", "critical") for n in v["nodes"]]


@pytest.mark.parametrize("place", PLACES)
def test_axe_finds_nothing_serious_and_nothing_is_cut_at_200_per_cent(browser, server, place):
    page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="fr-FR")
    page.goto(f"{server}/{_address_of(place)}")
    until_drawn(page)
    until(lambda: page.evaluate("document.documentElement.lang") == "fr", 20)
    page.evaluate(axe_script() + "; 0")
    found = {}
    for scheme, width in _VARIANTS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_timeout(200)  # the page is laid out and coloured anew; nothing of it tells when
        if wrong := _serious(page):
            found[scheme, width] = wrong
    page.set_viewport_size({"width": _ZOOMED, "height": 400})
    assert page.evaluate("document.documentElement.scrollWidth") <= _ZOOMED
    page.close()
    assert found == {}


def test_a_finger_finds_targets_of_44_pixels(browser, server):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{server}/{_address_of('curve')}")
    until_drawn(page)
    until(lambda: page.evaluate(_TARGETS) == [], 10)
    context.close()


def test_whoever_wants_no_motion_gets_none(browser, server):
    page = browser.new_page(reduced_motion="reduce")
    page.goto(server)
    until_drawn(page)
    longest = "Math.max(...[...document.querySelectorAll('*')].map((e) => parseFloat(getComputedStyle(e).transitionDuration)))"
    assert page.evaluate(longest) <= 0.001
    page.close()


def test_the_lab_has_an_address_of_its_own_too(browser, server):
    page = browser.new_page(locale="en-GB")
    page.goto(f"{server}/lab?run=one")
    until_drawn(page)
    until(lambda: page.evaluate("window.location.pathname") == "/", 20)
    assert page.locator('[role="dialog"]').count() == 0
    assert "run=one" in page.evaluate("window.location.search")
    page.close()

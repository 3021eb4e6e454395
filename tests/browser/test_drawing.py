"""A curve drawn on a phone, by a finger and by taps, with scripts and without, and at twice the size."""

import shutil

import pytest
from browser_helpers import axe_script
from project import PROJECT

from engine.classroom import classes, figures, lessons, tallies, votes
from scripts.dashboard import Dashboard

pytestmark = pytest.mark.browser
MARKED = (
    "[...document.querySelectorAll('.draw fieldset')].map((f) => Number(f.querySelector('input:checked')?.value ?? -1))"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CLASSES", str(folder / "classes"))
        (folder / "checkpoints").mkdir()
        shutil.copytree(PROJECT / "checkpoints" / "recorded-mini", folder / "checkpoints" / "recorded-mini")
        with Dashboard(folder / "checkpoints") as dashboard:
            yield dashboard


@pytest.fixture
def room(server):
    """A class that has just been asked to draw; its number of the question is the newest."""
    room = classes.find(classes.open_class(lessons.FINE_TUNING, "en").code)
    ((question, moment),) = lessons.asked(lessons.load(), ["shape"], figures.recorded)
    votes.ask(room, question, moment)
    return room


def phone(browser, server, room, width: int = 390, **context):
    page = browser.new_context(viewport={"width": width, "height": 844}, locale="en-GB", **context).new_page()
    page.goto(f"{server.address}/c/{room.code}")
    page.get_by_role("button", name="Join").click()
    page.locator(".draw").wait_for()
    return page


def curves(room):
    return tallies.tally(room, votes.questions(room)[-1]).curves


def test_a_finger_draws_and_the_buttons_below_it_are_what_is_sent(browser, server, room):
    page = phone(browser, server, room, has_touch=True)
    first, last = (page.locator(".draw fieldset").nth(n).bounding_box() for n in (0, 5))
    cell = page.locator(".draw input").first.bounding_box()
    assert cell["width"] >= 44 and cell["height"] >= 44
    touch = page.context.new_cdp_session(page)

    def finger(kind: str, x: float, row: float) -> None:
        at = {"x": x, "y": cell["y"] + (7 - row + 0.5) * cell["height"]}
        points = [] if kind == "touchEnd" else [at]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    scrolled = page.evaluate("scrollY")
    finger("touchStart", first["x"] + 20, 1)
    for n in range(1, 11):  # quicker than one event a column: what lies between is filled in
        finger("touchMove", first["x"] + 20 + (last["x"] - first["x"] + 40) * n / 10, 1 + 0.5 * n)
    finger("touchEnd", 0, 0)
    drawn = page.evaluate(MARKED)
    assert drawn[0] == 1 and drawn[-1] == 6 and drawn == sorted(drawn) and page.evaluate("scrollY") == scrolled
    line = page.locator(".draw polyline").get_attribute("points")
    assert len(line.split()) == 6
    page.get_by_role("button", name="Send my curve").click()
    page.get_by_role("heading", name="Your answer is in.").wait_for()
    assert curves(room) == (tuple(drawn),)
    page.context.close()


def test_without_scripts_it_is_tapped_and_with_a_keyboard_it_is_typed(browser, server, room):
    plain = phone(browser, server, room, java_script_enabled=False)
    for place, height in enumerate((20, 25, 30, 30, 35, 35)):
        plain.get_by_role("radio", name=f"after {10 * (place + 1)} s: {height} %").check()
    plain.get_by_role("button", name="Send my curve").click()
    plain.get_by_role("heading", name="Your answer is in.").wait_for()
    assert curves(room) == ((1, 2, 3, 3, 4, 4),)
    plain.context.close()
    typed = phone(browser, server, room)
    for place in range(6):
        column = typed.locator(".draw fieldset").nth(place)
        column.locator("input").last.focus()
        typed.keyboard.press("Space")
        for _ in range(place):
            typed.keyboard.press("ArrowUp")
    assert typed.evaluate(MARKED) == [0, 1, 2, 3, 4, 5]
    assert len(typed.locator(".draw polyline").get_attribute("points").split()) == 6
    typed.context.close()


def test_an_incomplete_curve_is_not_sent_and_a_shape_can_be_chosen_instead(browser, server, room):
    page = phone(browser, server, room)
    page.get_by_role("radio", name="after 10 s: 20 %").check()
    page.get_by_role("button", name="Send my curve").click()
    assert page.evaluate("document.querySelector('.draw input:invalid') !== null") and curves(room) == ()
    page.get_by_text("Choose a shape instead").click()
    page.get_by_role("button", name="B. steep at first, then flatter").click()
    page.get_by_role("heading", name="Your answer is in.").wait_for()
    assert tallies.tally(room, votes.questions(room)[-1]).counts == (0, 1, 0, 0)
    page.context.close()


@pytest.mark.parametrize("width", [320, 195])  # a small phone; one of 390 at a zoom of 200 %
def test_the_grid_fits_a_small_phone_and_twice_the_size(browser, server, room, width):
    page = phone(browser, server, room, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cell = page.locator(".draw input").first.bounding_box()
    assert cell["width"] >= 24 and cell["height"] >= 44
    page.context.close()


def test_a_phone_that_has_begun_to_draw_follows_the_class_on(browser, server, room):
    page = phone(browser, server, room)
    page.get_by_role("radio", name="after 10 s: 20 %").check()
    votes.close_all(room)
    page.get_by_role("heading", name="This question takes no more answers.").wait_for(timeout=20_000)
    page.context.close()


def test_the_drawn_page_has_no_fault_that_axe_finds(browser, server, room):
    for scheme in ("light", "dark"):
        page = phone(browser, server, room, color_scheme=scheme)
        page.get_by_role("radio", name="after 10 s: 20 %").check()
        page.evaluate(axe_script())
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == [], scheme
        page.context.close()

"""Each slide of the lesson on a projector: nothing of it scrolls or is cut, in both languages, before a class is open and behind
answered questions."""

import shutil
import time

import pytest
from project import PROJECT
from waiting_helpers import until

from engine.classroom import classes, figures, lessons, slides, votes
from engine.classroom.questions import BEFORE, TEXT
from scripts.dashboard import Dashboard

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# What scrolls, what ends below the bar or beside the window, what is cut inside its box, and how large texts are.
MEASURE = """() => {
    const main = document.querySelector('[data-testid="stMain"]'), bar = document.querySelector(".st-key-present_bar");
    if (!bar || document.querySelector('[data-stale="true"]')) return null;
    const shown = (node) => node.getClientRects().length && getComputedStyle(node).visibility !== "hidden";
    const own = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const texts = [...main.querySelectorAll("*")].filter((node) => shown(node) && own(node) && !node.closest(".st-key-present_bar, .st-key-lab_start, .st-key-lesson_lay_guesses, .st-key-lesson_secret_form")
        && !node.dataset.testid?.includes("Icon") && !node.closest("[data-testid=stExpanderDetails]") && !node.closest("script, style"));
    const name = (node) => node.textContent.trim().slice(0, 50);
    const box = (node) => node.getBoundingClientRect();
    const faint = (node) => {
        let opacity = 1;
        for (let one = node; one && one !== main; one = one.parentElement) {
            opacity *= Number(getComputedStyle(one).opacity);
        }
        return opacity > 0 && opacity < 0.7;
    };
    return {
        place: bar.textContent.match(/(\\d+) \\/ \\d+/)?.[1],
        scrolls: [main.scrollHeight - main.clientHeight, main.scrollWidth - main.clientWidth,
            document.documentElement.scrollHeight - innerHeight, document.documentElement.scrollWidth - innerWidth],
        outside: texts.filter((node) => box(node).bottom > box(bar).top + 1 || box(node).right > innerWidth + 1 || box(node).left < -1)
            .map(name),
        cut: texts.filter((node) => getComputedStyle(node).overflowX !== "visible" && node.scrollWidth > node.clientWidth + 1).map(name),
        small: texts.filter((node) => parseFloat(getComputedStyle(node).fontSize) < 24 && !node.closest("svg")).map(name),
        faint: texts.filter((node) => faint(node) && !node.closest("button, svg, summary")).map(name),
    };
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lesson")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CLASSES", str(folder / "classes"))
        (folder / "checkpoints").mkdir()
        for run in (PROJECT / "checkpoints").glob("recorded-*"):
            shutil.copytree(run, folder / "checkpoints" / run.name)
        with Dashboard(folder / "checkpoints", STREAMLIT_SERVER_ADDRESS="") as dashboard:
            yield dashboard


def answered(language: str) -> str:
    """A class in which each question has been asked and answered, and each shown that may be; its teacher's key."""
    opened = classes.open_class(lessons.FINE_TUNING, language)
    of, lesson = classes.find(opened.code), lessons.load()
    phones = [f"{n:022}" for n in range(12)]
    for phone in phones:
        votes.join(of, phone)
    single = [name for name in lesson.names() if name not in lesson.parallel()]
    for question, moment in lessons.asked(lesson, ["before", *single, "after"], figures.recorded):
        number = votes.ask(of, question, moment)
        for place, phone in enumerate(phones):
            if question.grid is not None:
                votes.answer(of, phone, number, [min(7, row + place % 3) for row in (0, 1, 2, 3, 3, 4)])
            elif question.kind != TEXT:
                votes.answer(of, phone, number, place % question.count)
        votes.set_state(of, number, votes.CLOSED if moment == BEFORE else votes.REVEALED)
    return opened.key


SIZES = ((1920, 1080), (1280, 720))  # a projector's, and the smallest one


def walked(page, address: str, count: int) -> list[tuple[int, int, dict]]:
    """Turns from the first slide to the last, and looks at each in both sizes; what is wrong with which."""
    wrong = []
    page.goto(address)
    for number in range(1, count + 1):
        until(lambda number=number: (page.evaluate(MEASURE) or {}).get("place") == str(number), 60)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            if now := faults(page):
                wrong.append((number, width, now))
        page.keyboard.press("PageDown")
    return wrong


def faults(page) -> dict | None:
    """What is wrong with a slide once it has been drawn; None where nothing is."""
    end, now, sound = time.monotonic() + 5, None, 0
    while time.monotonic() < end:
        page.wait_for_timeout(250)  # pictures, tables and components follow their text
        now = page.evaluate(MEASURE)
        good = now and max(now["scrolls"]) <= 0 and not any(now[name] for name in ("outside", "cut", "small", "faint"))
        sound = sound + 1 if good else 0
        if sound == 3:
            return None
    return now or {"drawn": False}


@pytest.mark.parametrize(
    ("language", "with_class"),
    [
        ("en", False),
        ("fr", True),
        pytest.param("fr", False, marks=pytest.mark.long),
        pytest.param("en", True, marks=pytest.mark.long),
    ],
)
def test_no_slide_scrolls_or_is_cut_on_a_projector(browser, server, language, with_class):
    locale = {"en": "en-GB", "fr": "fr-FR"}[language]
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale=locale, reduced_motion="reduce")
    code = f"&key={answered(language)}" if with_class else ""
    count = len(slides.of_lesson(lessons.load(), language, short=False))
    wrong = walked(context.new_page(), f"{server.address}/lesson?present=1&step=join{code}", count)
    context.close()
    assert wrong == []

"""The recorded lesson as a file, opened from a disk with the network off: every slide by keys, votes, curves, time, paper."""

import io
import re

import pytest
from browser_helpers import axe_script
from pypdf import PdfReader
from waiting_helpers import until

from engine.classroom import lessons
from engine.classroom.offline import page as offline

pytestmark = pytest.mark.browser

CUT = """() => [document.querySelector("main").scrollHeight - document.querySelector("main").clientHeight,
    document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]"""
REVEAL = """() => {
    for (const letter of document.querySelectorAll(".slide.at .ballot button.letter")) letter.click();
    document.querySelector(".slide.at .show")?.click();
}"""


@pytest.fixture(scope="module", params=["fr", "en"])
def file(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("offline") / "lesson.html"
    path.write_bytes(offline.html(lessons.load(), request.param).encode())
    return path


@pytest.fixture
def opened(browser, file):
    """Opens the file at an address; at the end no script has failed and nothing was asked of anybody."""
    contexts, said, asked = [], [], []

    def open_(place: str = "", **options):
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options}))
        contexts[-1].set_offline(True)
        contexts[-1].on("request", lambda request: asked.append(request.url.partition("#")[0]))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(file.as_uri() + place)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert said == [] and {url for url in asked if not url.startswith("data:")} == {file.as_uri()}


def at(page) -> str:
    return page.locator(".slide.at").get_attribute("id")


def test_keys_walk_through_every_slide_and_none_is_cut_or_scrolls_before_or_after_the_answers_are_shown(opened):
    page = opened()
    wanted = page.evaluate("[...document.querySelectorAll('main > .slide')].map(slide => slide.id)")
    found, cut = [], []
    for name in wanted:
        found.append(at(page))
        assert page.evaluate("location.hash") == f"#{found[-1]}" and page.locator(".slide:visible").count() == 1
        if page.locator(".slide.at .player").count():
            page.locator(".slide.at .player input").press("End")
        page.evaluate(REVEAL)
        if any(over > 0 for over in page.evaluate(CUT)):
            cut.append((name, page.evaluate(CUT)))
        page.keyboard.press("PageDown")
    assert found == wanted and len(found) > 30
    assert cut == [], cut
    page.keyboard.press("PageUp")
    assert at(page) == wanted[-2]
    page.keyboard.press("ArrowRight")
    assert at(page) == wanted[-1] and page.locator(".next").is_disabled()


def test_a_link_leads_to_a_slide_or_a_step_and_the_short_form_leaves_steps_out(opened):
    page = opened("#5-gain")
    assert at(page) == "5-gain"
    page.evaluate("location.hash = '#3'")
    until(lambda: at(page) == "3-text", 5)
    page.locator("[data-form=short]").click()
    assert at(page) == "4-text" and "short" in page.evaluate("location.hash")
    assert page.locator(".top li:visible").count() == 4
    page.reload()
    assert at(page) == "4-text" and page.locator("[data-form=short]").get_attribute("aria-pressed") == "true"
    page.locator(".top li:visible a").first.click()
    until(lambda: at(page) == "1-text", 5)
    assert page.locator("[data-form=short]").get_attribute("aria-pressed") == "true"


def test_votes_are_counted_by_hand_hidden_until_shown_and_can_be_repeated(opened):
    page = opened("#1-vote-next-word")
    slide = page.locator(".slide.at")
    slide.locator("li[data-letter=A] button").click(click_count=3)
    slide.locator("li[data-letter=E] input").fill("1")
    slide.locator("li[data-letter=E] input").press("Tab")
    assert re.search(r"\b4$", slide.locator(".total").inner_text())
    assert slide.locator(".bar:visible, .tick:visible, .why:visible, li.right").count() == 0
    slide.locator(".show").click()
    assert [said.replace("\u202f", "\u00a0") for said in slide.locator(".said:visible").all_inner_texts()] == [
        "75\u00a0%",
        "0\u00a0%",
        "0\u00a0%",
        "0\u00a0%",
        "25\u00a0%",
    ]
    assert slide.locator("li.right").get_attribute("data-letter") == "B" and slide.locator(".why").is_visible()
    page.keyboard.press("PageDown")
    assert page.locator(".slide.at .bar.class:visible").count() == 5  # beside the model's choice
    page.keyboard.press("PageUp")
    slide.locator(".again").click()
    assert slide.locator(".bar:visible, li.right").count() == 0 and "2" in slide.locator(".total").inner_text()
    for name, right in (("who-wrote-1", 4), ("who-wrote-3", 2)):
        page.evaluate(f"location.hash = '#6-vote-{name}'")
        until(lambda name=name: at(page) == f"6-vote-{name}", 5)
        assert page.locator(".slide.at li.right").count() == 0
        for letter, count in ((page.locator(".slide.at li[data-right]").get_attribute("data-letter"), right), ("C", 2)):
            page.locator(f".slide.at li[data-letter={letter}] button").click(click_count=count)
        page.locator(".slide.at .show").click()
    page.evaluate("location.hash = '#6-blind'")
    until(lambda: page.locator(".slide.at .result").is_visible(), 5)
    assert (
        page.locator(".slide.at .result .figure").inner_text().startswith("60")
        and "33" in page.locator(".result").inner_text()
    )


def test_what_is_asked_before_the_lesson_is_never_given_away(opened):
    page = opened("#0-vote-1-before")
    assert page.locator(".slide.at .show").count() == 0 and page.locator(".slide.at li.right").count() == 0


def test_the_recorded_curve_waits_for_a_press_plays_over_the_guesses_and_its_sentence_changes(opened):
    page = opened("#2-vote-shape")
    page.locator(".slide.at li[data-letter=B] button").click(click_count=3)
    box = page.locator(".slide.at .pad svg").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + box["height"] * 0.6)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(box["x"] + 60 + step * 30, box["y"] + box["height"] * (0.6 - step * 0.05))
    page.mouse.up()
    assert page.locator(".slide.at .drawn").count() == 1
    page.locator(".slide.at .show").click()
    page.keyboard.press("PageDown")
    player = page.locator(".slide.at .player")
    assert player.locator(".guess").count() == 2
    slider, now = player.locator("input"), player.locator(".now .text")
    page.wait_for_timeout(400)  # it would have begun by itself
    assert slider.input_value() == "0"
    texts = {now.inner_text()}
    player.locator("button").click()
    until(lambda: texts.add(now.inner_text()) or len(texts) > 4, 20)
    slider.press("End")
    assert player.locator(".verdict").is_visible() and re.search(r"29[.,]8", player.locator(".verdict").inner_text())
    assert re.search("recorded|enregistré", player.locator(".badge").inner_text())
    page.keyboard.press("PageDown")  # a clicker's key, also on the slider
    assert at(page) == "3-text"


def test_time_is_dragged_and_what_was_copied_is_marked(opened):
    page = opened("#3-text")
    before = page.locator(".slide.at .moments").inner_text()
    slider = page.locator(".slide.at input")
    slider.press("End")
    after = page.locator(".slide.at .moments").inner_text()
    assert (
        before != after
        and re.search(r"29[.,]8", after)
        and re.search("200: 29[.,]8", slider.get_attribute("aria-valuetext"))
    )
    slider.press("ArrowLeft")
    assert at(page) == "3-text"  # the key is the slider's
    page.evaluate("location.hash = '#4-play'")
    until(lambda: at(page) == "4-play", 5)
    page.locator(".slide.at .player input").press("End")
    assert page.locator(".slide.at .copied").first.inner_text() == "examinations"


def test_notes_are_hidden_until_they_are_opened_and_a_window_of_their_own_leads_the_wall(opened):
    wall = opened("#5-vote-cost")
    assert not wall.locator(".notes").is_visible()
    wall.locator(".open-notes").click()
    notes = wall.locator(".notes")
    assert notes.locator(".expected:visible b").inner_text() == "C" and notes.locator(".say:visible").count() == 1
    assert re.search(r"0:0\d .* 3 min", notes.locator(".clock").inner_text())
    with wall.context.expect_page() as opening:
        wall.locator(".separate").click()
    teacher = opening.value
    until(lambda: teacher.locator(".notes .expected:visible").count() == 1, 10)
    assert not wall.locator(".notes").is_visible() and not teacher.locator("main").is_visible()
    teacher.keyboard.press("PageDown")
    until(lambda: at(wall) == "5-gain", 5)
    wall.keyboard.press("PageDown")
    until(lambda: teacher.locator(".now").inner_text() == wall.locator(".slide.at h2").inner_text(), 5)
    wall.reload()
    teacher.keyboard.press("PageUp")
    until(lambda: at(wall) == "5-gain", 5)
    teacher.keyboard.press("PageDown")


def test_the_page_to_take_home_is_two_printed_pages_with_what_the_class_has_answered(opened, file):
    page = opened("#2-vote-shape")
    page.locator(".slide.at li[data-letter=B] button").click(click_count=3)
    page.locator(".slide.at .show").click()
    pdf = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    width, height = (float(side) for side in pdf.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842) and len(pdf.pages) == 2
    text = " ".join(one.extract_text() for one in pdf.pages)
    for words in ("examinations and trust", "recorded-memorise", "B ✓ 3"):
        assert words in text.replace("\u00a0", " "), words
    assert re.search(r"Twelve words|Douze mots", text) and not re.search(r"Suivant|Next", text)


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_and_a_phone_scrolls_one_way_only(opened, width):
    page = opened(viewport={"width": width, "height": 844}, reduced_motion="reduce")
    page.evaluate(axe_script() + "; 0")
    found = {}
    for name in (
        "0-text",
        "1-vote-next-word",
        "1-choice",
        "1-ten",
        "2-vote-shape",
        "2-play",
        "3-text",
        "4-play",
        "5-gain",
        "6-blind",
    ):
        page.evaluate(f"location.hash = '#{name}'")
        until(lambda name=name: at(page) == name, 5)
        page.evaluate(REVEAL)
        wrong = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        wrong = [
            (v["id"], n["html"][:120]) for v in wrong if v["impact"] in ("serious", "critical") for n in v["nodes"]
        ]
        if wrong or page.evaluate("document.documentElement.scrollWidth") > width:
            found[name] = wrong or "too wide"
    page.locator(".open-notes").click()
    assert found == {} and page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_all_of_it_is_there_to_be_read(opened):
    page = opened(java_script_enabled=False)
    assert page.locator(".slide:visible").count() > 30 and page.locator("noscript p").count() == 1

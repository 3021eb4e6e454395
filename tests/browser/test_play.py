"""A training as it is played in a browser: the sentence types itself, stops, goes on, and says at its end what it showed."""

import csv
import io
import shutil
from xml.etree import ElementTree

import pytest
from browser_helpers import until_drawn
from project import PROJECT
from waiting_helpers import until

from scripts.dashboard import Dashboard

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    runs = tmp_path_factory.mktemp("play") / "checkpoints"
    shutil.copytree(PROJECT / "checkpoints" / "recorded-mini", runs / "recorded-mini")
    with Dashboard(runs) as dashboard:
        yield dashboard.address


def open_lab(browser, address: str, **context):
    page = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, "locale": "en-GB", **context}).new_page()
    page.goto(address)
    return page


def bottom(page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    return box["y"] + box["height"]


def test_curve_sentences_and_button_are_above_the_fold_and_the_sentence_types_itself(browser, server):
    page = open_lab(browser, server)
    now = page.locator(".play .now .text")
    now.wait_for(timeout=60_000)
    lengths = [len(now.inner_text())]
    until(lambda: lengths.append(len(now.inner_text())) or len({*lengths}) >= 5, 20)
    for selector in (".st-key-lab_start", ".play svg", ".play .sentence >> nth=0", ".play .now"):
        assert bottom(page, selector) <= 720, selector
    assert page.locator(".play .changed").count() > 0
    page.get_by_role("button", name="Stop", exact=True).click()
    stopped = now.inner_text(), page.get_by_role("slider").input_value()
    page.wait_for_timeout(1_500)  # longer than a sentence takes to change
    assert stopped == (now.inner_text(), page.get_by_role("slider").input_value())
    slider = page.get_by_role("slider")
    slider.press("End")
    assert slider.get_attribute("aria-valuetext") == "step 200: 29.8\u00a0%"
    page.get_by_role("button", name="Play again").click()
    page.get_by_role("button", name="Stop", exact=True).wait_for(timeout=5_000)
    until(lambda: int(slider.input_value()) < 100, 5)  # of 200 steps: it has begun anew


def test_a_card_a_question_the_play_and_what_it_showed_and_back_leads_back(browser, server):
    page = open_lab(browser, server, reduced_motion="reduce")
    page.locator(".st-key-lab_card_memorise button").click(timeout=60_000)
    page.get_by_role("button", name="less often than before").click()
    # With reduced motion nothing moves by itself: the end stands there at once.
    said = page.locator(".play .verdict")
    said.wait_for(timeout=30_000)
    assert "120 times" in said.inner_text() and "So it came." in said.inner_text()
    copied = page.locator(".play .copied")
    assert copied.count() >= 20 and copied.first.inner_text() == "examinations"
    assert "experiment=memorise" in page.evaluate("window.location.href")
    page.locator(".st-key-lab_card_break button").click()
    page.get_by_role("button", name="Skip the question").wait_for(timeout=30_000)
    page.go_back()
    until(lambda: "experiment=memorise" in page.evaluate("window.location.href"), 20)
    until_drawn(page)
    page.go_back()
    until(lambda: "experiment" not in page.evaluate("window.location.href"), 20)
    page.get_by_role("button", name="Fine-tune the mini model on the sample articles").wait_for(timeout=30_000)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_slider_stands_under_the_axis_of_the_curve_and_keys_move_it_from_point_to_point(browser, server, width):
    page = open_lab(browser, server, viewport={"width": width, "height": 844}, reduced_motion="reduce")
    slider = page.locator(".play input[type=range]")
    slider.wait_for(timeout=60_000)
    for key in ("End", "ArrowLeft", "Home", "ArrowRight"):
        slider.press(key)
        tip, thumb = slider.evaluate(
            """slider => {
                const tip = slider.getRootNode().querySelector(".tip").getBoundingClientRect();
                const box = slider.getBoundingClientRect(), share = slider.value / slider.max;
                return [tip.left + tip.width / 2, box.left + 8 + share * (box.width - 16)];
            }"""
        )
        assert abs(tip - thumb) < 3, (key, tip, thumb)
    assert slider.get_attribute("aria-valuetext").startswith("step ")
    assert not slider.get_attribute("aria-valuetext").startswith("step 0:")


def test_what_is_played_is_saved_as_a_picture_with_its_sentences_and_as_data(browser, server):
    page = open_lab(browser, server, reduced_motion="reduce")
    now = page.locator(".play .now .text")
    now.wait_for(timeout=60_000)
    page.get_by_role("button", name="Share").click()
    saved = {}
    for form in ("PNG", "SVG", "CSV"):
        with page.expect_download(timeout=30_000) as download:
            page.get_by_role("button", name=f"recorded-mini: right guesses of unseen articles (%) as {form}").click()
        assert (
            download.value.suggested_filename
            == f"atelier-recorded-mini-right-guesses-of-unseen-articles.{form.lower()}"
        )
        saved[form] = download.value.path().read_bytes()
    assert saved["PNG"].startswith(b"\x89PNG") and int.from_bytes(saved["PNG"][16:20], "big") > 2000  # pixels across
    drawn = ElementTree.fromstring(saved["SVG"])
    words = " ".join("".join(drawn.itertext()).split())
    assert "steps" in words and "29.8" in words
    for word in now.inner_text().split()[-3:]:
        assert word in words
    look = saved["SVG"].decode()
    assert "var(" not in look and "class=" not in look and "color-mix" not in look  # it stands by itself
    lines = drawn.findall(".//{*}g/{*}text")  # of the two sentences: none runs over the edge, nor into the other
    page.set_content(saved["SVG"].decode())
    edges = page.evaluate(
        """() => [...document.querySelectorAll("svg > g")].map(group => {
            const box = group.getBoundingClientRect(), whole = document.querySelector("svg").getBoundingClientRect();
            return [box.left - whole.left, box.right - whole.left, whole.width];
        })"""
    )
    assert len(lines) >= 4 and edges[0][1] <= edges[1][0] and edges[1][1] <= edges[1][2], edges
    rows = list(csv.reader(io.StringIO(saved["CSV"].decode("utf-8-sig"), newline="")))
    assert rows[0] == ["series", "steps", "right guesses of unseen articles (%)", "What it writes"]
    own = [row for row in rows if row[0] == "this run"]
    assert [float(own[-1][1]), round(float(own[-1][2]), 1)] == [200, 29.8] and own[-1][3]


def test_what_a_model_wrote_is_text_and_fits_on_a_phone(browser, server):
    page = open_lab(browser, server, viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page.locator(".play .legend").wait_for(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 2
    # What a run wrote is set as text by the script, whatever it holds.
    made = page.evaluate(
        """async source => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
            const box = document.createElement("div");
            box.innerHTML = '<div class="play"></div>';
            document.body.append(box);
            const evil = '<img src=x onerror="window.hit = 1"><b>bold</b>';
            (await import(url)).default({ parentElement: box, data: {
                id: "a", live: false, language: "en", height: 200, badge: evil, base: 10, base_text: evil, prompt: evil,
                steps: 2, own: { label: evil, colour: "#0072B2", begins: evil, points: [[0, 10, evil], [2, 20, evil]] },
                other: null, beside: [], ghost: null, summary: evil, verdict: [["said", evil]], copied: null,
                words: Object.fromEntries(["play", "stop", "again", "slider", "base", "now", "step", "percent", "axis",
                    "figure", "wrote", "waiting", "table"].map(name => [name, evil])),
            } });
            await new Promise(done => setTimeout(done, 300));
            return [box.querySelectorAll("img, b").length, window.hit ?? 0, box.textContent.includes("<b>bold</b>")];
        }""",
        (PROJECT / "ui" / "components" / "play" / "play.js").read_text(encoding="utf-8"),
    )
    assert made == [0, 0, True]

"""The papers for teachers: each figure is one of what ships, names its command, and every name of a button is on the screen."""

import io
import re

import pytest
from pypdf import PdfReader

from engine.classroom import lessons
from engine.cli import app
from engine.core.languages import catalogue, spaced
from scripts import papers

FILES = papers.files()
BY_NAME = [f"{file.parent.name}/{file.name}" for file in FILES]
# Percentages in a question or a claim that is quoted, which no run has given.
QUOTED = {"100", "25"}
_TAGS = re.compile(r"<[^>]*>")


def text_of(file) -> str:
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=BY_NAME)
def test_every_figure_is_that_of_what_ships(file):
    text = text_of(file)
    assert papers.filled(text, papers.known(file.parent.name)) == text, "python scripts/papers.py writes them"
    for name in papers.FIGURE.findall(text):
        assert papers.command(name[0]) in text, f"{name[0]} is given by no command that the paper names"


@pytest.mark.parametrize("file", FILES, ids=BY_NAME)
def test_no_percentage_is_written_by_hand(file):
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", text_of(file), flags=re.S)
    text = _TAGS.sub(" ", papers.FIGURE.sub(" ", text))
    by_hand = re.findall(r"([\d.,]+)\s?%", text)
    assert set(by_hand) <= QUOTED


@pytest.mark.parametrize("file", FILES, ids=BY_NAME)
def test_every_paper_says_its_licence_and_french_is_spaced(file):
    text = text_of(file)
    assert "CC BY 4.0" in text
    if file.parent.name == "fr" and file.suffix == ".md":
        assert spaced(text) == text


def test_both_languages_have_the_same_papers():
    english, french = ([f for f in FILES if f.parent.name == code] for code in lessons.LANGUAGES)
    shapes = [
        sorted(
            (papers.FIGURE.sub("x", text_of(f)).count("\n## "), f.suffix)
            for f in files
            if f.name not in ("curriculum.md", "programmes.md")
        )
        for files in (english, french)
    ]
    assert len(english) == len(french) and shapes[0] == shapes[1]


@pytest.mark.parametrize("file", FILES, ids=BY_NAME)
def test_links_lead_to_files(file):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text_of(file)):
        assert (file.parent / target).resolve().exists(), target


@pytest.mark.parametrize("code, name", [("en", "more_lessons.md"), ("fr", "autres_lecons.md")])
def test_what_is_to_be_pressed_is_written_so_on_the_screen(code, name):
    text = text_of(papers.PAPERS / code / name)
    table = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    pressed = set(re.findall(r"\*\*(.+?)\*\*", table))
    known = catalogue("fr")._catalog
    shown = {text if code == "fr" else key for key, text in known.items() if isinstance(key, str)}
    shown |= {text.replace("{n}", "3") for text in shown}  # of the three runs of one experiment
    assert len(pressed) >= 10 and pressed <= shown


def test_the_guides_name_the_same_buttons_as_the_screen_has_them():
    named = {
        c: set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text_of(papers.PAPERS / c / "guide.md")))
        for c in lessons.LANGUAGES
    }
    french = {key: text for key, text in catalogue("fr")._catalog.items() if isinstance(key, str)}
    english = named["en"] & set(french)
    assert len(english) >= 10
    assert {french[name] for name in english} == named["fr"] & set(french.values())


@pytest.mark.parametrize("file", FILES, ids=BY_NAME)
def test_every_command_of_the_lab_is_one(file):
    for words in re.findall(r"`python -m engine ([^`]+)`", text_of(file)):
        app.parser().parse_args(words.split())


def test_the_guide_has_the_steps_of_the_lesson_in_their_order():
    for code in lessons.LANGUAGES:
        titles = [f"{step.number} {step.title}" for step in lessons.load().steps[code]]
        rows = [
            line.split("|")[1].strip()
            for line in text_of(papers.PAPERS / code / "guide.md").splitlines()
            if "minutes_" in line
        ]
        assert [row.replace("\u00a0", " ") for row in rows[:-1]] == [title.replace("\u00a0", " ") for title in titles]


def test_the_long_form_is_a_lesson_of_fifty_minutes_and_the_short_one_of_twenty():
    lesson = lessons.load()
    assert (lesson.minutes(), lesson.minutes(short=True)) == (
        50 - 2,
        20 - 2,
    )  # two minutes are slack, as the guide says


@pytest.mark.browser
@pytest.mark.parametrize("name", ["en/handout.html", "fr/fiche.html"])
def test_the_sheet_for_pupils_is_one_printed_page_and_is_read_on_a_phone(browser, name):
    page = browser.new_page(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page.goto((papers.PAPERS / name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    printed = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    assert len(printed.pages) == 1 and [round(float(side)) for side in printed.pages[0].mediabox[2:]] == [595, 842]
    page.close()

"""Errors, findings, numbers and days are put into words in one place, in the language that is asked for."""

import ast
import datetime

import pytest
from project import PROJECT

from engine.cli import output
from engine.core import wording
from engine.core.errors import ArticlesError, EngineError, SettingsError, sentence
from engine.core.wording import BITS, COUNT, NATS, POINTS, SHARE
from engine.evaluation import interpretation
from engine.evaluation.interpretation import Finding
from ui import i18n, interpretation_view, words
from ui.phone import html

THIN, BLANK = "\u202f", "\u00a0"
LANGUAGES = ("en", "fr")
SOURCES = sorted(f for folder in ("engine", "ui", "pages") for f in (PROJECT / folder).rglob("*.py"))


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_error_is_said_with_its_numbers_its_split_and_its_reason_in_that_language(code):
    reason = ArticlesError("{articles} has no {split} articles.", articles="a.zip", split="train")
    outer = EngineError("{n} of {reason}", n=1200, reason=reason)
    in_both = (
        "1,200 of a.zip has no train articles.",
        f"1{THIN}200 of a.zip n’a pas d’articles dans sa partie entraînement.",
    )
    assert wording.of(code).error(outer) == in_both[code == "fr"]
    several = SettingsError([reason, reason])
    assert wording.of(code).error(several) == "\n\n".join([wording.of(code).error(reason)] * 2)


@pytest.mark.parametrize("code", LANGUAGES)
def test_pages_and_phones_take_their_sentences_from_there(code, monkeypatch):
    monkeypatch.setattr(i18n, "language", lambda: code)
    monkeypatch.setattr(words, "language", lambda: code)
    error = ArticlesError("{articles} has no {split} articles.", articles="a.zip", split="test")
    assert i18n.error_text(error) == wording.of(code).error(error)
    many = ("{n} article", "{n} articles")
    assert (
        i18n._n(*many, 1200)
        == wording.of(code).say_many(*many, 1200)
        == ("1,200", f"1{THIN}200")[code == "fr"] + " articles"
    )
    assert (
        html.translate(code)("{n} of {day}", n=0.25, day=datetime.date(2026, 11, 26))
        == (("0.25 of 26 November 2026", "0,25 of 26 novembre 2026")[code == "fr"])
    )


@pytest.mark.parametrize(
    ("unit", "value", "english", "french"),
    [
        (SHARE, 0.1884, f"18.8{BLANK}%", f"18,8{BLANK}%"),
        (POINTS, -0.0144, "−1.4", "−1,4"),
        (POINTS, 0.0144, "+1.4", "+1,4"),
        (COUNT, 12_345, "12,345", f"12{THIN}345"),
        (NATS, 4.3914, "4.39", "4,39"),
        (BITS, 2.6, "2.60", "2,60"),
    ],
)
def test_a_figure_has_the_digits_of_its_unit(unit, value, english, french):
    assert [wording.of(code).figure(unit, value) for code in LANGUAGES] == [english, french]


def test_a_finding_reads_alike_on_a_page_and_at_the_command_line(monkeypatch):
    monkeypatch.setattr(interpretation_view, "language", lambda: "en")
    found = Finding(
        interpretation.BELOW,
        interpretation.WARNING,
        sentence("{own} at {step}: {gain}"),
        {"own": 0.1, "step": 1200, "gain": -0.2},
    )
    assert interpretation_view.in_words(found) == (f"10.0{BLANK}% at 1,200: −20.0", "")
    assert output.findings_lines([found]) == [f"10.0{BLANK}% at 1,200: −20.0"]


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_day_is_written_as_the_language_does(code):
    said = wording.of(code)
    assert said.recorded_day("2026-11-26") == ("26 November 2026", "26 novembre 2026")[code == "fr"]
    assert said.recorded_day("?") == "?"
    assert said.date(0) == said.date(1e300) == "–"


def test_nothing_else_fills_in_the_template_of_an_error():
    """Each had its own way once: one wrote numbers without groups, another no reason, a third no split."""
    said = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                templates = [a for a in node.args if isinstance(a, ast.Attribute) and a.attr == "template"]
                others = [a for a in templates if not (isinstance(a.value, ast.Name) and a.value.id == "self")]
                if name == "gettext" or (others and name in ("_", "say", "translate")):
                    said.append(path.relative_to(PROJECT).as_posix())
    assert set(said) == {"engine/core/wording.py"}

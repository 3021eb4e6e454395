"""A report is one file: nothing in it runs, nothing is asked of a network, and it prints on two pages."""

import io
import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from pypdf import PdfReader

from engine.classroom import report_page, reports
from engine.classroom.reports import CopiedPassage, Copying, Curve, Measured, Report, Texts
from engine.core.errors import EngineError
from engine.core.wording import Wording
from engine.evaluation import measured_on
from engine.evaluation.forgetting import Change, Point
from engine.evaluation.interpretation import findings
from engine.evaluation.run_figures import Bigram, Evidence, Figures
from ui import memorisation_view

HOSTILE = "<script>alert(1)</script>\"' onload=x </svg><img src=x onerror=alert(1)> {{ 7 * 7 }} &amp; \u202e "
FACTS = {
    "preset_hash": "0" * 64, "parent": None, "articles": "sample", "first_article": 1, "last_article": 100,
    "method": "packed", "steps": None, "epochs": None, "minutes": 1.0, "passes": 3.2, "tokens": 409_045, "seconds": 59.0,
    "window": 256, "batch": 8, "learning_rate": 0.002, "lora_rank": 0, "dropout": None, "seed": 1, "device": "cpu",
    "precision": "float32", "takes_best": True, "versions": {"atelier": "0.1.0", "keras": "3.15.1"},
}  # fmt: skip
PASSAGE = CopiedPassage("before ", "the copied words", " behind", 12, 7)
BEFORE, AFTER = Figures(0.162, 3.97, 2.5, 15_072), Figures(0.297, 3.55, 1.88, 15_072)
# A verdict, and three findings that the page has no part of its own for.
FOUND = tuple(
    findings(
        Evidence(
            9, AFTER, BEFORE, measured_on.WHOLE, bigram=Bigram(0.9, 0.297),
            early_end={"step": 9, "steps": 10**6, "patience": 3, "best_step": 4},
        )
    )
)  # fmt: skip
POINTS = Point(0, 0.162, 2.5, 15_072), Point(200, 0.297, 1.88, 15_072)


def a_report(**others) -> Report:
    found = Report(
        run="one", state="finished", step=200, steps=200, base="gpt2_mini_en",
        curve=Curve(((4, 0.17), (100, 0.3)), ((0, 0.162), (100, 0.28), (200, 0.297)), 0.162, 200),
        findings=FOUND,
        measured=Measured("validation", *POINTS, Change(0.135, [0.12, 0.15]), measured_on.PARTS[measured_on.WHOLE]),
        english=Measured("english", *POINTS[::-1], Change(-0.046, [-0.07, -0.02])),
        texts=Texts("The results", " were good.", " were significant.", 200, 1, 0.8, 40),
        copying=Copying(100, (PASSAGE,) * 3, 8, (9,) * 20),
        not_searched=None, facts=FACTS, checkpoint=None, recorded=None, begun=1.7e9, made=1.7e9,
    )  # fmt: skip
    return replace(found, **others)


def filled_with(text: str) -> Report:
    """A report in which this stands wherever a file or a person says something."""
    passage = CopiedPassage(text, text, text, 999_999, 999_999)
    return a_report(
        run=text, base=text, state="interrupted",
        texts=Texts(text, text, text, 10**7, 1, 0.8, 40),
        copying=replace(a_report().copying, passages=(passage,) * 3, lost=(EngineError("{x}", x=text),)),
        facts={**FACTS, "parent": text, "articles": text, "device": text, "precision": text, "dropout": 0.1,
               "versions": dict.fromkeys(("atelier", "keras", "tensorflow", "python"), text)},
        recorded={"date": text, "commit": text, "command": text},
    )  # fmt: skip


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("text", [HOSTILE, HOSTILE * 400], ids=["once", "often"])
def test_nothing_that_stands_in_a_run_becomes_markup(language, text):
    page = report_page.html(filled_with(text), language)
    own, hostile = Elements(), Elements()
    own.feed(report_page.html(filled_with("text"), language))
    hostile.feed(page)
    assert [tag for tag, _attributes in hostile.found] == [tag for tag, _attributes in own.found]
    assert not {tag for tag, _a in hostile.found} & {"script", "img", "link", "iframe", "object", "base", "form"}
    assert not any(name.startswith("on") or name in ("src", "href") for _tag, a in hostile.found for name in a)
    assert "49" not in re.findall(r"\{\{.*?\}\}|alert\(1\).{40}", page)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_page_asks_nothing_of_a_network(language):
    page = report_page.html(a_report(), language)
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    assert "default-src 'none'" in page


def test_both_languages_say_the_same_figures_in_their_own_way():
    english, french = (report_page.html(a_report(), language) for language in ("en", "fr"))
    assert "29.7\u00a0%" in english and "29,7\u00a0%" in french and "29.7" not in french
    assert "409,045" in english and "409\u202f045" in french
    assert english.count("<dt>") == french.count("<dt>")
    assert len(re.findall("<div><dt>", english)) == 12


@pytest.mark.parametrize(
    "longest, chance, said",
    [
        (2, (9,) * 20, "Not copied: nothing of 3 words in a row stands in the articles. The yardstick: 20 articles"),
        (9, (9,) * 20, "Not copied: 9 words in a row at most, and unseen articles share up to 9."),
        (10, (9,) * 20, "Copied: 10 words in a row; chance explains 9."),
        (10, (9,) * 20, "accuses at most 1 in 21."),
        (12, (), "whether chance explains a passage cannot be told"),
    ],
)
def test_what_was_copied_is_said_in_words_by_the_yardstick_as_explore_says_it(longest, chance, said):
    page = report_page.html(
        a_report(copying=replace(a_report().copying, longest_words=longest, unseen_words=chance)), "en"
    )
    assert said in page and "12 words, article 7" in page and "tokens in a row" not in page
    if chance:
        assert memorisation_view.verdict(longest, list(chance)) in page


def test_the_title_is_the_verdict_how_sure_it_is_and_what_else_happened_stand_below():
    page = report_page.html(a_report(), "en")
    written = Wording("en")
    (title, sure), *others = [finding.said(written) for finding in FOUND]
    assert [finding.code for finding in FOUND] == ["learned", "stopped_early", "few_steps", "beaten_by_bigram"]
    assert f"<h1>{title}</h1>" in page and not sure
    for said, _sure in others:
        assert f'<p class="small">{said}</p>' in page.replace("&#39;", "'")
    assert "29,7\u00a0%" in report_page.headline(a_report(), Wording("fr"))


def test_a_label_of_the_curve_lies_on_no_other():
    curve = Curve(((1, 0.3), (9, 0.3)), ((0, 0.3), (9, 0.3)), 0.3, 9)
    page = report_page.html(a_report(curve=curve), "en")
    heights = [float(y) for y in re.findall(r'<text x="600" y="([\d.]+)" fill', page)]
    assert len(heights) == 3 and all(b - a >= 16.9 for a, b in itertools.pairwise(heights))


@pytest.mark.parametrize("points", [1, 2, 500])
def test_a_curve_of_any_length_is_drawn_within_its_picture(points):
    curve = Curve(tuple((n + 1, 0.9 * n / points) for n in range(points)), ((0, 0.1), (points, 1.0)), None, None)
    page = report_page.html(a_report(curve=curve), "en")
    places = [tuple(map(float, p.split(","))) for line in re.findall('points="([^"]+)"', page) for p in line.split()]
    assert all(0 <= x <= 720 and 0 <= y <= 290 for x, y in places)


SHAPES = {
    "usual": a_report(),
    "little": a_report(measured=None, english=None, texts=None, copying=None, curve=Curve((), (), None, None)),
    "words": filled_with("a long word " * 400),
    "one word": filled_with("W" * 5_000),
    "lines": filled_with("line\n" * 500),
    "markup": filled_with(HOSTILE * 100),
    "wide": filled_with("測試" * 2_000),
}


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "fr"])
def test_it_prints_on_two_pages_whatever_stands_in_it(browser, tmp_path, language):
    for name, report in SHAPES.items():
        file = tmp_path / f"{name}.html"
        file.write_text(report_page.html(report, language), encoding="utf-8")
        page = browser.new_page(viewport={"width": 1280, "height": 900}, java_script_enabled=False)
        asked = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(file.as_uri())
        pdf = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
        width, height = (float(side) for side in pdf.pages[0].mediabox[2:])
        assert (round(width), round(height)) == (595, 842), name  # A4
        assert len(pdf.pages) == 2, name
        words = {"en": "Twelve words", "fr": "Douze mots"}[language]
        assert words in pdf.pages[1].extract_text() and words not in pdf.pages[0].extract_text(), name
        for across in (1280, 390):
            page.set_viewport_size({"width": across, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, (
                name
            )
        assert asked == [file.as_uri()]
        page.close()


def test_reports_module_and_page_agree_on_their_facts(root):
    """Each fact that the page reads is gathered: a name changed on one side alone would be a KeyError here."""
    from pages_helpers import a_run

    found = reports.of_run(a_run(root), may_index=lambda seen: False)
    assert set(found.facts) == set(FACTS)

"""A report is one file: nothing in it runs, nothing is asked of a network, and it prints on two pages."""

import itertools
import re
from dataclasses import replace

import pytest
from report_helpers import FACTS, FOUND, HOSTILE, Elements, a_report, filled_with, printed

from engine.classroom import report_page, reports
from engine.classroom.reports import Curve
from engine.core.wording import Wording
from ui import memorisation_view


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
        sheets, layout = printed(browser, file)
        words = {"en": "Twelve words", "fr": "Douze mots"}[language]
        assert [words in sheet for sheet in sheets] == [False, True], name
        assert not any(layout.values()), (name, layout)


def test_reports_module_and_page_agree_on_their_facts(root):
    """Each fact that the page reads is gathered: a name changed on one side alone would be a KeyError here."""
    from pages_helpers import a_run

    found = reports.of_run(a_run(root), may_index=lambda seen: False)
    assert set(found.facts) == set(FACTS)

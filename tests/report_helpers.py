"""Reports of a run that hold what a test wants, and how a page of them looks when it is printed."""

import io
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

from pypdf import PdfReader

from engine.classroom.reports import CopiedPassage, Copying, Curve, Measured, Report, Texts
from engine.core.errors import EngineError
from engine.evaluation import measured_on
from engine.evaluation.forgetting import Change, Point
from engine.evaluation.interpretation import findings
from engine.evaluation.run_figures import Bigram, Evidence, Figures

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


# What is wrong with the layout of a page on paper: letters under 8 points, text outside of its section, blocks wider than their
# place, lines that lie on one another.
_LAYOUT = """() => {
    const smallest = 8 * 96 / 72 - 0.05, small = [], outside = [], wide = [], lines = [], over = [];
    const right = document.body.clientWidth + 0.5;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement, text = node.textContent.trim().slice(0, 40);
        const range = document.createRange();
        range.selectNodeContents(node);
        const boxes = [...range.getClientRects()].filter((box) => box.width > 0.5);
        if (!text || !boxes.length || element.closest("style, title, details")) continue;
        const svg = element.closest("svg");
        const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
        const size = parseFloat(getComputedStyle(element).fontSize) * scale;
        if (size < smallest) small.push([text, size]);
        const place = (svg ?? element.closest("section, footer")).getBoundingClientRect();
        for (const box of boxes) {
            if (box.left < -0.5 || box.right > right || box.top < place.top - 0.5 || box.bottom > place.bottom + 0.5) outside.push(text);
            lines.push([box, text, size]);
        }
    }
    for (const block of document.querySelectorAll("p, li, h1, h2, td, dd, dt, .text")) {
        if (block.clientWidth && block.scrollWidth > block.clientWidth + 1) wide.push(block.textContent.slice(0, 40));
    }
    lines.forEach(([one, text, size], n) => lines.slice(n + 1).forEach(([other, beside]) => {
        const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (across > 2 && down > 0.35 * size) over.push([text, beside]);
    }));
    return {small, outside, wide, over};
}"""


def printed(browser, file) -> tuple[list[str], dict[str, Any]]:
    """Prints a page as a person does: the texts of its sheets, which must be A4, and what is wrong with its layout on them.

    Nothing but the file itself may be asked for.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 900}, java_script_enabled=False)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    pdf = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    assert {tuple(round(float(side)) for side in sheet.mediabox[2:]) for sheet in pdf.pages} == {(595, 842)}
    for across in (1280, 390):
        page.set_viewport_size({"width": across, "height": 844})
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, (file.name, across)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 680, "height": 1039})  # A4 without its margins: 180 x 275 mm
    layout = page.evaluate(_LAYOUT)
    assert asked == [file.as_uri()]
    page.close()
    return [sheet.extract_text() for sheet in pdf.pages], layout

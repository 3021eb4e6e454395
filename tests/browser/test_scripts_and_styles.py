"""The scripts and styles of the pages' own parts, read by the browser that they are written for: it drops nothing of them."""

import re

import pytest
from project import PROJECT

pytestmark = pytest.mark.browser

PARSES = """async source => {
    try { await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" }))); }
    catch (error) { return String(error); }
    return "";
}"""
DROPPED = """([selectors, declarations]) => [
    ...selectors.filter(selector => !CSS.supports(`selector(${selector})`)),
    ...declarations.filter(([property, value]) => !CSS.supports(property, value)).map(pair => pair.join(": ")),
]"""


@pytest.fixture(scope="module")
def page(browser):
    return browser.new_page()


def files(ending: str) -> list:
    return sorted(path.relative_to(PROJECT).as_posix() for path in (PROJECT / "ui").rglob(f"*.{ending}"))


def dropped(page, css: str) -> list[str]:
    """The selectors and declarations that the browser does not know, and what stands outside of all rules."""
    selectors, declarations = [], []

    def rule(found: re.Match) -> str:
        selectors.extend(selector.strip() for selector in found[1].split(","))
        lines = (line.partition(":") for line in found[2].split(";") if line.strip())
        declarations.extend([name.strip(), value.strip()] for name, _colon, value in lines)
        return ""

    outside = re.sub(r"([^{}]+)\{([^{}]*)\}", rule, re.sub(r"/\*.*?\*/", "", css, flags=re.S)).strip()
    assert selectors
    return [*page.evaluate(DROPPED, [selectors, declarations]), *([outside] if outside else [])]


@pytest.mark.parametrize("path", files("js"))
def test_a_script_parses(page, path):
    assert page.evaluate(PARSES, (PROJECT / path).read_text(encoding="utf-8")) == ""


@pytest.mark.parametrize("path", files("css"))
def test_a_browser_knows_every_selector_and_declaration(page, path):
    assert dropped(page, (PROJECT / path).read_text(encoding="utf-8")) == []


def test_what_is_mistyped_is_found(page):
    assert "SyntaxError" in page.evaluate(PARSES, "export default function ({ data }) { return data;")
    assert dropped(page, ".a { color: red; colour: red; width: 3xp }\n.b:nth-chld(2) { top: 0 }\n} .c") == [
        ".b:nth-chld(2)",
        "colour: red",
        "width: 3xp",
        "} .c",
    ]

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
# A query that the browser does not know is false, and so is its contrary.
DROPPED = """([selectors, declarations, queries]) => [
    ...selectors.filter(selector => !CSS.supports(`selector(${selector})`)),
    ...declarations.filter(([property, value]) => !CSS.supports(property, value)).map(pair => pair.join(": ")),
    ...queries.filter(query => !matchMedia(query).matches
        && !matchMedia(`not ${query.startsWith("(") ? `(${query})` : query}`).matches),
]"""
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_PAGE = re.compile(r"@page\s*\{[^{}]*\}")  # the paper, which no element has
_MEDIA = re.compile(r"@media ([^{},]+)\{\s*\}")  # one whose rules have been taken out


@pytest.fixture(scope="module")
def page(browser):
    return browser.new_page()


def files(ending: str, folder: str = "ui") -> list:
    return sorted(path.relative_to(PROJECT).as_posix() for path in (PROJECT / folder).rglob(f"*.{ending}"))


def parts(selectors: str) -> list[str]:
    """The selectors of a rule: cut at commas, but at none inside `:is(a, :not(b))`."""
    found, depth = [""], 0
    for sign in selectors:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            found.append("")
        else:
            found[-1] += sign
    return found


def dropped(page, css: str) -> list[str]:
    """The selectors, declarations and media queries that the browser does not know, and what stands outside of all rules."""
    selectors, declarations, queries = [], [], []

    def rule(found: re.Match) -> str:
        selectors.extend(selector.strip() for selector in parts(found[1]))
        lines = (line.partition(":") for line in found[2].split(";") if line.strip())
        declarations.extend(
            [name.strip(), value.strip().removesuffix("!important").strip()] for name, _colon, value in lines
        )
        return ""

    def media(found: re.Match) -> str:
        queries.append(found[1].strip())
        return ""

    outside = _MEDIA.sub(media, _RULE.sub(rule, _PAGE.sub("", re.sub(r"/\*.*?\*/", "", css, flags=re.S)))).strip()
    assert selectors
    return [*page.evaluate(DROPPED, [selectors, declarations, queries]), *([outside] if outside else [])]


@pytest.mark.parametrize("path", files("js"))
def test_a_script_parses(page, path):
    assert page.evaluate(PARSES, (PROJECT / path).read_text(encoding="utf-8")) == ""


@pytest.mark.parametrize("path", [*files("css"), *files("css", "engine")])
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
    assert dropped(
        page,
        "@media (max-wdth: 9px) { .c, :is(.a, :not(.b)):nth-chld(2) { top: 0 !important } } @media (max-width: 9px) { .a { top: 0 } }",
    ) == [
        ":is(.a, :not(.b)):nth-chld(2)",
        "(max-wdth: 9px)",
    ]

"""What tests of the whole lesson look at in a window: what it says, whether that is French, and what went wrong in it."""

import re
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")
# Words of English that are none of French.
_ENGLISH = re.compile(
    r"\b(the|of|and|is|are|with|this|that|from|you|your|there|which|what|have|has|was|were|not|it|its|be|for|how|yet|by)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"«[^»]*»|“[^”]*”|\[[^\]]*\]")
_ALL = "[data-testid=stMain], body > main"
# The texts in view, one a line; what is said to be English and what models wrote are left out.
_TEXTS = """root => {
    const found = [], skipped = "[lang=en], blockquote, code, .written, .play .text, .play table, .ballot.plain, script, style";
    const walk = node => {
        if (node.nodeType === Node.TEXT_NODE) {
            const box = node.parentElement && node.parentElement.getBoundingClientRect();
            if (node.textContent.trim() && (!box || box.width)) found.push(node.textContent.trim());
            return;
        }
        if (node.nodeType === Node.ELEMENT_NODE && (node.matches(skipped) || getComputedStyle(node).visibility === "hidden")) return;
        if (node.shadowRoot) walk(node.shadowRoot);
        node.childNodes.forEach(walk);
    };
    walk(root);
    return found.join("\\n");
}"""


def plain(text: str) -> str:
    """A text with usual blanks alone."""
    return " ".join(text.split())


def steady(look: Callable[[], T]) -> T:
    """What is seen, once more where the window has just gone on by itself."""
    from playwright.sync_api import Error  # of requirements-dev.txt, as is the browser

    for _attempt in range(5):
        try:
            return look()
        except Error as error:
            if "navigat" not in str(error):
                raise
    return look()


def said(page, where: str = _ALL) -> str:
    """What a window says, or a part of it."""
    return plain(steady(lambda: page.locator(where).first.inner_text()))


def until_said(page, text: str, seconds: float = 40) -> None:
    """Waits until a window says it, and fails with what it says instead."""
    end = time.monotonic() + seconds
    while plain(text) not in (found := said(page)):
        if time.monotonic() > end:
            pytest.fail(f"not within {seconds} s: “{text}”; at {page.url} stands: {found}")
        time.sleep(0.2)  # between two looks


def english(page, *quoted: str) -> list[str]:
    """The lines in view that are English.

    Args:
        quoted: texts that are English on purpose.
    """
    lines = steady(lambda: page.locator(_ALL).first.evaluate(_TEXTS)).splitlines()
    found = []
    for line in map(plain, lines):
        bare = line
        for one in quoted:
            bare = bare.replace(plain(one), "")
        if _ENGLISH.search(_QUOTED.sub("", bare)):
            found.append(line)
    return found


class Faults:
    """What goes wrong in windows: exceptions of their scripts, answers of the server that are errors, boxes of an exception."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._pages: list = []

    def watch(self, page, name: str):
        """Watches a window from now on, and returns it."""
        self._pages.append((page, name))
        page.on("pageerror", lambda error: self.found.append(f"{name}: {error}"))
        page.on("response", lambda answer: self._answered(name, answer))
        return page

    def _answered(self, name: str, answer) -> None:
        if answer.status >= 400 and "/_stcore/" not in answer.url:  # Streamlit looks for its own address below a page
            self.found.append(f"{name}: {answer.status} {answer.url}")

    def look(self) -> None:
        """Makes sure that nothing went wrong so far."""
        for page, name in self._pages:
            boxes = page.locator("[data-testid=stException], [data-testid=stAlertContentError]")
            self.found += [f"{name}: {text}" for text in steady(boxes.all_inner_texts)]
        assert self.found == []

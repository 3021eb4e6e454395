"""Every page in both languages: numbers as the language writes them, no keys of settings, nothing that is "None"."""

import re

import pytest
import shown_helpers
from pages_helpers import a_run, open_page
from project import PLACES

from engine.presets import catalogue
from engine.runs import states
from ui.library.checkpoints import below_heading

pytestmark = pytest.mark.usefixtures("no_studio", "prepared_sample")

# Names of files, versions, functions and models have points and underscores of their own.
_NAMES = re.compile(
    r":material/\w+:|`[^`]*`|\S*[A-Za-z]\w*\.\w+\S*|\d+\.\d+\.\d+|\S*gpt2\w*|\bload_model\b|\bfrom_preset\b|\bkeras_\w+"
)
_SNAKE = re.compile(r"\b[a-z]+_[a-z_]+\b")
_RAW = {
    "auto",
    "everything",
    "training",
    "packed",
    "report",
    "leave-out",
    "null",
    "true",
    "false",
    "True",
    "False",
}


def _wrong(text: str, language: str) -> bool:
    plain = _NAMES.sub("", text.replace("\\", ""))
    return bool(
        (language == "fr" and (re.search(r"\d\.\d", plain) or "(no text)" in text or text == "separators .,"))
        or re.search(r"\bNone\b|\bnan\b|NaN", plain)
        or _SNAKE.search(plain)
        or plain in _RAW
    )  # fmt: skip


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("page", PLACES)
def test_a_page_shows_no_key_and_no_number_of_another_language(page, language, root):
    a_run(root)
    a_run(root, "two", states.PAUSED)
    shipped = catalogue.shipped()
    cards = {below_heading(catalogue.card(preset)).strip() for preset in shipped}  # documents, in English
    shown = [text for text in shown_helpers.of(open_page(page, language)) if text.strip() not in cards]
    assert len(shown) > 10
    assert [text for text in shown if _wrong(text, language)] == []

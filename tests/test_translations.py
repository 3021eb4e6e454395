"""Every sentence that a page or an error shows has a French translation that fits."""

import re
import string
import sys

import pytest
from project import PROJECT

sys.path.insert(0, str(PROJECT / "scripts"))

import translations

SENTENCES = translations.sentences()


def fields(sentence: str) -> set[str]:
    return {name for _text, name, _format, _conversion in string.Formatter().parse(sentence) if name}


def test_the_search_finds_sentences_of_pages_and_of_errors():
    found = translations.sentences()
    assert "Side by side" in found
    assert "There is no run {name} in {folder}." in found
    # Of a class of errors whose name does not say that it is one.
    assert "Reading {path} stood still for {seconds} seconds and was given up." in found
    assert found["{n} CPU core"] == "{n} CPU cores"
    assert "{n} tokens of test articles" in found  # of a page that is written without a session


def test_no_sentence_is_untranslated():
    assert translations.missing("fr") == []


def test_an_untranslated_sentence_would_be_found(monkeypatch):
    monkeypatch.setattr(translations, "sentences", lambda: {"A sentence that nobody wrote.": None})
    assert translations.missing("fr") == ["A sentence that nobody wrote."]


def test_an_untranslated_plural_would_be_found(monkeypatch, tmp_path):
    own = tmp_path / "fr" / "LC_MESSAGES" / f"{translations.DOMAIN}.po"
    own.parent.mkdir(parents=True)
    text = (translations.LOCALE / "fr" / "LC_MESSAGES" / own.name).read_text(encoding="utf-8")
    plural = 'msgid "{n} CPU core"\nmsgid_plural "{n} CPU cores"\n'
    emptied = re.sub(
        re.escape(plural) + r"msgstr\[0\] .*\nmsgstr\[1\] .*\n", plural + 'msgstr[0] ""\nmsgstr[1] ""\n', text
    )
    assert emptied != text
    own.write_text(emptied, encoding="utf-8")
    monkeypatch.setattr(translations, "LOCALE", tmp_path)
    translations.compile_all()
    assert "{n} CPU core" in translations.missing("fr")


@pytest.mark.parametrize("sentence", sorted(SENTENCES))
def test_a_translation_has_the_same_fields(sentence):
    from engine.core.languages import catalogue

    translated = catalogue("fr").gettext(sentence)
    plural = SENTENCES[sentence]
    if plural:
        translated = catalogue("fr").ngettext(sentence, plural, 2)
    assert fields(translated) == fields(sentence)
    outside_code = "".join(translated.split("`")[::2])
    assert not re.search(r"[^\W\d]'[^\W\d]", outside_code), "a typewriter's apostrophe"
    assert not re.search(r" [;:?!»](?!\w)|« ", outside_code), "a space at which a line may break"
    assert "points de contrôle" not in translated and "point de contrôle" not in translated, "it is a point de reprise"


def test_pages_show_no_sentence_that_does_not_go_through_gettext():
    """Literal text given straight to Streamlit's calls that show text. A log is for whoever runs the server: English."""
    import ast

    shows = {"title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success", "button"}
    found = []
    for path in [*(PROJECT / "pages").glob("*.py"), *(PROJECT / "ui").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in shows:
                if isinstance(node.func.value, ast.Name) and node.func.value.id in ("log", "_log"):
                    continue
                found += [
                    (path.name, a.value)
                    for a in node.args[:1]
                    if isinstance(a, ast.Constant) and isinstance(a.value, str) and a.value.strip("*· ")
                ]
    assert found == []

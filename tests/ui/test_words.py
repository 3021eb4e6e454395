"""What pages show of texts, names, numbers and errors: as they are, never as markup, in the language of the session."""

import json

import pytest
from pages_helpers import open_path, the

from engine.core.errors import ArticlesError, EngineError, SettingsError
from ui import errors, i18n, setting_names, words

pytestmark = pytest.mark.usefixtures("no_studio")


@pytest.mark.parametrize(
    ("name", "markdown"),
    [
        ("a_b.zip", "a\\_b.zip"),
        ("&lt;b&gt; <b>", "\\&lt;b\\&gt; \\<b>"),
        ("title\n===", "title\n\\==="),
        ("1. one\n    code", "1\\. one\ncode"),
        # What no escape reaches is parted by a character without width.
        ("x >= y -> z", "x >\u2060= y -\u2060> z"),
        ("http://a.com www.b.org c@d.org", "http\\:\u2060//a.com www\u2060.b.org c\u2060@d.org"),
        (":material/home:", "\\:\u2060material/home\\:"),
        ("12:30 a--b a>=b", "12\\:30 a--b a>=b"),
    ],
)
def test_a_name_is_no_markdown(name, markdown):
    assert words.plain(name) == markdown


def test_what_an_error_tells_is_no_markdown(root, local):
    app = open_path("![x](http://e/x.png)")
    assert the(app.error, "!\\[x\\](http\\:/e/x.png)")
    both = SettingsError([EngineError("{v} is **bold**.", v="*a*"), EngineError("{n:,} is not.", n=1000)])
    assert errors.markdown(both) == "\\*a\\* is **bold**.\n\n1,000 is not."


def test_the_reason_that_an_error_gives_is_translated_with_it_out_of_a_file_too(monkeypatch):
    reason = ArticlesError("{path} is empty.", path="*a*.txt")
    error = ArticlesError("{path} holds no article that can be used. {reason}", path="a.zip", reason=reason)
    assert str(error) == "a.zip holds no article that can be used. *a*.txt is empty."
    monkeypatch.setattr(i18n, "language", lambda: "fr")
    for shown in (error, EngineError.from_json(json.loads(json.dumps(error.to_json())))):
        assert i18n.error_text(shown) == "a.zip ne contient aucun article utilisable. *a*.txt est vide."
        assert errors.markdown(shown) == "a.zip ne contient aucun article utilisable. \\*a\\*.txt est vide."


def test_a_part_of_a_corpus_that_an_error_names_is_named_in_the_language_of_the_session(monkeypatch):
    monkeypatch.setattr(i18n, "language", lambda: "fr")
    monkeypatch.setattr(words, "language", lambda: "fr")
    error = EngineError("{articles} has no {split} articles.", articles="a.zip", split="train")
    assert i18n.error_text(error) == "a.zip n’a pas d’articles dans sa partie entraînement."


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.26, {"delta": "+0.3", "delta_color": "normal"}),
        (-0.26, {"delta": "-0.3", "delta_color": "normal"}),
        (-0.04, {"delta": "0.0", "delta_color": "off", "delta_arrow": "off"}),
    ],
)
def test_a_change_that_rounds_to_nothing_has_neither_sign_nor_colour(number, shown):
    assert words.delta(number) == shown


def test_whoever_waits_for_the_studio_is_told_for_what(monkeypatch):
    from engine.services import inference_client
    from ui import studio_view

    messages = [
        {"kind": "waiting"},
        {"kind": "begun"},
        {"kind": "progress", "phase": "evaluating", "done": 1, "total": 2},
        {"kind": "exported"},
    ]
    monkeypatch.setattr(inference_client, "answers", lambda request: (message for message in messages))
    said: list[tuple[str, float]] = []
    assert studio_view.run_request({"kind": "export"}, lambda *shown: said.append(shown), "it is written") == messages
    assert said == [
        ("it is written", 0.0),
        ("The studio is answering somebody else: this waits for its turn.", 0.0),
        ("it is written", 0.0),
        ("measuring: 1 of 2 windows", 0.5),
        ("it is written", 0.0),
    ]


def test_a_device_is_told_by_its_code_and_a_processor_by_its_name():
    told = {code: setting_names.device(code) for code in ("auto", "/device:CPU:0", "gpu:1", "AMD EPYC, 2 cores")}
    assert list(told.values()) == ["automatic", "CPU\u00a00", "GPU\u00a01", "AMD EPYC, 2 cores"]
    assert setting_names.device("/device:GPU:0, /device:GPU:1") == "GPU\u00a00, GPU\u00a01"

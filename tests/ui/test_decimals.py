"""Decimal numbers are typed and shown as the session's language has them, whatever the browser's is."""

import pytest
from pages_helpers import open_page, the

from engine.core import numbers
from engine.runs import lifecycle

pytestmark = pytest.mark.usefixtures("no_studio")


@pytest.mark.parametrize(
    ("text", "english", "french"),
    [
        ("0.0005", 0.0005, 0.0005),
        ("0,0005", 0.0005, 0.0005),
        (" 5e-4 ", 0.0005, 0.0005),
        ("1,234", 1234, 1.234),
        ("1.234", 1.234, 1.234),
        ("1,234.5", 1234.5, 1234.5),
        ("1.234,5", 1234.5, 1234.5),
        ("1 234,5", 1234.5, 1234.5),
        ("1\u202f234", 1234, 1234),
        ("−0,5", -0.5, -0.5),
        ("7", 7, 7),
        (".5", 0.5, 0.5),
        ("0,123", 0.123, 0.123),
        ("1,234,567", 1234567, 1234567),
    ],
)
def test_a_number_is_read_as_the_language_types_it_and_as_programs_write_it(text, english, french):
    assert (numbers.parsed(text, "en"), numbers.parsed(text, "fr")) == (english, french)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "1,2,3",
        "1.2.3",
        "1_000",
        "1,2,3.4",
        "1.5,000",
        "1 2",
        "٣",
        ".",
        ",",
        "nan",
        "inf",
        "1e999",
        "--1",
        "0x1",
        "²",
    ],
)
@pytest.mark.parametrize("code", ["en", "fr"])
def test_what_is_no_number_is_told_from_one(text, code):
    with pytest.raises(ValueError):
        numbers.parsed(text, code)


@pytest.mark.parametrize(
    ("language", "label", "sign"), [("en", "Learning rate", "."), ("fr", "Taux d’apprentissage", ",")]
)
def test_the_learning_rate_has_the_decimal_sign_of_the_page(root, language, label, sign):
    app = open_page("train", language)
    assert the(app.text_input, label).placeholder.endswith(f"0{sign}002")
    app = open_page("train", language, tune_learning_rate=f"0{sign}0{sign}5")
    assert f"0{sign}0{sign}5" in the(app.error, f"0{sign}0005").value.replace("\\", "")
    start = {"en": "Start the run", "fr": "Lancer l’entraînement"}[language]
    assert the(app.button, start).disabled
    app = open_page("train", language, tune_learning_rate=f"0{sign}0005")
    assert not app.error and not the(app.button, start).disabled


def test_what_was_typed_with_either_sign_is_what_is_trained_with(root):
    app = open_page("train")
    the(app.text_input, "Learning rate").set_value("0,0005")
    the(app.text_input, "How many").set_value("0.5").run()
    the(app.button, "Start the run").click().run()
    (run,) = lifecycle.all_runs(root)
    assert (run.settings.learning_rate, run.settings.minutes) == (0.0005, 0.5)


def test_a_slider_has_it_too_and_keeps_what_an_address_names_between_its_steps(root):
    app = open_page("write", "fr", side_temperature=0.85)
    slider = app.select_slider(key="side_temperature")
    assert slider.value == 0.85 and {"0,8", "0,85", "2"} <= set(slider.options)
    assert app.select_slider(key="side_top_p").options[:2] == ["0,1", "0,15"]

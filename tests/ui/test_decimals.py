"""Decimal numbers are typed and shown as the session's language has them, whatever the browser's is."""

import pytest
from pages_helpers import open_page
from shown_helpers import the

from engine.core import numbers

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
    ],
)
def test_a_number_is_read_as_the_language_types_it_and_as_programs_write_it(text, english, french):
    assert (numbers.parsed(text, "en"), numbers.parsed(text, "fr")) == (english, french)


@pytest.mark.parametrize("text", ["", "a", "1,2,3", "1.2.3", "nan", "inf", "1e999", "--1", "0x1", "²"])
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
    the(app.text_input, label).set_value(f"0{sign}0{sign}5").run()
    assert f"0{sign}0{sign}5" in the(app.error, f"0{sign}0005")
    start = the(app.button, {"en": "Start the run", "fr": "Lancer l’entraînement"}[language])
    assert start.disabled
    the(app.text_input, label).set_value(f"0{sign}0005").run()
    assert not app.error
    the(app.button, start.label).click().run()
    from engine.runs import lifecycle

    assert lifecycle.all_runs(root)[0].settings.learning_rate == 0.0005


def test_a_slider_has_it_too_and_keeps_what_an_address_names_between_its_steps(root):
    app = open_page("write", "fr", side_temperature=0.85)
    slider = app.select_slider(key="side_temperature")
    assert slider.value == 0.85 and {"0,8", "0,85", "2"} <= set(slider.options)
    assert app.select_slider(key="side_top_p").options[:2] == ["0,1", "0,15"]

"""Numbers on pages are written as the session's language does, wherever they stand: in sentences, in tables, in errors."""

import datetime

import pandas as pd
import pytest

from engine.core import numbers
from engine.core.errors import EngineError
from ui import errors, i18n, setting_names, tables, words

THIN, BLANK = "\u202f", "\u00a0"


@pytest.fixture(params=["en", "fr"])
def code(request, monkeypatch):
    monkeypatch.setattr(i18n, "language", lambda: request.param)
    monkeypatch.setattr(words, "language", lambda: request.param)
    monkeypatch.setattr(tables, "language", lambda: request.param)
    return request.param


def test_numbers_are_written_as_the_language_does(code):
    in_both = {
        words.grouped(119_924.4): ("119,924", f"119{THIN}924"),
        words.decimal(4.391): ("4.39", "4,39"),
        words.decimal(-0.004): ("0.00", "0,00"),
        words.decimal(1234.56, 1): ("1,234.6", f"1{THIN}234,6"),
        words.decimal(2.675): ("2.67", "2,67"),  # the number nearest to 2.675 lies below it
        words.shortest(0.8): ("0.8", "0,8"),
        words.shortest(2e-5): ("0.00002", "0,00002"),
        words.shortest(12.3456, 3): ("12.3", "12,3"),
        words.percent(0.1884): (f"18.8{BLANK}%", f"18,8{BLANK}%"),
        words.size(10_600_000): ("10.6 MB", "10,6 Mo"),
        words.decimal(float("nan")): ("–", "–"),
    }
    assert list(in_both) == [texts[code == "fr"] for texts in in_both.values()]


def test_a_number_in_a_sentence_is_written_so_and_one_that_names_something_has_no_groups(code):
    sentence = i18n._("{n} of {share}, seed {seed}", n=12_345, share=0.25, seed=12_345)
    assert sentence == ("12,345 of 0.25, seed 12345", f"12{THIN}345 of 0,25, seed 12345")[code == "fr"]
    error = EngineError("{n:,} and {x:.2f} and {most}", n=1000, x=1234.5, most=4096)
    shown = ("1,000 and 1234.50 and 4,096", f"1{THIN}000 and 1234,50 and 4{THIN}096")[code == "fr"]
    assert i18n.error_text(error) == errors.markdown(error) == shown


def test_a_cell_of_a_table_shows_its_number_so_and_keeps_it_for_sorting(code):
    frame = pd.DataFrame(
        {"steps": [1200, 80], "loss": [4.3914, None], "at": [datetime.datetime(2026, 11, 26, 9, 5)] * 2}
    )
    styler = tables.written(frame, {"loss": lambda x: words.decimal(x, 3)})
    cells = [cell["display_value"] for cell in styler._translate(False, False)["body"][0][1:]]
    assert cells == (["1,200", "4.391", "26 Nov, 09:05"], [f"1{THIN}200", "4,391", "26 nov. 09:05"])[code == "fr"]
    missing = styler._translate(False, False)["body"][1][2]["display_value"]
    assert missing == numbers.NO_NUMBER
    assert styler.data is frame


@pytest.mark.parametrize(
    ("setting", "value", "shown"),
    [
        ("device", "auto", "automatic"),
        ("device", "gpu:0", "GPU\u00a00"),
        ("minutes_of", "everything", "everything, from the request to the result"),
        ("precision", "mixed_bfloat16", "bfloat16, mixed"),
        ("learning_rate", 0.0, "automatic"),
        ("lora_rank", 0, "every weight is trained"),
        ("lora_rank", 8, "8"),
        ("patience", None, "automatic"),
        ("patience", 0, "never ends early"),
        ("steps", None, "–"),
        ("seed", 12_345, "12345"),
        ("batch_size", 4096, "4,096"),
    ],
)
def test_the_value_of_a_setting_has_a_name(setting, value, shown):
    assert setting_names.value(setting, value) == shown

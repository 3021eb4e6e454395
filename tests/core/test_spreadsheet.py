"""A cell of CSV is what stands in it: nothing that a spreadsheet would run, and a number stays a number."""

import csv
import io
import math

import numpy as np
import pytest

from engine.core import spreadsheet

FORMULAS = [
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    '=HYPERLINK("http://x")',
]
TEXTS = ["", "a", "a=1", "1-2", "é, “x”\nb", "'", "0"]


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_a_text_that_a_spreadsheet_would_run_is_quoted_in_cells_and_in_names_of_columns(text):
    assert read(spreadsheet.as_csv([text], [[text]])) == [[f"'{text}"], [f"'{text}"]]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_another_text_stays_as_it_is(text):
    assert read(spreadsheet.as_csv(["a", "b"], [[text, "x"]]))[1] == [text, "x"]


def test_a_number_stays_a_number_also_a_negative_one():
    rows = [[-1, -0.5, 1e-7, np.float64(-2.25), np.int64(-3), np.float32(0.5), True]]
    (found,) = read(spreadsheet.as_csv("abcdefg", rows))[1:]
    assert [float(cell) for cell in found[:-1]] == [-1, -0.5, 1e-7, -2.25, -3, 0.5]
    assert found[-1] == "True"


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, np.float64("nan")], ids=str)
def test_what_is_no_number_is_an_empty_cell(value):
    assert read(spreadsheet.as_csv(["a", "b"], [[value, 1]]))[1] == ["", "1"]

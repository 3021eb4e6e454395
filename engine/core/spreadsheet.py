"""Rows → CSV in which no cell is a formula: a spreadsheet shows what stands in it and runs nothing."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from numbers import Number
from typing import Any

# What makes a spreadsheet take a cell for a formula, or end it before one (OWASP, "CSV Injection"), in full width too.
_RUN = tuple("=+-@\t\r\n＝＋－＠")


def cell(value: Any) -> Any:
    """A value as a cell: a number stays one, what is none or not finite is empty, a text is never run."""
    if value is None or (
        isinstance(value, Number) and isinstance(value, complex | float) and not math.isfinite(abs(value))
    ):
        return ""
    if isinstance(value, Number) and not isinstance(value, bool):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_RUN) else text


def as_csv(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """A table as CSV, a line a row, with its columns' names in the first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([cell(name) for name in columns])
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()

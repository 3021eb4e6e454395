"""Tables on pages: numbers and dates as the session's language writes them, and a dash where there is nothing.

A browser formats the numbers of a table in its own language, or with the point of `printf`. Here each cell goes there
with its text, as the display value of a pandas Styler; sorting still goes by the number.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from ui import numbers, words
from ui.i18n import language

Write = Callable[[Any], str]
_MOST_STYLED = 2_000  # rows; pandas takes 0.1 ms a row


def show(frame: pd.DataFrame | Mapping[str, Any], writes: Mapping[str, Write] | None = None, **more: Any) -> Any:
    """Shows a table without an index.

    Args:
        frame: the columns. writes: how the values of a column are written; whole numbers and text need none.
        more: what `st.dataframe` takes besides.
    """
    frame = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(frame)
    return st.dataframe(
        written(frame, writes or {}) if len(frame) <= _MOST_STYLED else frame,
        hide_index=True,
        placeholder=numbers.NO_NUMBER,
        **more,
    )


def written(frame: pd.DataFrame, writes: Mapping[str, Write]) -> Any:
    """A table whose cells are written as the language does."""
    usual = {name: words.grouped for name in frame.columns if pd.api.types.is_integer_dtype(frame[name])}
    usual |= {name: words.shortest for name in frame.columns if pd.api.types.is_float_dtype(frame[name])}
    usual |= {name: _moment for name in frame.columns if pd.api.types.is_datetime64_any_dtype(frame[name])}
    return frame.style.format({**usual, **writes}, na_rep=numbers.NO_NUMBER)


def _moment(at: pd.Timestamp) -> str:
    return numbers.moment(at.to_pydatetime(), language())

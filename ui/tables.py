"""Tables on pages: numbers and dates as the session's language writes them, and a dash where there is nothing.

A browser formats the numbers of a table in its own language, or with the point of `printf`. Here each cell goes there
with its text, as the display value of a pandas Styler; sorting still goes by the number.
"""

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from engine.core import numbers
from ui import present, words
from ui.i18n import _, _n, language

Write = Callable[[Any], str]
_MOST_PRESENTED = 5  # rows that a screen has room for
_MOST_ON_A_PAGE, _MOST_ON_A_PHONE = 10, 3  # columns that stand side by side on 1280 and on 390 pixels
_MOST_STYLED = 2_000  # rows; pandas takes 0.1 ms a row


def show(
    frame: pd.DataFrame | Mapping[str, Any],
    writes: Mapping[str, Write] | None = None,
    presented: Sequence[str] | None = None,
    **more: Any,
) -> Any:
    """Shows a table without an index; where it is presented its first rows, as text that is read from afar, and returns None.

    Args:
        frame: the columns. writes: how the values of a column are written; whole numbers and text need none.
        presented: the columns that are shown where it is presented; None = all. more: what `st.dataframe` takes besides.
    """
    frame = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(frame)
    if present.on():
        _present(
            frame[list(presented)] if presented is not None else frame, writes or {}, more.get("column_config", {})
        )
        return None
    shown = st.dataframe(
        written(frame, writes or {}) if len(frame) <= _MOST_STYLED else frame,
        hide_index=True,
        placeholder=numbers.NO_NUMBER,
        **more,
    )
    if len(frame.columns) > _MOST_ON_A_PHONE:
        everywhere = len(frame.columns) > _MOST_ON_A_PAGE
        said = html.escape(
            _("What does not fit stands to the right: scroll the table, or open it over the whole screen.")
        )
        st.html(f'<p class="goes-on {"" if everywhere else "narrow"}">{said}</p>')
    return shown


def _present(frame: pd.DataFrame, writes: Mapping[str, Write], columns: Mapping[str, Any]) -> None:
    own = {**_usual(frame), **writes}

    def cell(name: str, value: Any) -> str:
        said = numbers.NO_NUMBER if pd.isna(value) else own[name](value) if name in own else str(value)
        return f"<td>{html.escape(said)}</td>"

    titles = [(columns.get(name) or {}).get("label") or name for name in frame.columns]
    rows = [
        "".join(cell(str(name), value) for name, value in zip(frame.columns, row, strict=True))
        for row in frame.head(_MOST_PRESENTED).itertuples(index=False)
    ]
    head = "".join(f'<th scope="col">{html.escape(str(title))}</th>' for title in titles)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    st.html(f'<table class="presented_table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')
    if (more := len(frame) - len(rows)) > 0:
        st.caption(_n("and {n} more", "and {n} more", more))


def written(frame: pd.DataFrame, writes: Mapping[str, Write]) -> Any:
    """A table whose cells are written as the language does."""
    return frame.style.format({**_usual(frame), **writes}, na_rep=numbers.NO_NUMBER)


def _usual(frame: pd.DataFrame) -> dict[str, Write]:
    """How numbers and dates are written where nothing else is said."""
    usual: dict[str, Write] = {
        name: words.grouped for name in frame.columns if pd.api.types.is_integer_dtype(frame[name])
    }
    usual |= {name: words.shortest for name in frame.columns if pd.api.types.is_float_dtype(frame[name])}
    usual |= {name: _moment for name in frame.columns if pd.api.types.is_datetime64_any_dtype(frame[name])}
    return usual


def _moment(at: pd.Timestamp) -> str:
    return numbers.moment(at.to_pydatetime(), language())

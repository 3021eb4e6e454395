"""Decimal numbers that are chosen or typed as the session's language writes them; Streamlit's own inputs follow the browser's."""

import math
from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.core import numbers
from ui import i18n, words
from ui.i18n import _, language

WRONG = math.nan  # what a text that is no number stands for: no setting takes it


def field(
    place: Any,
    label: str,
    key: str,
    value: float | None = None,
    *,
    example: float,
    placeholder: str | None = None,
    help: str | None = None,
) -> float | None:
    """A field of a number; None where it is empty, WRONG where it holds something else, which is said below it.

    Args:
        place: where it is drawn. value: in it at first. example: in what is said. placeholder: stands in it faintly while it is
            empty.
    """
    first = "" if value is None else words.shortest(value)
    text = place.text_input(label, first, key=key, placeholder=placeholder, help=help, max_chars=40)
    if not text.strip():
        return None
    try:
        return numbers.parsed(text, language())
    except ValueError:
        said = _(
            "“{text}” is no number: write it as in {example}.", text=words.plain(text), example=words.shortest(example)
        )
        place.error(said, icon=":material/error:")
        return WRONG


def is_wrong(value: Any) -> bool:
    """Whether a field holds what is no number."""
    return isinstance(value, float) and math.isnan(value)


def of_unit(unit: str, amount: float | None) -> float:
    """How long a run is to be, in steps, epochs or minutes; an empty field is 0, which no run takes."""
    is_whole = amount is not None and not is_wrong(amount) and float(amount).is_integer()
    return int(amount or 0) if unit == "steps" and (amount is None or is_whole) else float(amount or 0)


def slider(
    place: Any,
    label: str,
    key: str,
    low: float,
    high: float,
    step: float,
    *,
    disabled: bool = False,
    help: str | None = None,
) -> float:
    """A slider over decimal numbers; one that an address names and that lies between two steps is a place of its own.

    Args:
        place: where it is drawn. key: of the session's state, which holds its number.
    """
    steps = [round(low + n * step, 10) for n in range(round((high - low) / step) + 1)]
    i18n.resend(key)
    found: float = place.select_slider(
        label,
        _with(steps, st.session_state.get(key)),
        format_func=words.shortest,
        key=key,
        disabled=disabled,
        help=help,
    )
    return float(found)


def _with(steps: Sequence[float], chosen: Any) -> list[float]:
    return sorted({*steps, *([chosen] if isinstance(chosen, float) and steps[0] <= chosen <= steps[-1] else [])})

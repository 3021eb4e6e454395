"""A figure in words and as a table, for whoever cannot see it: computed from what it draws; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui import words
from ui.i18n import _

_DIGITS = 4
_MOST_NAMED = 8  # bars that the sentence names one by one


@dataclass(frozen=True)
class Series:
    """A line or a row of bars.

    Attributes:
        name: of its legend; "" where the figure has one alone. across: what the values stand over: names or numbers.
        values: float64, as many. text: what is written at each, where it says more than the value.
    """

    name: str
    across: list[Any]
    values: np.ndarray
    text: tuple[str, ...] = ()


def series(figure: go.Figure) -> list[Series]:
    """What a figure draws; marks and raw lines behind smoothed ones, which nothing is told of on hovering, left out."""
    found = []
    for trace in figure.data:
        if trace.hoverinfo == "skip" or trace.x is None or trace.y is None:
            continue
        lies = trace.type == "bar" and trace.orientation == "h"
        across, values = (trace.y, trace.x) if lies else (trace.x, trace.y)
        own = trace.text if isinstance(trace.text, tuple | list) else ()
        values = np.array([np.nan if value is None else value for value in values], dtype=float)
        found.append(Series(trace.name or "", list(across), values, tuple(map(str, own))))
    return found


def titles(figure: go.Figure) -> tuple[str, str]:
    """The title of what is shown, and of what it is shown over; "" where there is none."""
    lies = any(trace.type == "bar" and trace.orientation == "h" for trace in figure.data)
    up, across = figure.layout.yaxis.title.text or "", figure.layout.xaxis.title.text or ""
    own = figure.layout.title.text or ""
    return (own or across, "") if lies else (own or up, across)


def sentence(figure: go.Figure) -> str:
    """Says what a figure shows: of each line where it begins, ends and lies between, of few bars each."""
    shown, over = titles(figure)
    opening = _("{shown}, over {over}", shown=shown, over=over) if over else shown
    told = [told for one in series(figure) if (told := _told(one))]
    if not told:
        return opening
    return words.labelled(opening, words.listed(told)) if opening else words.listed(told)


def _told(one: Series) -> str:
    there = np.isfinite(one.values)
    values = one.values[there]
    if not len(values):
        return ""
    across = [at for at, finite in zip(one.across, there, strict=True) if finite]
    if len(values) <= _MOST_NAMED and any(isinstance(at, str) for at in across):
        parts = [_value(one, number) for number, finite in enumerate(there) if finite]
        said = ", ".join(f"{at} {part}" for at, part in zip(across, parts, strict=True))
    elif len(values) == 1:
        said = _("{value} at {at}", value=_written(values[0]), at=_at(across[0]))
    else:
        said = _(
            "from {first} at {begin} to {last} at {end}, the least {least}, the most {most}",
            first=_written(values[0]),
            begin=_at(across[0]),
            last=_written(values[-1]),
            end=_at(across[-1]),
            least=_written(values.min()),
            most=_written(values.max()),
        )
    return words.labelled(one.name, said) if one.name else said


def _written(value: float) -> str:
    return words.shortest(float(value), _DIGITS)


def _at(across: Any) -> str:
    return across if isinstance(across, str) else words.shortest(float(across), _DIGITS)


def _value(one: Series, number: int) -> str:
    return one.text[number] if one.text else _written(one.values[number])


def table(figure: go.Figure) -> pd.DataFrame:
    """What a figure draws, a row a place: names or numbers, then the value of each line or row of bars there."""
    shown, over = titles(figure)
    rows: dict[Any, dict[str, Any]] = {}
    columns = []
    for one in series(figure):
        title = one.name or shown or _("value")
        columns.append(title)
        for at, value, text in _cells(one):
            rows.setdefault(at, {})[title] = text or value
    places = list(rows) if any(isinstance(at, str) for at in rows) else sorted(rows)
    first = over or _("what")
    first += " ·" * (first in columns)
    return pd.DataFrame(
        {first: places, **{title: [rows[at].get(title) for at in places] for title in dict.fromkeys(columns)}}
    )


def _cells(one: Series) -> Iterator[tuple[Any, float | None, str]]:
    for number, (at, value) in enumerate(zip(one.across, one.values, strict=True)):
        place = at if isinstance(at, str) else round(float(at), 6)
        written = one.text[number] if one.text else ""
        yield place, float(value) if np.isfinite(value) else None, written

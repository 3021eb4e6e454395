"""Curves of several runs over one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ui.charts import style as charts

_FEW_POINTS = 30  # each is marked
_FEW_LINES = 6  # the pointer is told of all of them at once
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")  # beside the colours, for who does not tell these
_DASHES = ("solid", "dash", "dot", "dashdot")  # where there are more runs than hues


@dataclass(frozen=True)
class Line:
    """One run's curve.

    Attributes:
        xs, ys: float64 (points,). smooth: the same of the smoothed line, or None.
        round: how often the palette was used up before its colour.
    """

    name: str
    colour: str
    round: int
    xs: np.ndarray
    ys: np.ndarray
    smooth: np.ndarray | None = None


def curves(lines: list[Line], across: str, up: str, base: float | None, base_title: str) -> go.Figure:
    """One line a run, thinned to what an eye can tell apart; behind a smoothed one the raw one, faint.

    Args:
        across, up: titles of the axes, with units.
        base: the base model's value where it is the same for all, else None. base_title: its label.
    """
    traces = []
    for number, line in enumerate(lines):
        few = len(line.xs) <= _FEW_POINTS
        style = {"color": line.colour, "dash": _DASHES[line.round % len(_DASHES)]}
        if line.smooth is not None:
            xs, ys = charts.thinned(line.xs, line.ys)
            faint = {"color": line.colour, "width": 1}
            traces.append(_trace(xs, ys, mode="lines", line=faint, opacity=0.35, showlegend=False, hoverinfo="skip"))
        xs, ys = charts.thinned(line.xs, line.ys if line.smooth is None else line.smooth)
        traces.append(
            _trace(
                xs,
                ys,
                mode="lines+markers" if few else "lines",
                name=line.name,
                line={**style, "width": 3 if few or line.smooth is not None else 2},
                marker={"size": 7, "symbol": symbol(number)},
            )
        )
    figure = go.Figure(traces)
    if base is not None:
        charts.add_level(figure, base, base_title)
    figure.update_layout(
        template=charts.template(),
        height=480,
        xaxis_title=across,
        yaxis_title=up,
        showlegend=True,
        hovermode="x unified" if len(lines) <= _FEW_LINES else "closest",
    )
    figure.update_yaxes(hoverformat=".4~g")
    figure.update_xaxes(hoverformat=",.5~g")
    return figure


def symbol(number: int) -> str:
    """The sign of the points of a line, by its place among the others."""
    return _SYMBOLS[number % len(_SYMBOLS)]


def _trace(xs: Sequence[float], ys: Sequence[float], **drawn: Any) -> go.Scatter:
    """As 32-bit numbers: half the bytes to the browser, and finer than a screen."""
    return go.Scatter(x=np.asarray(xs, np.float32), y=np.asarray(ys, np.float32), **drawn)

"""Curves of several runs over one another."""

import numpy as np
import plotly.graph_objects as go

from ui import charts, colours


def curves(
    drawn: list[tuple[str, str, np.ndarray, np.ndarray, np.ndarray | None]],
    across: str,
    up: str,
    base: float | None,
    base_title: str,
) -> go.Figure:
    """One line a run, thinned to what an eye can tell apart.

    Args:
        drawn: (name, colour, x, y, smoothed y or None) of each run; with a smoothed line the raw one is faint.
        across, up: titles of the axes, with units.
        base: the base model's value where it is the same for all, else None. base_title: its label.
    """
    figure = go.Figure()
    for name, colour, xs, ys, smooth in drawn:
        few = len(xs) < 30
        if smooth is not None:
            raw_x, raw_y = charts.thinned(xs, ys)
            line = {"color": colour, "width": 1}
            figure.add_scattergl(
                x=raw_x, y=raw_y, mode="lines", line=line, opacity=0.35, showlegend=False, hoverinfo="skip"
            )
        thin_x, thin_y = charts.thinned(xs, ys if smooth is None else smooth)
        figure.add_scattergl(
            x=thin_x,
            y=thin_y,
            mode="lines+markers" if few else "lines",
            name=name,
            line={"color": colour, "width": 3 if few or smooth is not None else 2},
            marker={"size": 6},
        )
    if base is not None:
        figure.add_hline(
            base,
            line={"color": colours.BASE, "width": 2, "dash": "dash"},
            annotation={"text": base_title, "font": {"color": colours.BASE}},
            annotation_position="bottom right",
        )
    figure.update_layout(template=charts.TEMPLATE, height=460, xaxis_title=across, yaxis_title=up, showlegend=True)
    figure.update_yaxes(hoverformat=".4~g")
    return figure

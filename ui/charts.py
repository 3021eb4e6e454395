"""Figures of runs: data → Plotly figure, pure. One template for the whole project."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

from ui import colours
from ui.i18n import _, language

pio.templates["lab"] = go.layout.Template(
    layout={
        "colorway": list(colours.HUES),
        "hovermode": "x unified",
        "margin": {"l": 8, "r": 8, "t": 30, "b": 8},
        "font": {"size": 13},
        "xaxis": {"automargin": True, "zeroline": False, "title": {"standoff": 8}},
        "yaxis": {"automargin": True, "zeroline": False, "title": {"standoff": 8}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }
)
pio.templates["french"] = go.layout.Template(layout={"separators": ",\u202f"})


def template() -> str:
    """The template of every figure, with the decimal sign of the session's language."""
    return "streamlit+lab" + ("+french" if language() == "fr" else "")


MOST_POINTS = 500


def thinned(xs: Sequence | np.ndarray, ys: Sequence | np.ndarray, most: int = MOST_POINTS) -> tuple[list, list]:
    """At most about `most` points that look the same: of each bucket the smallest and the largest, and both ends."""
    if len(xs) <= most:
        return list(xs), list(ys)
    across, up = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    buckets = np.arange(len(up)) * ((most - 2) // 2) // len(up)
    order = np.lexsort((up, buckets))  # by bucket, in it by value
    first = np.flatnonzero(np.diff(buckets, prepend=-1))  # of each bucket, in `order` as in `up`
    last = np.append(first[1:], len(up)) - 1
    kept = np.unique(np.concatenate([[0, len(up) - 1], order[first], order[last]]))
    return across[kept].tolist(), up[kept].tolist()


def _series(events: list[dict[str, Any]], name: str, factor: float = 1.0) -> tuple[list, list]:
    points = [(event["step"], event[name] * factor) for event in events if event.get(name) is not None]
    return thinned([x for x, _y in points], [y for _x, y in points])


def validation(events: list[dict[str, Any]], name: str, colour: str, title: str, factor: float = 1.0) -> go.Figure:
    """A figure of the run over its steps: the training value faint, validation strong, the base as a zero line.

    Args:
        events: the run's step and evaluation events.
        name: accuracy, loss or bits_per_byte.
        title: of the vertical axis, with its unit.
        factor: multiplies the values (100 for per cent).
    """
    steps = [event for event in events if event["kind"] == "step"]
    points = [e for e in events if e["kind"] == "evaluation" and not e["whole"] and e["split"] == "validation"]
    base = [event for event in points if event["model"] == "base"]
    own = [event for event in points if event["model"] in ("run", "parent")]
    if not any(event["model"] == "parent" for event in own):
        own = base[:1] + own
    figure = go.Figure()
    xs, ys = _series(steps, name, factor)
    if xs:
        figure.add_scatter(
            x=xs, y=ys, mode="lines", name=_("training batches"), line={"color": colour, "width": 1}, opacity=0.55
        )
    xs, ys = _series(own, name, factor)
    if xs:
        figure.add_scatter(
            x=xs,
            y=ys,
            mode="lines+markers",
            name=_("validation"),
            line={"color": colour, "width": 3},
            marker={"size": 7},
        )
    if base:
        level = base[0][name] * factor
        figure.add_hline(
            level,
            line={"color": colours.BASE, "width": 2, "dash": "dash"},
            annotation={"text": _("base model"), "font": {"color": colours.BASE}},
            annotation_position="bottom right",
        )
    figure.update_layout(template=template(), height=340, xaxis_title=_("training steps"), yaxis_title=title)
    figure.update_yaxes(hoverformat=".3~f")
    return figure


def over_steps(events: list[dict[str, Any]], name: str, colour: str, title: str, factor: float = 1.0) -> go.Figure:
    """One value of the step reports over the steps: learning rate, tokens a second, memory."""
    xs, ys = _series([event for event in events if event["kind"] == "step"], name, factor)
    mode = "lines" if len(xs) > 1 else "markers"  # one point makes no line
    figure = go.Figure(go.Scatter(x=xs, y=ys, mode=mode, name=title, line={"color": colour, "width": 2}))
    figure.update_layout(
        template=template(), height=260, xaxis_title=_("training steps"), yaxis_title=title, showlegend=False
    )
    figure.update_yaxes(rangemode="tozero")
    return figure


def accuracies(rows: list[tuple[str, float, str]]) -> go.Figure:
    """Base against run on the same tokens: (name, accuracy of 1, colour) each as a bar."""
    figure = go.Figure(
        go.Bar(
            x=[100 * accuracy for _name, accuracy, _colour in rows],
            y=[name for name, _accuracy, _colour in rows],
            orientation="h",
            marker_color=[colour for _name, _accuracy, colour in rows],
            texttemplate="%{x:.1f} %",
            textposition="auto",
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(rangemode="tozero", title=_("accuracy on the test articles (%)"))
    figure.update_layout(template=template(), height=90 + 40 * len(rows))
    return figure

"""Figures of runs: data → Plotly figure, pure. One template for the whole project."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

from engine.runs.history.follower import History
from ui import present
from ui.charts import colours
from ui.i18n import LANGUAGES, _, language

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
_READ_FROM_AFAR = {"size": 20}
_AXIS_FROM_AFAR = {"title": {"font": _READ_FROM_AFAR, "standoff": 14}, "tickfont": _READ_FROM_AFAR, "nticks": 6}
pio.templates["present"] = go.layout.Template(
    layout={
        "font": _READ_FROM_AFAR,
        "xaxis": _AXIS_FROM_AFAR,
        "yaxis": _AXIS_FROM_AFAR,
        "legend": {"font": _READ_FROM_AFAR, "title": {"font": _READ_FROM_AFAR}},
        "hoverlabel": {"font": _READ_FROM_AFAR},
        "annotationdefaults": {"font": _READ_FROM_AFAR},
        "title": {"font": {"size": 24}},
        "uniformtext": {"minsize": 20, "mode": "show"},  # what is written in bars
        "margin": {"l": 8, "r": 16, "t": 44, "b": 8},
    }
)
pio.templates["french"] = go.layout.Template(layout={"separators": ",\u202f"})


def template() -> str:
    """The template of every figure: with the decimal sign of the session's language, and larger where it presents."""
    parts = ["streamlit", "lab", *(["french"] if language() == "fr" else []), *(["present"] if present.on() else [])]
    name = "atelier_" + "_".join(parts[2:])
    if name not in pio.templates:  # merged once: naming the parts would merge them for every figure
        pio.templates[name] = pio.templates.merge_templates(*parts)
    return name


@lru_cache(maxsize=2 * len(LANGUAGES))
def template_content(name: str) -> dict[str, Any]:
    """A template as Plotly's script takes it."""
    content: dict[str, Any] = pio.templates[name].to_plotly_json()
    return content


_LEAST_FROM_AFAR = 20  # pixels


def from_afar(part: Any, name: str = "") -> Any:
    """A figure as JSON knows it, whatever a chart has set itself made large enough: its texts, and the margins they need."""
    if isinstance(part, dict):
        found = {key: from_afar(value, key) for key, value in part.items()}
        if name.endswith("font") and isinstance(size := found.get("size"), int | float):
            found["size"] = max(size, _LEAST_FROM_AFAR)
        if name == "margin" and found.get("r") == LABEL_PIXELS:
            found["r"] = round(LABEL_PIXELS * _LEAST_FROM_AFAR / 13)
        return found
    return [from_afar(value, name) for value in part] if isinstance(part, list | tuple) else part


Points: TypeAlias = Sequence[float] | np.ndarray
MOST_POINTS = 500


def thinned(xs: Points, ys: Points, most: int = MOST_POINTS) -> tuple[list[Any], list[Any]]:
    """At most about `most` points that look the same: of each bucket the smallest and the largest, and both ends."""
    if len(xs) <= most:
        return list(xs), list(ys)
    across, up = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    buckets = np.arange(len(up)) * ((most - 2) // 2) // len(up)
    order = np.lexsort((up, buckets))  # by bucket, in it by value
    first = np.flatnonzero(np.diff(buckets, prepend=-1))  # of each bucket, in `order` as in `up`
    last = np.append(first[1:], len(up)) - 1
    drawn = np.unique(np.concatenate([[0, len(up) - 1], order[first], order[last]]))
    return across[drawn].tolist(), up[drawn].tolist()


def _measured(events: list[Any], name: str, factor: float) -> tuple[np.ndarray, np.ndarray]:
    points = [(event["step"], event[name] * factor) for event in events if event.get(name) is not None]
    return _points([x for x, _y in points], [y for _x, y in points])


def _reported(history: History, name: str, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """A field of the reports of steps; nothing where they have none of that name."""
    ys = history.steps.get(name, np.empty(0))
    there = np.isfinite(ys)
    return _points(history.steps["step"][: len(ys)][there], ys[there] * factor)


def _points(xs: Points, ys: Points) -> tuple[np.ndarray, np.ndarray]:
    """Points as they are drawn: thinned, and as arrays, which Plotly takes several times as fast as lists."""
    across, up = thinned(xs, ys)
    return np.asarray(across, dtype=np.int64), np.asarray(up, dtype=float)


@dataclass(frozen=True)
class Beside:
    """Another run's curve in a figure of a run: its name, its colour, and what it has reported."""

    name: str
    colour: str
    history: History


def validation(
    history: History,
    name: str,
    colour: str,
    title: str,
    factor: float = 1.0,
    measured: str = "",
    beside: Beside | None = None,
) -> go.Figure:
    """A figure of the run over its steps: the training value faint, validation strong, the base as a zero line.

    `live.shared` gives it its template. All is said at once, since each change of a figure costs milliseconds.

    Args:
        history: what the run has reported.
        name: accuracy, loss or bits_per_byte.
        title: of the vertical axis, with its unit.
        factor: multiplies the values (100 for per cent).
        measured: on what it was measured, in words; "" = validation.
        beside: what the run is held against, on the same tokens.
    """
    base, own = history.on_validation()
    traces: list[dict[str, Any]] = []
    xs, ys = _reported(history, name, factor)
    if len(xs):
        line = {"color": colour, "width": 1}
        mode = (
            "lines" if len(xs) > 1 else "markers"
        )  # of one point, the first that a person waits for, no line is drawn
        traces.append({"x": xs, "y": ys, "mode": mode, "name": _("training batches"), "line": line, "opacity": 0.55})
    xs, ys = _measured(own, name, factor)
    if len(xs):
        line = {"color": colour, "width": 3}
        style = {"mode": "lines+markers", "line": line, "marker": {"size": 7}}
        traces.append({"x": xs, "y": ys, "name": measured or _("validation"), **style})
    if beside is not None:
        xs, ys = _measured(beside.history.on_validation()[1], name, factor)
        style = {
            "mode": "lines+markers",
            "line": {"color": beside.colour, "width": 3},
            "marker": {"size": 7, "symbol": "square"},
        }
        traces.append({"x": xs, "y": ys, "name": beside.name, **style})
    result = history.result()
    xs, ys = _measured([e for e in own if result is not None and e["step"] == result["step"]], name, factor)
    if len(xs):
        marker = {"size": 14, "symbol": "star", "color": colour, "line": {"width": 1.5, "color": "white"}}
        traces.append({"x": xs, "y": ys, "mode": "markers", "name": _("the run's result"), "marker": marker})
    level = _level(base[0][name] * factor) if base else {}
    return _figure(traces, 340, title, {"hoverformat": ".3~f"}, **_with_early_end(history, level))


def _with_early_end(history: History, layout: dict[str, Any]) -> dict[str, Any]:
    """A figure's shapes, and a line where the run ended before its last step."""
    found = history.events("early_end")[-1:]
    if not found or (len(history.steps["step"]) and history.steps["step"][-1] > found[0]["step"]):  # it has gone on
        return layout
    step, up = found[0]["step"], {"yref": "y domain"}
    line = {"type": "line", "x0": step, "x1": step, "y0": 0, "y1": 1, "line": {"width": 1, "dash": "dot"}, **up}
    name = {"text": _("ended early"), "x": step, "y": 1, "xanchor": "right", "yanchor": "top", "showarrow": False, **up}
    return {
        "shapes": [*layout.get("shapes", []), line],
        "annotations": [*layout.get("annotations", []), name],
    }


def _level(value: float) -> dict[str, Any]:
    """The base model's line right across a figure, with its name behind its right end."""
    across, up = {"xref": "x domain"}, {"yref": "y"}
    line = {"color": colours.BASE, "width": 2, "dash": "dash"}
    return {
        "shapes": [{"type": "line", "x0": 0, "x1": 1, "y0": value, "y1": value, "line": line, **across, **up}],
        "annotations": [beside_level(value, _("base model"))],
        "margin": {"r": LABEL_PIXELS},
    }


LABEL_PIXELS = 100  # of the margin in which the names of levels stand: right of the figure, where no curve is


def beside_level(value: float, name: str, yanchor: str = "middle") -> dict[str, Any]:
    """The name of a level, in the margin right of its line (LABEL_PIXELS wide), in two lines where it has two parts."""
    place = {"x": 1, "xref": "x domain", "xanchor": "left", "xshift": 4, "y": value, "yref": "y", "yanchor": yanchor}
    text = {"text": name.replace(", ", ",<br>"), "font": {"color": colours.BASE}, "align": "left"}
    return {**place, **text, "showarrow": False}


def add_level(figure: go.Figure, value: float, name: str, yanchor: str = "middle") -> None:
    """Draws a level right across a figure, its name beside it."""
    figure.add_hline(value, line={"color": colours.BASE, "width": 2, "dash": "dash"})
    figure.add_annotation(beside_level(value, name, yanchor))
    figure.update_layout(margin={"r": LABEL_PIXELS})


def over_steps(history: History, name: str, colour: str, title: str, factor: float = 1.0) -> go.Figure:
    """One value of the step reports over the steps: learning rate, tokens a second, memory. As `validation`."""
    xs, ys = _reported(history, name, factor)
    mode = "lines" if len(xs) > 1 else "markers"  # one point makes no line
    trace = {"x": xs, "y": ys, "mode": mode, "name": title, "line": {"color": colour, "width": 2}}
    return _figure([trace], 260, title, {"rangemode": "tozero"}, showlegend=False)


def _figure(traces: list[dict[str, Any]], height: int, title: str, yaxis: dict[str, Any], **layout: Any) -> go.Figure:
    axes = {"xaxis": {"title": {"text": _("training steps")}}, "yaxis": {"title": {"text": title}, **yaxis}}
    return go.Figure(
        [{"type": "scatter", **trace} for trace in traces], {"template": "none", "height": height, **axes, **layout}
    )


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

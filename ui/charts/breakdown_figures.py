"""Figures of an evaluation in full, base and checkpoint side by side: data → Plotly figure, pure."""

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from engine.evaluation.forgetting import Forgetting, Point
from ui.charts import colours, style
from ui.charts.style import template
from ui.i18n import _

ENGLISH_DASH = "dot"  # the same model on another text: its own colour, another line


@dataclass(frozen=True)
class Shown:
    """A model's report on a page: its name, its colour, and what `engine.evaluation.breakdown.run` found."""

    title: str
    colour: str
    breakdown: dict[str, Any]


def groups(models: list[Shown], by: str, names: dict[str, str], axis: str = "") -> go.Figure:
    """Accuracy of each group of tokens, a bar a model.

    Args:
        by: by_section, by_position or by_kind. names: what pages call a group; others are called what they are.
        axis: what the groups are, with their unit.
    """
    figure = go.Figure()
    for model in models:
        found = model.breakdown[by]
        figure.add_bar(
            x=[names.get(group["name"], group["name"]) for group in found],
            y=[100 * group["accuracy"] for group in found],
            customdata=[[group["tokens"], group["bits_per_byte"], group["perplexity"]] for group in found],
            name=model.title,
            marker_color=model.colour,
            hovertemplate="%{y:.1f} % · "
            + _("{n} tokens", n="%{customdata[0]:,}")
            + " · "
            + _("{n} bits per byte", n="%{customdata[1]:.2f}")
            + "<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(template=template(), height=340, barmode="group", yaxis_title=_("accuracy (%)"))
    figure.update_xaxes(title=axis, type="category")
    return figure


def baselines(rows: list[tuple[str, str, float, list[float] | None]]) -> go.Figure:
    """What the number must beat: (name, colour, accuracy of 1, interval or None) each as a bar."""
    figure = go.Figure(
        go.Bar(
            x=[100 * accuracy for _name, _colour, accuracy, _interval in rows],
            y=[name for name, *_rest in rows],
            orientation="h",
            marker_color=[colour for _name, colour, *_rest in rows],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [100 * (i[1] - a) if i else None for _n, _c, a, i in rows],
                "arrayminus": [100 * (a - i[0]) if i else None for _n, _c, a, i in rows],
            },
            texttemplate="%{x:.1f} %",
            textposition="inside",
            insidetextanchor="start",
            textangle=0,
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(rangemode="tozero", title=_("accuracy (%)"))
    figure.update_layout(template=template(), height=110 + 40 * len(rows), hovermode="closest")
    return figure


def reliability(models: list[Shown]) -> go.Figure:
    """How often a model is right when it gives its first choice so much probability; on the diagonal it is calibrated."""
    figure = go.Figure()
    for model in models:
        bins = model.breakdown["calibration"]["bins"]
        figure.add_scatter(
            x=[100 * b["confidence"] for b in bins],
            y=[100 * b["accuracy"] for b in bins],
            customdata=[b["tokens"] for b in bins],
            mode="lines+markers",
            name=model.title,
            line={"color": model.colour, "width": 3},
            hovertemplate="%{y:.1f} % · " + _("{n} tokens", n="%{customdata:,}") + "<extra>%{fullData.name}</extra>",
        )
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        name=_("calibrated"),
        line={"color": colours.BASE, "width": 1, "dash": "dash"},
        hoverinfo="skip",
    )
    figure.update_layout(
        template=template(),
        height=380,
        hovermode="closest",
        xaxis_title=_("probability of the first choice (%)"),
        yaxis_title=_("first choice is right (%)"),
    )
    return figure


def forgetting(found: Forgetting, colour: str, name: str, title: str, factor: float = 1.0) -> go.Figure:
    """Science and general English over the steps of a run, the base model's values as levels.

    Args:
        name: accuracy or bits_per_byte. title: of the vertical axis, with its unit. factor: multiplies the values.
    """

    def line(points: list[Point], label: str, dash: str) -> None:
        figure.add_scatter(
            x=[point.step for point in points],
            y=[factor * getattr(point, name) for point in points],
            mode="lines+markers",
            name=label,
            line={"color": colour, "width": 3, "dash": dash},
            marker={"size": 7},
        )

    figure = go.Figure()
    line(found.science, _("science (validation)"), "solid")
    line(found.english, _("general English"), ENGLISH_DASH)
    levels = [
        (factor * getattr(level, name), label)
        for level, label in ((found.base_science, _("base, science")), (found.base_english, _("base, English")))
    ]
    lowest = min(levels)[0]
    for value, label in levels:
        # The lower one below its line, the higher above: near one another they stay apart.
        style.add_level(figure, value, label, "top" if value == lowest else "bottom")
    figure.update_layout(template=template(), height=340, xaxis_title=_("training steps"), yaxis_title=title)
    figure.update_yaxes(hoverformat=".3~f")
    return figure

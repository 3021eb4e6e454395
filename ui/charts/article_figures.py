"""Figures of articles: data → Plotly figure, pure."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from engine.runs.plans import Plan
from ui import words
from ui.charts import colours
from ui.charts.style import template
from ui.i18n import _

_BINS = 36


def _layout(height: int = 280) -> dict[str, Any]:
    return {"template": template(), "height": height, "margin": {"l": 8, "r": 8, "t": 28, "b": 8}}


def lengths(counts: np.ndarray, axis: str) -> go.Figure:
    """Histogram of article lengths, with the median marked; the rare long ones stand in the last bar.

    Args:
        counts: words or tokens of each article. axis: which of them, as the axis's title.
    """
    top = max(float(np.quantile(counts, 0.99)), float(counts.min()) + 1)
    heights, edges = np.histogram(np.minimum(counts, top), bins=_BINS, range=(float(counts.min()), top))
    middle = float(np.median(counts))
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=heights,
            width=np.diff(edges) * 0.94,
            customdata=np.stack([edges[:-1], edges[1:]], axis=1),
            hovertemplate=_("%{customdata[0]:.0f} to %{customdata[1]:.0f}: %{y} articles") + "<extra></extra>",
        )
    )
    figure.add_vline(
        middle,
        line_dash="dot",
        line_color=colours.BASE,
        annotation_text=_("median {n}", n=words.grouped(middle)),
        annotation_position="top",
    )
    figure.update_layout(**_layout(), xaxis_title=axis, yaxis_title=_("articles"))
    return figure


def sections(counts: list[tuple[str, int]], articles: int) -> go.Figure:
    """The most frequent names of sections: a bar each, in per cent of the articles."""
    figure = go.Figure(
        go.Bar(
            x=[100 * count / articles for _name, count in counts],
            y=[name for name, _count in counts],
            orientation="h",
            texttemplate="%{x:.0f}",
            textposition="outside",
            textangle=0,
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    figure.update_layout(**_layout(), xaxis_title=_("articles with such a section (%)"))
    figure.update_xaxes(range=[0, 110])
    return figure


def coverage(lengths_seen: np.ndarray, shares: np.ndarray, chosen: int, share: float) -> go.Figure:
    """How much of the text the first tokens of each article hold, over how many are taken; the chosen number marked."""
    figure = go.Figure(
        go.Scatter(
            x=lengths_seen,
            y=100 * shares,
            mode="lines",
            line={"color": colours.HUES[0], "width": 3},
            hovertemplate=_("%{x} tokens of each article: %{y:.1f} % of the text") + "<extra></extra>",
        )
    )
    figure.add_scatter(
        x=[chosen],
        y=[100 * share],
        mode="markers+text",
        marker={"size": 11, "color": colours.HUES[1]},
        text=[words.percent(share)],
        textposition="top center" if share < 0.8 else "bottom center",
        hoverinfo="skip",
    )
    figure.update_layout(
        **_layout(),
        showlegend=False,
        hovermode="closest",
        xaxis_title=_("tokens taken of each article"),
        yaxis_title=_("text covered (%)"),
    )
    powers = [2**n for n in range(4, 20) if 2**n <= lengths_seen[-1]]
    figure.update_xaxes(type="log", tickvals=powers, ticktext=[words.grouped(n) for n in powers])
    figure.update_yaxes(range=[0, 108])
    return figure


def keywords(found: list[tuple[str, float, float]]) -> go.Figure:
    """The words that the articles use more than prose does: a bar each, by how sure that is."""
    figure = go.Figure(
        go.Bar(
            x=[z for _word, z, _times in found],
            y=[word for word, _z, _times in found],
            orientation="h",
            text=[f"× {words.grouped(times)}" for _word, _z, times in found],
            textangle=0,
            cliponaxis=False,
            hovertemplate="%{y}: z = %{x:.1f}, %{text}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    figure.update_layout(**_layout(24 * len(found) + 90), xaxis_title=_("z-score against English prose"))
    return figure


def stages(plan: Plan) -> go.Figure:
    """The stages of a plan as ranges over the training articles: a bar each, from its first article to its last."""
    figure = go.Figure()
    for number, stage in enumerate(plan.stages):
        label = f"{words.grouped(stage.first)} – {words.grouped(stage.last)}"
        figure.add_bar(
            x=[max(stage.last - stage.first + 1, plan.articles * 0.004)],  # ten of 119,924 are thinner than a pixel
            base=[stage.first - 1],
            y=[stage.name],
            orientation="h",
            marker={"color": colours.HUES[number % len(colours.HUES)]},
            text=[label],
            textposition="outside" if stage.last < 0.6 * plan.articles else "inside",
            textangle=0,
            cliponaxis=False,
            hovertemplate=f"{words.labelled(stage.name, label)}<extra></extra>",
        )
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    figure.update_xaxes(range=[0, plan.articles * 1.02])
    figure.update_layout(
        **_layout(44 * len(plan.stages) + 80),
        showlegend=False,
        xaxis_title=_("training articles by number"),
    )
    return figure

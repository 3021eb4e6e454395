"""Figures of articles: data → Plotly figure, pure."""

import plotly.graph_objects as go

from ui.charts import TEMPLATE
from ui.i18n import _


def lengths(words: list[int]) -> go.Figure:
    """Histogram of article lengths in words, with the median marked."""
    figure = go.Figure(
        go.Histogram(x=words, nbinsx=30, hovertemplate=_("%{x} words: %{y} articles") + "<extra></extra>")
    )
    middle = sorted(words)[len(words) // 2]
    figure.add_vline(middle, line_dash="dot", annotation_text=_("median {n}", n=middle), annotation_position="top")
    figure.update_layout(
        template=TEMPLATE,
        height=280,
        bargap=0.05,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        xaxis_title=_("words in an article"),
        yaxis_title=_("articles"),
    )
    return figure


def sections(counts: list[tuple[str, int]]) -> go.Figure:
    """The most frequent names of sections: a bar each."""
    figure = go.Figure(
        go.Bar(
            x=[count for _name, count in counts],
            y=[name for name, _count in counts],
            orientation="h",
            texttemplate="%{x}",
            textangle=0,
            hovertemplate="%{y}: %{x}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_layout(
        template=TEMPLATE,
        height=280,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        xaxis_title=_("articles with such a section"),
    )
    return figure

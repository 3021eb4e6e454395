"""Figures of evaluations: data → Plotly figure, pure."""

from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ui.charts import TEMPLATE
from ui.i18n import _


@dataclass(frozen=True)
class Row:
    """The figures of a model on a split.

    Attributes:
        title: the model's name. colour: its colour. split: validation or test. source: where the articles are from.
    """

    title: str
    colour: str
    split: str
    source: str
    accuracy: float
    loss: float
    perplexity: float
    bits_per_byte: float
    evaluated_tokens: int
    hash: str
    recorded: bool = False


def accuracy_and_bits(rows: list[Row]) -> go.Figure:
    """Two panels with a bar a model: accuracy in per cent, and bits per byte beside it."""
    figure = make_subplots(
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        subplot_titles=(_("Accuracy (%) — higher is better"), _("Bits per byte — lower is better")),
    )
    titles = [row.title for row in rows]
    for column, values, pattern in (
        (1, [100 * row.accuracy for row in rows], "%{x:.1f}"),
        (2, [row.bits_per_byte for row in rows], "%{x:.2f}"),
    ):
        figure.add_bar(
            x=values,
            y=titles,
            orientation="h",
            marker_color=[row.colour for row in rows],
            texttemplate=pattern,
            textposition="auto",
            hovertemplate="%{y}: " + pattern + "<extra></extra>",
            showlegend=False,
            col=column,
            row=1,
        )
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(rangemode="tozero")
    figure.update_layout(template=TEMPLATE, height=110 + 44 * len(rows), margin={"l": 8, "r": 8, "t": 40, "b": 24})
    return figure

"""Figures of evaluations: data → Plotly figure, pure."""

from dataclasses import dataclass

import plotly.graph_objects as go

from ui.charts.style import template


@dataclass(frozen=True)
class Row:
    """The figures of a model on a split.

    Attributes:
        title: the model's name. colour: its colour. split: validation or test. source: where the articles are from. corpus: what tells them from others, wherever they lie.
        sequence_length: tokens of a window; the stride is as long.
    """

    title: str
    colour: str
    split: str
    source: str
    corpus: str
    accuracy: float
    loss: float
    perplexity: float
    bits_per_byte: float
    evaluated_tokens: int
    sequence_length: int
    hash: str
    recorded: bool = False


def bars(rows: list[Row], name: str, title: str, pattern: str, factor: float = 1.0) -> go.Figure:
    """A bar a model.

    Args:
        name: accuracy or bits_per_byte. title: says what is shown and which way is better.
        pattern: of the number on a bar, as in ".1f". factor: multiplies the values (100 for per cent).
    """
    shown = "%{x:" + pattern + "}"
    figure = go.Figure(
        go.Bar(
            x=[factor * getattr(row, name) for row in rows],
            y=[row.title for row in rows],
            orientation="h",
            marker_color=[row.colour for row in rows],
            texttemplate=shown,
            textposition="auto",
            textangle=0,
            hovertemplate="%{y}: " + shown + "<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(rangemode="tozero")
    figure.update_layout(
        template=template(),
        title={"text": title, "font": {"size": 15}},
        height=110 + 44 * len(rows),
        margin={"l": 8, "r": 8, "t": 44, "b": 24},
    )
    return figure

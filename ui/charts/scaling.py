"""What more articles bring: a figure of test over the number of articles, with its spread over seeds; data → Plotly figure, pure."""

import plotly.graph_objects as go

from engine.runs.sweeps import Point
from ui.charts import colours, style


def scaling(
    points: list[Point],
    figure: str,
    up: str,
    across: str,
    base: float | None = None,
    base_title: str = "",
    colour: str = colours.HUES[0],
) -> go.Figure:
    """One point a number of articles on a logarithmic axis; the bar reaches from the worst seed to the best.

    Args:
        figure: accuracy (shown in percent) or bits_per_byte. up, across: titles of the axes.
        base: the base model's value, or None. base_title: its label.
    """
    factor = 100.0 if figure == "accuracy" else 1.0
    mean = [factor * point.mean[figure] for point in points]
    drawn = go.Figure(
        go.Scatter(
            x=[point.articles for point in points],
            y=mean,
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [factor * point.high[figure] - middle for point, middle in zip(points, mean, strict=True)],
                "arrayminus": [middle - factor * point.low[figure] for point, middle in zip(points, mean, strict=True)],
                "thickness": 2,
                "width": 6,
            },
            mode="lines+markers",
            line={"color": colour, "width": 3},
            marker={"size": 9},
            customdata=[point.seeds for point in points],
            hovertemplate="%{x:,} · %{y:.4~g} (n = %{customdata})<extra></extra>",
            showlegend=False,
        )
    )
    if base is not None:
        style.add_level(drawn, factor * base, base_title)
    drawn.update_layout(template=style.template(), height=420, xaxis_title=across, yaxis_title=up)
    drawn.update_xaxes(type="log", dtick=1, tickformat=",")
    return drawn

"""Accuracy over a run or a chain of stages, with a cursor at one moment."""

import plotly.graph_objects as go

from engine.runs.history.moments import Moment
from ui.charts import colours, style
from ui.i18n import _


def curves(all_moments: list[Moment], now: Moment) -> go.Figure:
    """Accuracy on validation, a colour a stage, and on general English where it was measured; the base as a line."""
    figure = go.Figure()
    begun = any(moment.is_parent for moment in all_moments)  # lines begin where the weights did, not at the base
    drawn = [moment for moment in all_moments if not (begun and moment.is_base)]
    stages = list(dict.fromkeys(moment.run.name for moment in drawn))
    for number, name in enumerate(stages):
        own = [moment for moment in drawn if moment.run.name == name]
        before = [moment for moment in drawn if moment.at <= own[0].at and moment.run.name != name]
        _line(figure, before[-1:] + own if number else own, "validation", name, colours.of_run(name), "solid")
    english = [moment for moment in drawn if "english" in moment.figures]
    if english:
        _line(figure, english, "english", _("general English"), colours.TRUE_TEXT, "dot")
    first = all_moments[0]
    if first.is_base and "validation" in first.figures:
        figure.add_hline(
            100 * first.figures["validation"]["accuracy"],
            line={"color": colours.BASE, "width": 2, "dash": "dash"},
            annotation={"text": _("base model"), "font": {"color": colours.BASE}},
            annotation_position="bottom right",
        )
    figure.add_vline(now.at, line={"color": colours.BASE, "width": 3})
    figure.update_layout(
        template=style.template(),
        height=300,
        xaxis_title=_("training steps since the parent") if begun else _("training steps since the base"),
        yaxis_title=_("accuracy (%)"),
        showlegend=True,
    )
    figure.update_yaxes(hoverformat=".1f")
    return figure


def _line(figure: go.Figure, points: list[Moment], split: str, name: str, colour: str, dash: str) -> None:
    shown = [moment for moment in points if split in moment.figures]
    figure.add_scatter(
        x=[moment.at for moment in shown],
        y=[100 * moment.figures[split]["accuracy"] for moment in shown],
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 3, "dash": dash},
        marker={"size": 7},
    )

"""Accuracy over a run or a chain of stages, with a cursor at one moment."""

from collections.abc import Sequence

import plotly.graph_objects as go

from engine.runs.history.snapshots import Snapshot
from ui.charts import colours, comparison_figures, style
from ui.i18n import _


def curves(
    all_snapshots: list[Snapshot], now: Snapshot, beside: Sequence[Snapshot] = (), height: int = 260
) -> go.Figure:
    """Accuracy on validation, a colour a stage, and on general English where it was measured; the base as a line.

    Args:
        beside: the moments of what the run is held against.
    """
    figure = go.Figure()
    begun = any(snapshot.is_parent for snapshot in all_snapshots)  # lines begin where the weights did, not at the base
    drawn = [snapshot for snapshot in all_snapshots if not (begun and snapshot.is_base)]
    stages = list(dict.fromkeys(snapshot.run.name for snapshot in drawn))
    for number, name in enumerate(stages):
        own = [snapshot for snapshot in drawn if snapshot.run.name == name]
        before = [snapshot for snapshot in drawn if snapshot.at <= own[0].at and snapshot.run.name != name]
        _line(figure, before[-1:] + own if number else own, "validation", name, colours.of_run(name), "solid", number)
    if any(not snapshot.is_base for snapshot in beside):
        name = beside[-1].run.name
        _line(figure, list(beside), "validation", name, colours.of_run(name), "solid", len(stages))
    english = [snapshot for snapshot in drawn if "english" in snapshot.figures]
    if english:
        _line(figure, english, "english", _("general English"), colours.TRUE_TEXT, "dot")
    first = all_snapshots[0]
    if first.is_base and "validation" in first.figures:
        style.add_level(figure, 100 * first.figures["validation"]["accuracy"], _("base model"))
    figure.add_vline(now.at, line={"color": colours.BASE, "width": 3})
    figure.update_layout(
        template=style.template(),
        height=height,
        xaxis_title=_("training steps since the parent") if begun else _("training steps since the base"),
        yaxis_title=_("accuracy (%)"),
        showlegend=True,
    )
    figure.update_yaxes(hoverformat=".1f")
    return figure


def _line(
    figure: go.Figure, points: list[Snapshot], split: str, name: str, colour: str, dash: str, at: int = 0
) -> None:
    shown = [snapshot for snapshot in points if split in snapshot.figures]
    figure.add_scatter(
        x=[snapshot.at for snapshot in shown],
        y=[100 * snapshot.figures[split]["accuracy"] for snapshot in shown],
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 3, "dash": dash},
        marker={"size": 7, "symbol": comparison_figures.symbol(at)},
    )

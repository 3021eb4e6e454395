"""The forgetting meter on a page: what a run gained on science, and what it cost in general English."""

import streamlit as st

from engine.evaluation import forgetting
from engine.evaluation.forgetting import Forgetting
from engine.runs.folder import Run
from ui import present, words
from ui.charts import breakdown_figures, colours
from ui.components.figure import live
from ui.i18n import _
from ui.readers import folders, measured


def show(run: Run | None) -> None:
    """Two figures of a run, and one sentence; or why there is nothing to show."""
    in_view = present.screen("forgetting")
    if in_view:
        st.header(_("Forgetting"))
        st.markdown(
            _("A model that learns to write science forgets some everyday English: what was gained, and what it cost.")
        )
    if run is None:
        return
    meter = forgetting.of_history(folders.history(run))
    if meter is None and in_view:
        st.info(
            _(
                "This run has not scored general English: each run started from now on does so at every interval, on a small text that ships with Atelier."
            )
        )
    if meter is None:
        return
    colour = colours.of_run(run.name)
    if in_view:
        st.markdown(in_words(meter))
    figures = (("accuracy", _("accuracy (%)"), 100), ("bits_per_byte", _("bits per byte"), 1))
    for slot, (figure, title, factor) in zip(st.columns(2), figures, strict=True):
        if present.screen(f"forgetting_{figure}"):
            with present.place(slot):
                drawn = breakdown_figures.forgetting(meter, colour, figure, title, factor)
                live.figure(drawn, key=f"forgetting_{figure}")
    if present.on():
        return
    st.caption(
        _(
            "Science: {science}. English: {english} tokens of letters, a tale, a recipe and other texts written for Atelier (articles/english). The same tokens at every point.",
            science=measured.at_intervals(run),
            english=words.grouped(meter.english[0].tokens),
        )
    )


def in_words(meter: Forgetting) -> str:
    """What was gained and what it cost, in one sentence."""
    values: dict[str, str] = {}
    for name, points in (("science", meter.science), ("english", meter.english)):
        values |= {
            f"{name}_from": words.percent(points[0].accuracy),
            f"{name}_to": words.percent(points[-1].accuracy),
            f"{name}_change": _change(forgetting.change(points)),
        }
    sentence = _(
        "After {step} steps: on science from {science_from} to {science_to} ({science_change}), on general English from {english_from} to {english_to} ({english_change}).",
        step=words.grouped(meter.science[-1].step),
        **values,
    )
    if meter.from_base:
        return sentence
    since_base = {
        name: words.signed(100 * (points[-1].accuracy - base.accuracy), 1)
        for name, points, base in (
            ("science", meter.science, meter.base_science),
            ("english", meter.english, meter.base_english),
        )
    }
    return f"{sentence} " + _(
        "It went on from a checkpoint: against the base model, science {science} points, general English {english} points.",
        **since_base,
    )


def _change(change: forgetting.Change) -> str:
    """A change in points, with its interval where there is one, and whether chance may have made it."""
    points = words.signed(100 * change.accuracy, 1)
    if change.interval is None:
        return _("{n} points", n=points)
    low, high = change.interval
    values = {"n": points, "low": words.signed(100 * low, 1), "high": words.signed(100 * high, 1)}
    if low <= 0 <= high:
        return _("{n} points, which may be chance: 95 % interval {low} to {high}", **values)
    return _("{n} points, 95 % interval {low} to {high}", **values)

"""How a run learns, or learned: its result, its curves and its newest samples; over another run, where it is held against one."""

import streamlit as st

from engine.runs import checkpoints, states
from ui import (
    against,
    interpretation_view,
    outcome_view,
    pair,
    present,
    queue_view,
    removal_view,
    rooms,
    run_view,
    words,
)
from ui.i18n import _
from ui.library import runs
from ui.readers import folders, recorded


def show() -> None:
    """Shows the run in view."""
    removal_view.show_message()
    if (run := pair.trained(_("Here its curve grows, against what the base model does on the same articles."))) is None:
        return
    finished = run.state().state == states.FINISHED
    if finished and present.screen("outcome"):
        interpretation_view.show(run, rooms.CURVE)
        outcome_view.outcome(run)
    elif not finished:
        interpretation_view.show(run, rooms.CURVE)
    other = pair.other_run()
    why_not = against.why_not(run, other) if other is not None else ""
    if why_not:
        st.caption(why_not)
    elif other is None and pair.current().against != pair.BASE:
        st.caption(
            _(
                "{name} was not trained here: it has no curve.",
                name=words.plain(folders.preset_title(pair.current().against)),
            )
        )
    run_view.watch(run, "curve", details=True, other=None if why_not else other)
    if present.on():
        return
    if other is not None:
        with st.expander(_("Both over tokens, articles or minutes"), key="curve_both"):
            runs.lay_over([run, other])
    newest = checkpoints.of_run(run)
    if result := checkpoints.result_of(run, unread=False):
        st.caption(_("Its result: {name}", name=words.plain(result.reference)))
    elif newest:
        st.caption(_("Newest checkpoint: {name}", name=words.plain(newest[-1].reference)))
    with st.container(horizontal=True):
        queue_view.again(run)
        removal_view.button(run, "curve")
    if run.recorded:
        recorded.note([run])

"""How a run learns, or learned: its result, its curves and its newest samples; over another run, where it is held against one."""

import streamlit as st

from engine.runs import checkpoints, states
from ui import pair, present, queue_view, removal_view, run_view, words
from ui.i18n import _
from ui.library import runs
from ui.readers import recorded


def show() -> None:
    """Shows the run in view."""
    removal_view.show_message()
    if (run := pair.trained(_("No run yet: press the button in the Lab, or start one in Train."))) is None:
        return
    if run.state().state == states.FINISHED and present.screen("outcome"):
        run_view.outcome(run)
    run_view.watch(run, key="curve", details=True)
    if (other := pair.other_run()) is not None and present.screen("other"):
        runs.lay_over([run, other])
    if present.on():
        return
    newest = checkpoints.of_run(run)
    if result := checkpoints.result_of(run, unread=False):
        st.caption(_("Its result: {name}", name=words.plain(result.reference)))
    elif newest:
        st.caption(_("Newest checkpoint: {name}", name=words.plain(newest[-1].reference)))
    with st.container(horizontal=True):
        queue_view.again(run)
        removal_view.button(run, "curve")
    if run.recorded:
        recorded.note()

"""Runs whose files were damaged by hand: each named, with why, and what can be done about it."""

import streamlit as st

from engine.core.errors import EngineError
from engine.runs import lifecycle, states
from engine.runs.folder import Run
from ui import errors, removal_view, words
from ui.i18n import _, _n
from ui.readers import folders, polling


def why(run: Run) -> EngineError | None:
    """Why a run is broken, or None where it is not."""
    if (problem := folders.unreadable(run)) is not None:
        return problem
    state = run.state()
    return state.error if state.state == states.BROKEN else None


def show(key: str) -> None:
    """Lists the broken runs, each to be deleted by who may do everything; nothing where there is none."""
    broken = polling.shared(
        "broken", lambda: [(r, reason) for r in lifecycle.all_runs() if (reason := why(r)) is not None]
    )
    if not broken:
        return
    title = _n("{n} run is broken", "{n} runs are broken", len(broken))
    with st.expander(title, icon=":material/heart_broken:", expanded=True):
        for run, reason in broken:
            said = f"**{words.plain(run.name)}** · {errors.markdown(reason)}"
            if folders.unreadable(run) is None:
                said += " " + _(
                    "“Resume” above its curve in Explore writes it anew and goes on from the newest checkpoint."
                )
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(said, width="stretch")
                removal_view.button(run, f"{key}_{run.name}")
        st.caption(_("Everything else works. Whoever puts a copy of its files back has the run again."))

"""Runs whose files were damaged by hand: each named, with why, and what can be done about it."""

import streamlit as st

from engine.core.errors import EngineError
from engine.runs import states
from engine.runs.looks import Look
from ui import errors, removal_view, words
from ui.i18n import _, _n
from ui.readers import folders


def _why(found: Look) -> EngineError | None:
    if found.problem is not None:
        return found.problem
    return found.state.error if found.state.state == states.BROKEN else None


def show(key: str) -> None:
    """Lists the broken runs, each to be deleted by who may do everything; nothing where there is none."""
    broken = [(found, reason) for found in folders.looked() if (reason := _why(found)) is not None]
    if not broken:
        return
    title = _n("{n} run is broken", "{n} runs are broken", len(broken))
    with st.expander(title, icon=":material/heart_broken:", expanded=True):
        for found, reason in broken:
            run = found.run
            said = f"**{words.plain(run.name)}** · {errors.markdown(reason)}"
            if found.problem is None:
                said += " " + _(
                    "“Resume” above its curve in Explore writes it anew and goes on from the newest checkpoint."
                )
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(said, width="stretch")
                removal_view.button(run, f"{key}_{run.name}")
        st.caption(_("Everything else works. Whoever puts a copy of its files back has the run again."))

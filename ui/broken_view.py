"""Runs whose files were damaged by hand: each named, with why, and what can be done about it."""

import streamlit as st

from engine import runs
from ui import errors, readers, removal_view, words
from ui.i18n import _, _n


def show(key: str) -> None:
    """Lists the broken runs, each to be deleted by who may do everything; nothing where there is none."""
    broken = [(run, problem) for run in runs.all_runs() if (problem := readers.unreadable(run)) is not None]
    if not broken:
        return
    title = _n("{n} run is broken and left out", "{n} runs are broken and left out", len(broken))
    with st.expander(title, icon=":material/heart_broken:", expanded=True):
        for run, problem in broken:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{words.plain(run.name)}**: {errors.markdown(problem)}", width="stretch")
                removal_view.button(run, f"{key}_{run.name}")
        st.caption(_("Everything else works. Whoever puts a copy of its files back has the run again."))

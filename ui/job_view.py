"""Says on a page where a run stands that Slurm trains: why it waits, on which node it works; nothing of any other run."""

import streamlit as st

from engine.runs.folder import Run
from engine.services.launchers import outlook
from ui import errors


def say(run: Run) -> None:
    """Shows the sentences, where there are any; what Slurm last answered is taken, and nobody waits for it."""
    for sentence in outlook.of(run):
        st.caption(f":material/lan: {errors.markdown(sentence)}")

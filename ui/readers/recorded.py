"""The run that ships with the project: always labelled as recorded, with command, date and commit."""

import streamlit as st

from engine.runs import lifecycle
from ui.i18n import _
from ui.words import plain


def note() -> None:
    """Says what “recorded” means, for every recorded run there is."""
    for run in lifecycle.all_runs():
        facts = run.recorded
        if facts:
            st.caption(
                _(
                    "Recorded: {run} is a real run that ships with Atelier. It was made on {date} by `{command}` at commit "
                    "{commit}; nothing in it is simulated.",
                    run=plain(run.name),
                    date=facts.get("date", "?"),
                    command=facts.get("command", "?"),
                    commit=str(facts.get("commit", "?"))[:10],
                ),
            )

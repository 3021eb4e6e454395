"""The runs that ship with the project: always labelled as recorded, with command, date and commit."""

from collections.abc import Iterable

import streamlit as st

from engine.runs.folder import Run
from ui.i18n import _
from ui.readers import folders
from ui.words import plain, recorded_day


def note(runs: Iterable[Run] | None = None) -> None:
    """Says what “recorded” means, of those of some runs that are; of all whose weights ship where none are named."""
    for run in [run for run in folders.all_runs() if not run.ships_without_weights] if runs is None else runs:
        facts = run.recorded
        if facts:
            st.caption(
                _(
                    "Recorded: {run} is a real run that ships with Atelier. It was made on {date} by `{command}` at commit "
                    "{commit}; nothing in it is simulated.",
                    run=plain(run.name),
                    date=plain(recorded_day(str(facts.get("date", "?")))),
                    command=facts.get("command", "?"),
                    commit=str(facts.get("commit", "?"))[:10],
                ),
            )

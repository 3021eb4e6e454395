"""The final measurement: figures on the test articles are shown by a press, and how often they were looked at is said."""

import streamlit as st

from engine.runs import looks_at_test
from engine.runs.folder import Run
from ui import errors, present, words
from ui.i18n import _, _n

_MOST_NAMED = 2  # runs; a sweep has hundreds


def shown(runs: list[Run], key: str) -> bool:
    """Whether the figures of these runs on test are to be shown: by a press, which is counted in the runs' folders.

    Args:
        key: of the button.
    """
    if not runs:
        return True
    in_view = present.screen("final")
    pressed = f"{key}_of"
    names = [run.name for run in runs]
    if st.session_state.get(pressed) == names:
        if in_view:
            _say_looks(runs)
        return True
    if not in_view:
        return False
    st.markdown(
        _(
            "The test articles are for the end: whoever looks at them again and again, and keeps what does best there, measures no longer what a new article would give. Choose by validation; then measure once on test."
        )
    )
    _say_looks(runs)
    if st.button(_("Show the final measurement"), icon=":material/flag:", key=key):
        with errors.shown():
            for run in runs:
                looks_at_test.add(run)
            st.session_state[pressed] = names
            st.rerun()
    return False


def _say_looks(runs: list[Run]) -> None:
    looks = {run.name: looks_at_test.counted(run) for run in runs}
    if len(looks) > _MOST_NAMED:
        most = max(looks.values())
        st.caption(
            _n(
                "The figures of these runs on test were looked at {n} time.",
                "The figures of these runs on test were looked at up to {n} times.",
                most,
            )
        )
        return
    for name, n in looks.items():
        st.caption(
            _n(
                "The figures of {name} on test were looked at {n} time.",
                "The figures of {name} on test were looked at {n} times.",
                n,
                name=words.plain(name),
            )
        )

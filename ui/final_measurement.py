"""The final measurement: figures on the test articles are shown by a press, and how often they were looked at is said."""

import streamlit as st

from engine.core.errors import EngineError
from engine.runs import looks_at_test
from engine.runs.folder import Run
from ui import access, errors, present, words
from ui.i18n import _, _n

_MOST_NAMED = 2  # runs; a sweep has hundreds


def shown(runs: list[Run], key: str) -> bool:
    """Whether the figures of these runs on test are to be shown: by a press, which is counted in the runs' folders
    where this session may write there. Where it cannot be counted, that is said, and the figures are shown all the same.

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
        st.session_state[pressed] = names
        if _counted(runs):
            st.rerun()
        return True  # below the errors, which a rerun would take away
    return False


def _counted(runs: list[Run]) -> bool:
    """Counts a look at each run; False where one could not be counted, which is said."""
    well = True
    for run in filter(_may_count, runs):
        try:
            looks_at_test.add(run)
        except EngineError as error:  # a folder without rights, a full disk
            errors.show(error)
            well = False
    return well


def _may_count(run: Run) -> bool:
    """Whether this session may write into a run: a visitor changes nothing of the owner's."""
    return access.is_owner() or (run.problem is None and bool(run.config.get("visitor")))


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

"""The frame around every page: language, navigation, what is running, the owner's code."""

import threading
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from engine.runs import states
from engine.services.launchers import launching
from ui import access, budget, errors, owner, words
from ui.i18n import LANGUAGES, _, browser_language
from ui.readers import folders, polling

_HERE = Path(__file__).resolve().parent.parent / "pages"
# A file of our own: a Material icon would be fetched from a font server by every browser.
_FAVICON = Path(__file__).resolve().parent / "favicon.png"
_inside = threading.local()  # whether this thread, which runs one session's script, is inside the frame
POLL_SECONDS = 2.0


PAGES: dict[str, Page] = {}  # by the name of their file, for links; filled whenever the frame is shown


def within() -> None:
    """The first statement of every page: goes on inside the frame; where the page runs alone, shows the frame instead.

    The first request of a cold server to a page's own address runs that page's file alone.
    """
    if not getattr(_inside, "page", False):
        show()
        st.stop()


def _pages() -> dict[str, Page]:
    return {
        "lab": st.Page(_HERE / "lab.py", title=_("Lab"), icon=":material/science:", default=True),
        "articles": st.Page(_HERE / "articles.py", title=_("Articles"), icon=":material/article:"),
        "fine_tune": st.Page(_HERE / "fine_tune.py", title=_("Fine-tune"), icon=":material/tune:"),
        "compare": st.Page(_HERE / "compare.py", title=_("Compare runs"), icon=":material/stacked_line_chart:"),
        "checkpoints": st.Page(_HERE / "checkpoints.py", title=_("Checkpoints"), icon=":material/save:"),
        "side_by_side": st.Page(_HERE / "side_by_side.py", title=_("Side by side"), icon=":material/view_column:"),
        "evaluate": st.Page(_HERE / "evaluate.py", title=_("Evaluate"), icon=":material/analytics:"),
        "microscope": st.Page(_HERE / "microscope.py", title=_("Microscope"), icon=":material/biotech:"),
        "memorisation": st.Page(_HERE / "memorisation.py", title=_("Memorisation"), icon=":material/manage_search:"),
        "time_machine": st.Page(_HERE / "time_machine.py", title=_("Time machine"), icon=":material/history:"),
    }


def show() -> None:
    """Shows the frame and, inside it, the page of the address."""
    st.set_page_config(page_title="Atelier", page_icon=str(_FAVICON), layout="wide")
    st.session_state.setdefault("language", browser_language())
    with st.sidebar:
        # Before st.navigation, so that its own titles are in the language chosen.
        st.segmented_control(
            "Language / Langue",
            list(LANGUAGES),
            format_func=str.upper,
            key="language",
            required=True,
            label_visibility="collapsed",
        )
    # After a crash or a restart of the machine nobody else starts what waits.
    if polling.shared("work left", launching.work_left):
        with errors.shown():
            launching.tend()
    PAGES.update(_pages())
    page = st.navigation(list(PAGES.values()))
    with st.sidebar:
        polling.fragment(_strip, POLL_SECONDS if folders.active_run() else None)()
        owner.show()
        if access.is_owner():
            for problem in budget.problems():
                st.warning(errors.markdown(problem), icon=":material/settings_alert:")
    _inside.page = True
    try:
        page.run()
    finally:
        _inside.page = False


def _strip() -> None:
    """One line on every page: what is running, how far it is."""
    run = folders.active_run()
    if run is None:
        if st.session_state.pop("strip_polls", False):
            st.rerun()  # it has just ended: the page shows so, and nothing polls any more
        return
    st.session_state["strip_polls"] = True
    state = run.state()
    share = state.step / state.steps if state.steps else 0.0
    label = words.state_name(state.state) if state.state == states.QUEUED else words.phase_name(state.phase)
    st.progress(min(1.0, share), words.labelled(words.plain(run.name), label))

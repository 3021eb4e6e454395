"""The frame around every page: navigation, header and address, what is running, the owner's code."""

import threading
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import Page
from streamlit.runtime.scriptrunner import StopException

from engine.runs import states
from engine.services.launchers import launching
from ui import access, address, budget, errors, former, header, owner, present, rooms, words
from ui.i18n import browser_language
from ui.readers import folders, polling

_HERE = Path(__file__).resolve().parent.parent / "pages"
# A file of our own: a Material icon would be fetched from a font server by every browser.
_FAVICON = Path(__file__).resolve().parent / "favicon.png"
_LOOK = Path(__file__).with_name("look.css")
_inside = threading.local()  # whether this thread, which runs one session's script, is inside the frame
POLL_SECONDS = 2.0
_SIDEBAR_PIXELS = 210


def within() -> None:
    """The first statement of every page: goes on inside the frame; where the page runs alone, shows the frame instead.

    The first request of a cold server to a page's own address runs that page's file alone.
    """
    if not getattr(_inside, "page", False):
        show()
        st.stop()


def _pages() -> dict[str, Page]:
    # The default page is served at the root whatever it is called, and would keep its name from any other page.
    return {
        room: st.Page(
            _HERE / f"{room}.py",
            title=rooms.title(room),
            icon=icon,
            url_path="" if room == rooms.LAB else room,
            default=room == rooms.LAB,
        )
        for room, icon in rooms.ICONS.items()
    }


def show() -> None:
    """Shows the frame and, inside it, the page of the address."""
    with polling.one_drawing():
        _show()


def _show() -> None:
    st.set_page_config(
        page_title="Atelier", page_icon=str(_FAVICON), layout="wide", initial_sidebar_state=_SIDEBAR_PIXELS
    )
    st.session_state.setdefault("language", browser_language())  # before the pages, whose titles are in it
    rooms.PAGES.update(_pages())
    pages = [*rooms.PAGES.values(), *former.pages()]
    page = st.navigation(pages)
    if page.url_path in former.PLACES:
        page.run()  # which leads on
        return
    room = page.url_path or rooms.LAB
    address.begin(room)
    if present.on():  # which the address says, and that is read once the room is known
        st.navigation(pages, position="hidden")
    st.html(_LOOK)
    present.begin(room)
    # After a crash or a restart of the machine nobody else starts what waits.
    if folders.anything_under_way() and launching.work_left():
        with errors.shown():
            launching.tend()
    if not present.on():
        _sidebar()
    header.show(room)
    place = st.container()
    _inside.page = True
    try:
        page.run()
    except StopException:
        _finish(room, place)
        raise
    finally:
        _inside.page = False
    _finish(room, place)


def _sidebar() -> None:
    with st.sidebar:
        polling.fragment(_strip, POLL_SECONDS if folders.active_run() else None)()
        owner.show()
        if access.is_owner():
            for problem in budget.problems():
                st.warning(errors.markdown(problem), icon=":material/settings_alert:")


def _finish(room: str, place: DeltaGenerator) -> None:
    """Says what of the address came to nothing, and writes the address of what is chosen now."""
    present.bar(room)
    address.say(place)
    address.end(room)


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

"""Present: a page for a projector, one figure a screen, moved by the keys of a presenter's clicker."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import streamlit as st

from ui import address, redrawn, rooms
from ui.i18n import _

_LOOK = Path(__file__).with_suffix(".css")
_ON, _SCREEN = "present", "present_screen"  # as the table of addresses has them
_SCREENS = "present_screens"  # the names of those of the page in view, in order
_PLACE, _COUNTS = (
    "present_place",
    "present_counts",
)  # which page that is; how many screens each had when it was drawn last


def on() -> bool:
    """Whether this session presents."""
    return bool(st.session_state.get(_ON))


def start() -> None:
    """Begins to present the page in view, from its first screen on."""
    st.session_state.update({_ON: True, _SCREEN: 1})


def end() -> None:
    """Shows the page as it was before."""
    st.session_state.update({_ON: False, _SCREEN: 1})


def begin(room: str) -> None:
    """Makes a page ready, before any of it is drawn."""
    st.session_state.update({_SCREENS: [], _PLACE: address.tab_of(room) or room})
    if on():
        st.html(_LOOK)


def screen(name: str) -> bool:
    """Whether a part of the page is in view: each is, but while it is presented, when each is a screen of its own.

    What stands under no such question is in view on every screen of its page.

    Args:
        name: another for each part of a page; a part that is drawn anew by itself keeps its place.
    """
    if not on():
        return True
    names: list[str] = st.session_state.setdefault(_SCREENS, [])
    if name not in names:
        names.append(name)
    return names.index(name) + 1 == _at()


@contextlib.contextmanager
def part(name: str) -> Iterator[None]:
    """A screen whose widgets the others depend on: drawn on each of them, in view on its own."""
    with _kept(name, screen(name)):
        yield


@contextlib.contextmanager
def aside(name: str) -> Iterator[None]:
    """Widgets that choose what is shown and are no screen: while it is presented they are drawn out of view, and keep what
    was chosen."""
    with _kept(name, not on()):
        yield


@contextlib.contextmanager
def _kept(name: str, in_view: bool) -> Iterator[None]:
    if in_view:
        yield
        return
    with st.container(key=f"present_off_{name}"):
        yield


def place(column: Any) -> Any:
    """Where a figure is drawn that stands beside others: in its column, and across the page where it is presented."""
    return st.container() if on() else column


def forward() -> None:
    """Turns to the next screen where a page is presented: what a press has begun is seen there."""
    if on():
        st.session_state[_SCREEN] = _at() + 1


def _at() -> int:
    state = st.session_state
    known: int = state.get(_COUNTS, {}).get(state.get(_PLACE), address.MOST_SCREENS)
    return min(state.get(_SCREEN) or 1, known)


def _turn(room: str, by: int) -> None:
    """Goes a screen on or back: on the last one to the first of the next tab, on the first one to the last of the tab before."""
    redrawn.note()
    state, wanted = st.session_state, _at() + by
    if 1 <= wanted <= max(1, len(state.get(_SCREENS, []))):
        state[_SCREEN] = wanted
    elif (tab := _tab_beside(room, by)) is not None:
        state[f"tab_{room}"], state[_SCREEN] = tab, 1 if by > 0 else address.MOST_SCREENS


def _tab_beside(room: str, by: int) -> str | None:
    tabs = rooms.ROOMS[room]
    at = tabs.index(address.tab_of(room)) + by if tabs else -1
    return tabs[at] if 0 <= at < len(tabs) else None


def bar(room: str) -> None:
    """Shows where one is and the buttons that move; to be called once all of the page has been drawn."""
    if not on():
        return
    state = st.session_state
    count = max(1, len(state[_SCREENS]))
    beyond = _at() > count  # where one came from behind, or by an address
    state[_COUNTS] = {**state.get(_COUNTS, {}), state[_PLACE]: count}
    if beyond:
        st.rerun()
    state[_SCREEN] = _at()
    with st.container(key="present_bar", horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
        _button(_("Previous"), "chevron_left", "PageUp", room, -1, _at() > 1)
        st.markdown(f"{_at()} / {count}", width="content")
        _button(_("Next"), "chevron_right", "PageDown", room, 1, _at() < count)
        st.button(_("End"), icon=":material/close:", key="present_end", shortcut="Escape", on_click=end)


def _button(label: str, icon: str, key: str, room: str, by: int, more: bool) -> None:
    nothing = not more and _tab_beside(room, by) is None
    there: dict[str, Any] = {"icon": f":material/{icon}:", "shortcut": key, "disabled": nothing}
    st.button(label, key=f"present_{key.lower()}", on_click=_turn, args=(room, by), **there)

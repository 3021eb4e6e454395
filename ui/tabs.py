"""The tabs of a room: only the one in view is computed."""

from collections.abc import Callable, Mapping

import streamlit as st

from ui import address, present, rooms


def show(room: str, bodies: Mapping[str, Callable[[], None]]) -> None:
    """Shows the tabs of a room and, in the one that is in view, what its function draws; presented, that one alone."""
    if present.on():
        bodies[address.tab_of(room)]()
        return
    titles = {tab: rooms.tab_title(tab) for tab in rooms.ROOMS[room]}
    key = f"tabs_{room}"
    # The widget's value is a title, in the language of the session; what is kept and stands in addresses is the code.
    st.session_state[key] = titles[address.tab_of(room)]

    def changed() -> None:
        st.session_state[f"tab_{room}"] = next(tab for tab, title in titles.items() if title == st.session_state[key])

    for tab, container in zip(titles, st.tabs(list(titles.values()), key=key, on_change=changed), strict=True):
        if container.open:
            with container:
                bodies[tab]()

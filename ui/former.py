"""Addresses that lead on: of the pages that earlier versions had, to the tab that has taken the place of each; and `/lab`."""

from collections.abc import Callable, Mapping

import streamlit as st
from streamlit.navigation.page import Page

from ui import address, rooms
from ui.rooms import ARTICLES, CHECKPOINTS, COPIED, CURVE, LAB, RUNS, SCORE, TIME, TRAIN, WORDS, WRITE

# The former page → the tab, or the room without tabs.
PLACES = {
    "articles": ARTICLES,
    "fine_tune": TRAIN,
    "compare": RUNS,
    "checkpoints": CHECKPOINTS,
    "side_by_side": WRITE,
    "evaluate": SCORE,
    "microscope": WORDS,
    "memorisation": COPIED,
    "time_machine": TIME,
    "lab": LAB,  # which stands at the root
}
_RENAMED = {"model": "run"}  # parameters, as the former pages called them


def target(page: str, query: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The room that a former address leads to, and the query there."""
    place = PLACES[page]
    if page == "fine_tune" and "run" in query and "parent" not in query:
        place = CURVE  # the page showed the run below its form
    if place in rooms.ROOMS:
        return place, dict(query)
    named = {_RENAMED.get(name, name): value for name, value in query.items() if name != "click"}
    return rooms.room_of(place), {**named, "tab": place}


def pages() -> list[Page]:
    """The former pages, in no menu, each of which leads on."""
    return [
        st.Page(_leading(page), title=rooms.title(target(page, {})[0]), url_path=page, visibility="hidden")
        for page in PLACES
    ]


def _leading(page: str) -> Callable[[], None]:
    def lead() -> None:
        address.redirect(page, *target(page, st.query_params.to_dict()))

    return lead

"""Whether a page is drawn anew for something that was pressed, or has happened, on it, and not for an address.

Until the browser has heard of the last change it sends the address from before, which would be taken for a way back there.
"""

import streamlit as st

_NOTED = "redrawn"


def note() -> None:
    """Notes that the page is about to be drawn anew for something on it."""
    st.session_state[_NOTED] = True


def noted() -> bool:
    """Whether it is drawn anew for that; asked once each time."""
    return bool(st.session_state.pop(_NOTED, False))

"""What a widget has chosen may be deleted by anybody meanwhile: a sentence says so, and the page goes on."""

from collections.abc import Collection

import streamlit as st

from engine.core.errors import EngineError
from ui import errors


def still_there(available: Collection[str], *keys: str) -> bool:
    """Whether all that the widgets `keys` have chosen is there; what is not is named, and its widget begins anew.

    To be called before the widgets are made.
    """
    complete = True
    for key in keys:
        former = st.session_state.get(key)
        if former is not None and former not in available:
            del st.session_state[key]
            complete = False
            errors.show(
                EngineError("{name} has been deleted meanwhile: another stands in its place; choose.", name=former)
            )
    return complete

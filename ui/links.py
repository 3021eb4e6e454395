"""Links to a place on a page: followed once a click, also where the same one is clicked again."""

import streamlit as st

_CLICK = "click"  # tells a new click from the address that is still there


def query(**values: object) -> dict[str, str]:
    """Builds the query of a link that `requested` reads."""
    return {**{name: str(value) for name, value in values.items()}, _CLICK: str(st.session_state.get("link_clicks", 0))}


def short(content_hash: str) -> str:
    """As much of a hash as a link needs, so that a place is marked in no other text than the one that is meant."""
    return content_hash[:16]


def requested(*names: str) -> dict[str, str] | None:
    """Reads what the address names of `names`, once each time that a link was followed; from then on the widgets are a person's."""
    found = {name: st.query_params[name] for name in names if name in st.query_params}
    seen = {**found, _CLICK: st.query_params.get(_CLICK)}
    key = f"link_{'_'.join(names)}"
    if not found or seen == st.session_state.get(key):
        return None
    st.session_state[key] = seen
    st.session_state["link_clicks"] = st.session_state.get("link_clicks", 0) + 1
    return found


def whole(text: str | None) -> int:
    """A number of an address; 0 where it is none."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0

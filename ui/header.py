"""What stands at the head of every page: which run is in view against what, the language, and a link to all that is chosen."""

import streamlit as st

from ui import address, pair, rooms
from ui.i18n import LANGUAGES, _


def show(room: str) -> None:
    """Shows the header of a room."""
    with st.container(key="header", horizontal=True, vertical_alignment="center", gap="small"):
        st.title(rooms.title(room), anchor=False, width="content")
        pair.choose()
        st.segmented_control(
            "Language / Langue",
            list(LANGUAGES),
            format_func=str.upper,
            key="language",
            required=True,
            label_visibility="collapsed",
            width="content",
        )
        if st.button(_("Share"), icon=":material/link:", key="share"):
            st.dialog(_("Share what is in view"))(_share)(room)


def _share(room: str) -> None:
    st.markdown(
        _("Whoever opens this link sees what you see: the run, what it is held against, and all that is chosen here.")
    )
    st.code(address.shared(room, pair.current().reference), language=None, wrap_lines=True)
    if left_out := list(address.too_long(room)):
        st.caption(
            _(
                "What is longer than {n} characters is left out: {names}.",
                n=address.LONGEST_TEXT,
                names=", ".join(left_out),
            )
        )

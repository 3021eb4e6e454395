"""What stands at the head of every page: which run is in view against what, the language, Present and Share."""

import streamlit as st

from ui import address, pair, present, rooms, share_view
from ui.i18n import LANGUAGES, _


def show(room: str) -> None:
    """Shows the header of a room."""
    with st.container(key="header", horizontal=True, vertical_alignment="center", gap="small"):
        tab = address.tab_of(room)
        title = rooms.tab_title(tab) if tab and present.on() else rooms.title(room)
        st.title(title, anchor=False, width="content")
        pair.choose()
        if present.on() and room != rooms.LESSON and (said := pair.in_words()):  # a lesson's slides say what they show
            st.markdown(said, width="content")
        st.segmented_control(
            "Language / Langue",
            list(LANGUAGES),
            format_func=str.upper,
            key="language",
            required=True,
            label_visibility="collapsed",
            width="content",
        )
        st.button(_("Present"), icon=":material/slideshow:", key="present_start", on_click=present.start)
        if st.button(_("Share"), icon=":material/share:", key="share"):
            st.dialog(_("Share what is in view"), width="medium")(share_view.show)(room)

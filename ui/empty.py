"""What a room shows before anything was trained: what will stand there, and the two ways to it."""

import streamlit as st

from ui import rooms
from ui.i18n import _


def show(will_be: str) -> None:
    """Shows that there is no run yet.

    Args:
        will_be: what stands here as soon as there is one, in a sentence.
    """
    with st.container(border=True, key="nothing_yet"):
        st.markdown(f":material/hourglass_empty: **{_('There is no run yet.')}** {will_be}")
        with st.container(horizontal=True):
            st.page_link(
                rooms.PAGES[rooms.LAB], label=_("Fine-tune for a minute in the Lab"), icon=":material/science:"
            )
            st.page_link(
                rooms.PAGES[rooms.TRAIN], label=_("Choose articles and settings in Train"), icon=":material/tune:"
            )

"""The recorded lesson as one file, offered as a download: for a teacher who cannot install anything, or whose phones cannot join."""

import streamlit as st

from engine.classroom.lessons import Lesson
from engine.classroom.offline import page
from ui.i18n import _, language


def offer(lesson: Lesson, is_quiet: bool) -> None:
    """Shows the button, made ready when it is pressed.

    Args:
        is_quiet: whether it is one thing among others.
    """
    code = language()
    st.download_button(
        _("The recorded lesson as one file"),
        lambda: page.html(lesson, code),
        f"atelier-{lesson.name.replace('_', '-')}-{code}.html",
        "text/html",
        icon=":material/download:",
        type="tertiary" if is_quiet else "secondary",
        on_click="ignore",
        key="lesson_offline",
    )
    if not is_quiet:
        st.caption(
            _(
                "All steps with their recordings, the votes counted by hand, your notes, and the page to take home. It opens on any computer, without a network and with nothing installed."
            )
        )

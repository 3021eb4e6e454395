"""What the class sees where its own training is not possible or came to nothing: the recorded run, and why it is that one."""

import streamlit as st

from engine.runs.folder import Run
from engine.runs.states import FINISHED
from ui import errors, little_memory, present, run_view
from ui.i18n import _
from ui.lesson.course import Course
from ui.readers import folders


def came_to_nothing(run: Run | None) -> bool:
    """Whether a run of this lab was ended before there was anything of it to see."""
    if run is None or run.recorded or run.state().state in (*run_view.ACTIVE, FINISHED):
        return False
    return len(folders.history(run).at_intervals()) < 2


def say(course: Course, run: Run | None) -> None:
    """Says why the recorded run is played; nothing where a press may train another.

    Args:
        run: the class's own, which came to nothing; None where there is none.
    """
    leads = course.leads and not present.on()
    if run is not None:
        st.info(_("The training in this room came to nothing: the recorded one is shown."), icon=":material/history:")
        if leads:
            run_view.head(run, run.state(), "lesson_nothing")
    elif (reason := little_memory.why_nothing_trains()) is not None:
        st.info(_("Nothing can be trained on this machine: the recorded run is shown."), icon=":material/history:")
        if leads:
            st.caption(errors.markdown(reason))

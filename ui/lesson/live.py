"""Which run of an experiment the class sees: its own, or the recorded one where that is not possible or came to nothing, and why."""

import streamlit as st

from engine.classroom import experiments
from engine.classroom.experiments import Experiment
from engine.runs.folder import Run
from engine.runs.states import FINISHED
from ui import errors, little_memory, pair, present, run_view
from ui.i18n import _
from ui.lab import experiment
from ui.lesson.course import Course
from ui.readers import folders


def run_of(course: Course, found: Experiment) -> Run | None:
    """The run of an experiment: the one in view, else the newest that was begun in this lesson, else the one that ships."""
    shown = pair.current().run
    if shown is None or not experiments.shown_by(shown, found):
        own = experiment.run_of_training(found.own)
        if own is not None and not own.recorded and _began(own) >= course.begun:
            return own
    return experiment.run_of(found)


def measured_run_of(course: Course, found: Experiment) -> Run | None:
    """The same, where it has been measured twice: of one that has just begun there is nothing to look back at."""
    run = run_of(course, found)
    if run is not None and len(folders.history(run).at_intervals()) > 1:
        return run
    return experiments.recorded_run(found.own)


def _began(run: Run) -> float:
    created = run.config.get("created")
    return float(created) if isinstance(created, int | float) else 0.0


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

"""Time: a slider over the moments of the minute, which moves in all windows of a class, directly above the sentence that changes."""

import streamlit as st

from engine.classroom import position
from engine.classroom.experiments import EXPERIMENTS, LEARN
from engine.runs.history import snapshots
from ui import errors, i18n, present, texts, words
from ui.explore import time as moments
from ui.i18n import _
from ui.lesson import live
from ui.lesson.course import Course
from ui.readers import folders, recorded

_AT = "lesson_moment"
_FOLLOWED = "lesson_moment_followed"  # the class's moment that this session has shown last


def show(course: Course) -> None:
    """Shows the slider and what the model wrote at that moment."""
    run = live.measured_run_of(course, EXPERIMENTS[LEARN])
    found = snapshots.of_run(run, folders.history(run)) if run is not None else []
    found = [one for one in found if one.samples and "validation" in one.figures]
    if run is None or len(found) < 2:
        st.info(_("The recorded run of this experiment is not here, and none was trained yet."))
        return
    places = range(len(found))
    _follow(course, places)
    i18n.resend(_AT)
    titles = [folders.snapshot_title(one) for one in found]
    at = st.select_slider(
        _("Moment of the training"), places, format_func=titles.__getitem__, key=_AT, disabled=not course.leads,
        on_change=_moved, args=(course,),
    )  # fmt: skip
    moment = found[at]
    sentence, figure = st.columns([4, 1])
    with figure:
        st.metric(_("Accuracy"), words.percent(moment.figures["validation"]["accuracy"]), border=True)
    with sentence, st.container(gap="xsmall"):
        samples = moment.complete_samples()
        sample = samples[min(1, len(samples) - 1)]
        texts.show(sample["prompt"], sample["text"], moments.colour(moment))
    if run.recorded and present.on():
        st.markdown(f":material/history: {_('recorded')}")
    elif run.recorded:
        with st.expander(_("Where the recorded runs come from")):
            recorded.note([run])


def _follow(course: Course, places: range) -> None:
    """Puts the slider where the class's is; a choice that could not be written stays in its window until that moves."""
    state = st.session_state
    is_news = course.moment is not None and course.moment != state.get(_FOLLOWED)
    if is_news or state.get(_AT) not in places:
        state[_AT] = course.moment if course.moment in places else 0
    state[_FOLLOWED] = course.moment


def _moved(course: Course) -> None:
    """Moves the sliders of all windows of the class, once whoever leads it lets go."""
    if course.of is not None and course.leads:
        with errors.shown():
            position.put_moment(course.of, st.session_state[_AT])

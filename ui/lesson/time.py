"""Time: a slider over the moments of the minute, directly above the sentence that changes, with its accuracy beside it."""

import streamlit as st

from engine.classroom.experiments import EXPERIMENTS, LEARN
from engine.runs.history import snapshots
from ui import present, texts, words
from ui.explore import time as moments
from ui.i18n import _
from ui.lesson import live
from ui.lesson.course import Course
from ui.readers import folders, recorded

_AT = "lesson_moment"


def show(course: Course) -> None:
    """Shows the slider and what the model wrote at that moment."""
    run = live.measured_run_of(course, EXPERIMENTS[LEARN])
    found = snapshots.of_run(run, folders.history(run)) if run is not None else []
    found = [one for one in found if one.samples and "validation" in one.figures]
    if run is None or len(found) < 2:
        st.info(_("The recorded run of this experiment is not here, and none was trained yet."))
        return
    places = range(len(found))
    if st.session_state.get(_AT) not in places:
        st.session_state[_AT] = 0
    titles = [folders.snapshot_title(one) for one in found]
    at = st.select_slider(_("Moment of the training"), places, format_func=titles.__getitem__, key=_AT)
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

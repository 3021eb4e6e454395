"""What the minute cost: the gain on articles beside the loss on everyday English, and what a good figure is."""

import streamlit as st

from engine.classroom import experiments
from engine.classroom.experiments import EXPERIMENTS, LEARN
from ui import present, words
from ui.i18n import _
from ui.lesson import live
from ui.lesson.course import Course
from ui.readers import folders, recorded


def show(course: Course) -> None:
    """Shows both, of the class's own run or the recorded one."""
    run = live.measured_run_of(course, EXPERIMENTS[LEARN])
    found = experiments.outcome(EXPERIMENTS[LEARN], folders.history(run)) if run is not None else None
    if run is None or found is None or found.english is None:
        st.info(_("The recorded run of this experiment is not here, and none was trained yet."))
        return
    st.subheader(_("What the articles brought, and what they cost"), anchor=False)
    pairs = [
        (_("Accuracy on unseen articles"), found.base.accuracy, found.science[1].accuracy),
        (_("Accuracy on everyday English"), found.english[0].accuracy, found.english[1].accuracy),
    ]
    for column, (label, before, after) in zip(st.columns(2), pairs, strict=True):
        with column:
            st.metric(
                label,
                words.percent(after),
                border=True,
                **words.delta(100 * (after - before), sentence=_("{n} points")),
            )
            st.markdown(_("Before the articles: {share}", share=words.percent(before)))
    if run.recorded and present.on():
        st.markdown(f":material/history: {_('recorded')}")
    elif run.recorded:
        with st.expander(_("Where the recorded runs come from")):
            recorded.note([run])

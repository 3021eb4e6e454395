"""The page to take home, at the end of the lesson: released to the phones, or printed by the teacher."""

import streamlit as st

from engine.classroom import opening, own_answers, release, reports, take_home_page
from engine.classroom.class_figures import NOTHING_GUESSED
from engine.classroom.classes import SchoolClass
from engine.classroom.experiments import EXPERIMENTS, LEARN
from ui import errors, present
from ui.explore import copied_index
from ui.i18n import _, language
from ui.lab import experiment
from ui.lesson import course as courses
from ui.lesson.course import Course
from ui.phone import gathered


def show(course: Course) -> None:
    """Shows where the page is to be had, and to whoever leads what to press."""
    st.subheader(_("The page to take home"), anchor=False)
    st.markdown(
        _(
            "The curve with what the class expected of it, two texts, what was copied and what was forgotten, the questions with the right answers: two pages that open without a network."
        )
    )
    if course.of is None:
        if courses.may_teach(course):
            _without_class(course)
        return
    if release.is_released(course.of):
        st.markdown(f"**{_('It is on each phone of the class: press “Take this page home”.')}**")
    if course.leads:
        _for_teacher(course.of)


def _for_teacher(of: SchoolClass) -> None:
    is_released = release.is_released(of)
    st.button(
        _("Let no more phones take it") if is_released else _("Let the phones take their page home"),
        key="lesson_release",
        type="secondary" if is_released else "primary",
        on_click=_set,
        args=(of, not is_released),
    )
    if present.on():
        return
    if not is_released:
        st.caption(
            _(
                "At the end of the lesson: the page tells each phone the right answers beside its own. What is open is closed."
            )
        )
    own = f"{courses.own_address()}/{opening.ADDRESS}/teacher/{st.session_state.get(courses.KEY)}"
    with st.container(horizontal=True):
        for name, text in (
            ("report", _("Report of the class, to print")),
            ("page", _("The page without answers, to print")),
        ):
            st.link_button(text, f"{own}/{name}?l={language()}", icon=":material/print:")


def _set(of: SchoolClass, allowed: bool) -> None:
    with errors.shown():
        (release.release if allowed else release.take_back)(of)
        if allowed:
            gathered.of_class(of)  # before the phones ask


def _without_class(course: Course) -> None:
    """Offers the page of a class without phones: nobody knows whose answers the cards were."""
    code = language()
    kept = st.session_state.get("lesson_page", ("", ""))
    if kept[0] != code and st.button(
        _("Make the page to print"), icon=":material/article:", key="lesson_page_make", type="primary"
    ):
        with errors.shown(), st.spinner(_("Making the report…")):
            kept = st.session_state["lesson_page"] = (code, _made(course, code))
    if kept[0] == code:
        st.download_button(
            _("Download the page without answers"),
            kept[1],
            "atelier-lesson.html",
            "text/html",
            icon=":material/download:",
            type="primary",
            on_click="ignore",
            key="lesson_page_download",
        )


def _made(course: Course, code: str) -> str:
    run = experiment.measured_run_of(EXPERIMENTS[LEARN])
    found = reports.of_run(run, copied_index.prepare_for(run), copied_index.at_once) if run is not None else None
    names = course.lesson.names()
    answers = own_answers.without_answers([course.question(name) for name in names], code)
    return take_home_page.of_pupil(found, answers, NOTHING_GUESSED, code)

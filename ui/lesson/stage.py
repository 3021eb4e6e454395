"""A slide of the lesson as it stands on the wall, what moves it, and the teacher's notes beside it."""

import html
from pathlib import Path

import streamlit as st

from engine.classroom import lessons, slides, votes
from engine.classroom.shapes import QUESTION
from engine.core.errors import ClassError
from ui import present, words
from ui.i18n import _
from ui.lesson import ballot, cost, curve, guess, home, join, measured_secret, secret, teacher, time, vote
from ui.lesson import course as courses
from ui.lesson.course import FORM, LONG, SHORT, STEP, TEACHER, VIEW, WALL, Course
from ui.readers import polling

_LOOK = Path(__file__).with_name("lesson.css")
FOLLOW_SECONDS = 1.5


def controls(course: Course) -> None:
    """Shows what moves the lesson: the steps, the form, the view, and the slides of a step."""
    st.html(_LOOK)
    _follow(course)
    if present.on():
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        steps = {step.kind: step for step in course.steps}
        st.pills(
            _("Step"),
            list(steps),
            format_func=lambda kind: f"{steps[kind].number} · {steps[kind].title}",
            key=STEP,
            required=True,
            on_change=courses.step_chosen,
            disabled=not course.leads,
            label_visibility="collapsed",
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _turn(course, _("Previous"), "chevron_left", "PageUp", -1)
        st.markdown(f"{course.at + 1} / {len(course.slides)}", width="content")
        _turn(course, _("Next"), "chevron_right", "PageDown", 1)
        names = {
            form: _("{n} minutes", n=words.shortest(course.lesson.minutes(form == SHORT) + lessons.SLACK_MINUTES))
            for form in (LONG, SHORT)
        }
        st.segmented_control(
            _("Form"), list(names), format_func=names.__getitem__, key=FORM, required=True, on_change=courses.moved,
            disabled=not course.leads, label_visibility="collapsed", width="content",
        )  # fmt: skip
        if courses.may_teach(course):
            views = {WALL: _("Wall"), TEACHER: _("Teacher's notes")}
            st.segmented_control(
                _("View"), list(views), format_func=views.__getitem__, key=VIEW, required=True,
                label_visibility="collapsed", width="content",
            )  # fmt: skip
    if not course.leads:
        st.caption(_("This screen follows the teacher's."))
    elif st.session_state.get(VIEW) == TEACHER and not courses.may_teach(course):
        st.info(_("A class is open: its teacher's own link shows the notes."))


def _turn(course: Course, label: str, icon: str, key: str, by: int) -> None:
    wanted = course.at + by
    there = 0 <= wanted < len(course.slides)
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"lesson_{key.lower()}",
        shortcut=key,
        disabled=not there or not course.leads,
        on_click=courses.go_to if there else None,
        args=(course.slides[wanted], course.slides) if there else None,
    )


def _follow(course: Course) -> None:
    """Draws the page anew when the teacher has turned it elsewhere, or when the class has answered."""
    of = course.of
    if of is None:
        return

    def look() -> None:
        try:
            now = votes.progress(of)
        except ClassError:  # it was erased
            st.rerun()
        if now != course.seen:  # which counts where it stands too
            st.rerun()

    polling.fragment(look, FOLLOW_SECONDS)()


def show(course: Course) -> None:
    """Shows the slide in view."""
    slide = course.slide
    if slide.shows == slides.SHOWS_TEXT:
        _text(course)
    elif slide.shows == slides.VOTE:
        _vote(course)
    elif slide.shows == slides.SHOWS_CHOICE:
        guess.choice(course)
    elif slide.shows == slides.TEN:
        guess.ten(course)
    elif slide.shows == slides.MEASURED:
        measured_secret.show(course)
    elif slide.shows == slides.GAIN:
        cost.show(course)
    elif slide.shows == slides.CHANGED:
        vote.changed(course)
    elif slide.shows == slides.BLIND:
        vote.blind(course)
    elif slide.shows == slides.HOME:
        home.show(course)
    elif slide.kind == "curve":
        curve.play(course)
    else:
        secret.play(course)


def _text(course: Course) -> None:
    step = course.slide.step
    st.subheader(f"{step.number} · {words.plain(step.title)}", anchor=False)
    if step.kind == "join":
        door, text = st.columns([3, 2], gap="medium")
        with door:  # first, on a phone too: it is what everybody looks for
            join.show(course)
        text.markdown(course.markdown(step.wall))
    else:
        with st.container(key="lesson_text"):
            st.markdown(course.markdown(step.wall))
    if step.kind == "time":
        time.show(course)
    if step.gloss:
        with st.expander(_("Words"), key="lesson_gloss"):
            lines = "".join(
                f'<dt lang="en"><b>{html.escape(term)}</b></dt><dd>{html.escape(meaning)}</dd>'
                for term, meaning in step.gloss
            )
            st.html(f"<dl>{lines}</dl>")


def _vote(course: Course) -> None:
    name = course.slide.question
    if name == guess.SAMPLES:  # texts beside their question: both are in view on a wall
        texts, asked = st.columns(2, gap="medium")
        with texts:
            guess.samples(course)
        with asked:
            ballot.show(course, name)
        return
    shapes = curve.pictures() if name == QUESTION else ()
    ballot.show(course, name, course.slide.moment, shapes)


def notes(course: Course) -> None:
    """Shows the teacher's notes of the slide in view."""
    with st.container(border=True):
        teacher.show(course)

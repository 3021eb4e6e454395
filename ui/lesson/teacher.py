"""The teacher's notes beside a slide: the clock, what to say, the expected answer, the sentences that phones have sent."""

import time

import streamlit as st

from engine.classroom import lessons, votes
from engine.classroom.questions import AFTER, BEFORE, TEXT
from ui import words
from ui.i18n import _, language
from ui.lesson.course import Course
from ui.phone import sentences
from ui.readers import polling

CLOCK_SECONDS = 5.0
HELD_SECONDS = 2.0


def show(course: Course) -> None:
    """Shows the notes of the slide in view."""
    polling.fragment(lambda: _clock(course), CLOCK_SECONDS)()
    _expected(course)
    st.markdown(course.markdown(course.slide.step.teacher))
    if (
        course.of is not None and course.slide.kind == "secret"
    ):  # no sentence of a phone is written, so nothing else tells of it
        polling.fragment(lambda: _held(course), HELD_SECONDS)()
    if course.at + 1 < len(course.slides):
        after = course.slides[course.at + 1]
        title = after.step.title
        if after.question:
            title = course.question(after.question).wording(0, language()).ask
        st.caption(_("Next: {title}", title=words.plain(title)))


def _clock(course: Course) -> None:
    now = time.time()
    step = course.slide.step
    planned = step.short if course.is_short else step.minutes
    minutes = course.lesson.minutes(course.is_short)
    st.markdown(
        _(
            "This step: **{passed}** of {planned} min · the lesson: **{all_passed}** of {all_planned} min, and {slack} min of slack",
            passed=_minutes(now - course.entered),
            planned=words.shortest(planned),
            all_passed=_minutes(now - course.begun),
            all_planned=words.shortest(minutes),
            slack=lessons.SLACK_MINUTES,
        )
    )


def _minutes(seconds: float) -> str:
    """12:05; a clock that was set back shows no less than nothing."""
    seconds = max(0.0, seconds)
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _expected(course: Course) -> None:
    slide = course.slide
    if not slide.question:
        return
    question = course.question(slide.question)
    if question.kind == TEXT or question.right is None:
        return
    wording = question.wording(question.form(slide.moment, 0), language())
    st.markdown(
        _(
            "Right: **{letter}**. {choice}",
            letter=votes.letter(question.right),
            choice=words.plain(wording.choices[question.right]),
        )
    )
    if wording.why:
        st.markdown(words.plain(wording.why))
    if slide.moment == BEFORE:
        st.caption(_("Do not tell it yet: the same idea comes back after the lesson."))
    elif slide.moment == AFTER and course.of is not None:
        st.caption(_("Half of the phones see the other form: the same choices in the same order, in other words."))


def _held(course: Course) -> None:
    found = sentences.held(course.of.code) if course.of is not None else []
    if found:
        st.markdown(f"**{_('Sentences from phones, for you alone')}**")
        for text in found:
            st.text(text)

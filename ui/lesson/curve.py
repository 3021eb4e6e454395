"""The curve of a minute: four shapes to choose from, and the class's guesses under the curve as it grows."""

import base64

import streamlit as st

from engine.classroom import experiments, release, shapes
from engine.classroom.experiments import EXPERIMENTS, LEARN
from engine.classroom.shapes import QUESTION, SHAPES
from engine.evaluation import forgetting
from ui import present, words
from ui.i18n import _
from ui.lab import experiment
from ui.lab.play import Guess
from ui.lesson import ballot
from ui.lesson.course import Course
from ui.readers import folders


def pictures() -> tuple[str, ...]:
    """The shapes as pictures, data URIs."""
    return tuple(map(_picture, SHAPES))


def _picture(heights: tuple[float, ...]) -> str:
    points = " ".join(f"{6 + 88 * n / (len(heights) - 1):.1f},{40 - 34 * h:.1f}" for n, h in enumerate(heights))
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 46">'
        '<path d="M6 4V40H96" fill="none" stroke="#7F868D" stroke-width="2"/>'
        f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="4" stroke-linejoin="round"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def guesses(course: Course) -> list[Guess]:
    """The shapes that the class has chosen, where they may be shown, as curves between the base and what the recorded run reached."""
    votes = ballot.of(course, QUESTION)
    if not votes.is_revealed or votes.question.count != len(SHAPES):
        return []
    run = experiments.recorded_run(EXPERIMENTS[LEARN].own)
    meter = forgetting.of_history(folders.history(run)) if run is not None else None
    if meter is None:
        return []
    first, last = meter.science[0], meter.science[-1]
    found = []
    for place, (heights, count) in enumerate(zip(SHAPES, votes.counts, strict=True)):
        if count:
            points = shapes.between(heights, (0, first.accuracy), (last.step, last.accuracy))
            letter = chr(ord("A") + place)
            found.append(Guess(f"{letter}: {words.grouped(count)}", points, count / votes.total))
    return found


def play(course: Course) -> None:
    """Plays the minute, live after a press or recorded, over the guesses."""
    found = EXPERIMENTS[LEARN]
    under = guesses(course)
    if course.leads and experiment.start_button(found, says=not present.on()):
        experiment.train(found.own, "lab")
    run = experiment.run_of(found)
    if run is None:
        st.info(_("The recorded run of this experiment is not here, and none was trained yet."))
        return
    if course.leads and course.of is not None:
        release.note_run(course.of, run)
    experiment.watch(found, run, experiment.SKIPPED, under)

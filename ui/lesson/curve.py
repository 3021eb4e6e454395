"""The curve of a minute: four shapes to choose from, and the class's guesses under the curve as it grows."""

import streamlit as st

from engine.classroom import experiments
from engine.classroom.experiments import EXPERIMENTS, LEARN
from engine.classroom.shapes import QUESTION, SHAPES, picture
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
    return tuple(map(picture, SHAPES))


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
            points = [
                (last.step * n / (len(heights) - 1), first.accuracy + (last.accuracy - first.accuracy) * height)
                for n, height in enumerate(heights)
            ]
            letter = chr(ord("A") + place)
            found.append(Guess(f"{letter}: {words.grouped(count)}", tuple(points), count / votes.total))
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
    experiment.watch(found, run, experiment.SKIPPED, under)

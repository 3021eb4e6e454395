"""The curve of a minute: four shapes to choose from, and the class's guesses, chosen and drawn, under the curve as it grows."""

from collections import Counter

import streamlit as st

from engine.classroom import drawn as drawn_curves
from engine.classroom import experiments, figures, release, shapes, votes
from engine.classroom.drawn import Grid
from engine.classroom.experiments import EXPERIMENTS, LEARN
from engine.classroom.shapes import QUESTION, SHAPES, picture
from engine.evaluation import forgetting
from engine.evaluation.forgetting import Forgetting
from engine.runs.folder import Run
from ui import errors, present, redrawn, run_view, words
from ui.i18n import _, _n
from ui.lab import experiment
from ui.lab.play import CLOSEST, DRAWN, Guess, Level, Overlay
from ui.lesson import ballot, live
from ui.lesson.ballot import Ballot
from ui.lesson.course import Course
from ui.readers import folders


def pictures() -> tuple[str, ...]:
    """The shapes as pictures, data URIs."""
    return tuple(map(picture, SHAPES))


def play(course: Course) -> None:
    """Plays the minute, live after a press or recorded, over the guesses."""
    found = EXPERIMENTS[LEARN]
    guessed = ballot.of(course, QUESTION)
    if course.leads and course.of is not None and guessed.state == votes.OPEN:  # first the guesses, then the press
        label = _("Close the vote and show the guesses")
        st.button(label, type="primary", key="lesson_lay_guesses", on_click=_close, args=(course, guessed))
    elif course.leads and experiment.start_button(found, says=not present.on()):
        experiment.train(found.own, "lab")
    if course.of is not None and guessed.state == votes.OPEN:  # no curve, recorded or live, before all have guessed
        st.info(_("The curve comes once all have guessed."))
        return
    run = live.run_of(course, found)
    if run is None or run.recorded or live.came_to_nothing(run):
        live.say(course, run if run is not None and not run.recorded else None)
        run = experiments.recorded_run(found.own)
    if run is None:
        st.info(_("The recorded run of this experiment is not here, and none was trained yet."))
        return
    if course.leads and course.of is not None:
        release.note_run(course.of, run)
    experiment.watch(found, run, experiment.SKIPPED, lambda: overlay(guessed, run))


def _close(course: Course, guessed: Ballot) -> None:
    redrawn.note()
    if course.of is not None and guessed.number is not None:
        with errors.shown():
            votes.set_state(course.of, guessed.number, votes.CLOSED)


def overlay(guessed: Ballot, run: Run) -> Overlay:
    """What lies under the curve of a run: the line of the bigram; and once no phone answers any more what the class has guessed."""
    bigram = figures.measured("bigram_accuracy")
    levels = [Level(_("bigram"), bigram)] if bigram is not None else []
    recorded = _meter(experiments.recorded_run(EXPERIMENTS[LEARN].own))
    is_over = guessed.number is None or guessed.state != votes.OPEN
    if recorded is None or not guessed.total or not is_over:
        return Overlay(levels=levels)
    steps = run.state().steps or recorded.science[-1].step
    grid = guessed.question.grid
    chosen = _shapes(guessed, recorded, steps)
    if grid is None or not guessed.curves:
        return Overlay(chosen, levels)
    closest = _closest(grid, guessed, run)
    start = recorded.science[0].accuracy
    lines = []
    for rows, count in Counter(guessed.curves).items():
        points = ((0.0, start), *((share * steps, height) for share, height in grid.points(rows)))
        kind = CLOSEST if closest is not None and rows in closest.rows else DRAWN
        lines.append(Guess("", points, count / guessed.total, kind))
    return Overlay([*lines, *chosen], levels, "" if closest is None else _said(closest))


def _shapes(guessed: Ballot, recorded: Forgetting, steps: int) -> list[Guess]:
    """The shapes that were chosen, as curves between the base and what the recorded run reached."""
    if guessed.question.count != len(SHAPES):
        return []
    first, last = recorded.science[0].accuracy, recorded.science[-1].accuracy
    found = []
    for place, (heights, count) in enumerate(zip(SHAPES, guessed.counts, strict=True)):
        if count:
            points = shapes.between(heights, (0, first), (steps, last))
            label = words.labelled(votes.letter(place), words.grouped(count))
            found.append(Guess(label, points, count / guessed.total))
    return found


def _closest(grid: Grid, guessed: Ballot, run: Run) -> drawn_curves.Closest | None:
    """The curves nearest to a run that has ended."""
    meter = _meter(run) if run.state().state not in run_view.ACTIVE else None
    if meter is None or not meter.science[-1].step:
        return None
    end = meter.science[-1].step
    return drawn_curves.closest(grid, guessed.curves, [(point.step / end, point.accuracy) for point in meter.science])


def _said(closest: drawn_curves.Closest) -> str:
    """Of nobody by name: how near the class came."""
    return _n(
        "{n} guess is closest: it is off by {points} points on average.",
        "{n} guesses are closest: they are off by {points} points on average.",
        closest.count,
        points=words.decimal(100 * closest.off, 1),
    )


def _meter(run: Run | None) -> Forgetting | None:
    return forgetting.of_history(folders.history(run)) if run is not None else None

"""The slides of a lesson: each of its steps is a few of them, shown one at a time."""

from dataclasses import dataclass

from engine.classroom import next_word
from engine.classroom.lesson_files import Step
from engine.classroom.lessons import Lesson
from engine.classroom.tallies import BLIND_QUESTIONS

# What a slide shows; a step has those that its kind and its questions call for, in this order.
SHOWS_TEXT, VOTE, SHOWS_CHOICE, TEN, PLAY, MEASURED, GAIN, CHANGED, BLIND, HOME = (
    "text", "vote", "choice", "ten", "play", "measured", "gain", "changed", "blind", "home",
)  # fmt: skip
_AT_END = {
    "curve": (PLAY,),
    "secret": (PLAY, MEASURED),
    "cost": (GAIN,),
    "vote": (HOME,),
}  # what a kind of step ends with


@dataclass(frozen=True)
class Slide:
    """A slide.

    Attributes:
        shows: one of the names above. question: of a vote, "" elsewhere. moment: when that is asked, before or after or once.
    """

    step: Step
    shows: str
    question: str = ""
    moment: str = ""

    @property
    def kind(self) -> str:
        """What kind of step it belongs to, as an address has it."""
        return self.step.kind

    @property
    def key(self) -> str:
        """Its own name among the slides of the lesson."""
        return f"{self.step.number} {self.shows} {self.question} {self.moment}"


def of_lesson(lesson: Lesson, language: str, short: bool) -> list[Slide]:
    """Lists the slides of a lesson in order. The short form has the steps that are marked so, and asks nothing before and after."""
    found = []
    for step in lesson.steps[language]:
        if step.short or not short:
            found += _of_step(step, lesson, short)
    return found


def _of_step(step: Step, lesson: Lesson, short: bool) -> list[Slide]:
    found = [Slide(step, SHOWS_TEXT)]
    if step.asks and not short:
        found += [Slide(step, VOTE, name, step.asks) for name in lesson.parallel()]
        found += [Slide(step, CHANGED)] * (step.asks == "after")
    names = list(dict.fromkeys(one.name for one in step.questions if not one.form))
    for name in names:
        found.append(Slide(step, VOTE, name))
        if name == next_word.QUESTION:
            found += [Slide(step, SHOWS_CHOICE), Slide(step, TEN)]
    if any(name.startswith(BLIND_QUESTIONS) for name in names):
        found.append(Slide(step, BLIND))
    return found + [Slide(step, shows) for shows in _AT_END.get(step.kind, ())]

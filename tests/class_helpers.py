"""A class that has been through the lesson: phones that have answered all of its questions, for tests."""

from engine.classroom import classes, figures, lessons, votes
from engine.classroom.classes import SchoolClass
from engine.classroom.questions import TEXT


def token(pupil: int) -> str:
    """What a phone is known by, as long as the routes' own."""
    return f"phone-{pupil:016d}"


def choice_of(pupil: int, question: int, count: int) -> int:
    """What a phone chooses: another pattern of each phone."""
    return (pupil // 5 ** (question % 3) + question) % count


def taught(pupils: int, language: str = "en") -> SchoolClass:
    """A class that was asked everything, in which each phone has answered by `choice_of`."""
    of = classes.find(classes.open_class(lessons.FINE_TUNING, language).code)
    lesson = lessons.load()
    for pupil in range(pupils):
        votes.join(of, token(pupil))
    single = [name for name in lesson.names() if name not in lesson.parallel()]
    for names in (["before"], *([name] for name in single), ["after"]):
        votes.close_all(of)
        for question, moment in lessons.asked(lesson, names, figures.recorded):
            number = votes.ask(of, question, moment)
            if question.kind != TEXT:
                for pupil in range(pupils):
                    votes.answer(of, token(pupil), number, choice_of(pupil, number, question.count))
    return of

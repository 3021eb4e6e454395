"""A class that has been through the lesson: phones that have answered all of its questions, for tests."""

from engine.classroom import classes, figures, lessons, votes
from engine.classroom.classes import SchoolClass
from engine.classroom.drawn import Grid
from engine.classroom.questions import TEXT


def token(pupil: int) -> str:
    """What a phone is known by, as long as the routes' own."""
    return f"phone-{pupil:016d}"


def choice_of(pupil: int, question: int, count: int) -> int:
    """What a phone chooses: another pattern of each phone."""
    return (pupil // 5 ** (question % 3) + question) % count


def curve_of(pupil: int, grid: Grid) -> tuple[int, ...]:
    """What a phone of an odd number draws, where one draws: all begin alike."""
    return tuple(min(n, pupil % len(grid.heights)) for n in range(len(grid.moments)))


def taught(pupils: int, language: str = "en") -> SchoolClass:
    """A class that was asked everything, in which each phone has answered by `choice_of`, or drawn by `curve_of`."""
    of = classes.find(classes.open_class(lessons.FINE_TUNING, language).code)
    lesson = lessons.load()
    for pupil in range(pupils):
        votes.join(of, token(pupil))
    single = [name for name in lesson.names() if name not in lesson.parallel()]
    for names in (["before"], *([name] for name in single), ["after"]):
        votes.close_all(of)
        for question, moment in lessons.asked(lesson, names, figures.recorded):
            number = votes.ask(of, question, moment)
            for pupil in range(pupils if question.kind != TEXT else 0):
                draws = question.grid is not None and pupil % 2
                choice = curve_of(pupil, question.grid) if draws else choice_of(pupil, number, question.count)
                votes.answer(of, token(pupil), number, choice)
    return of

"""The answers of one phone beside the right ones, as a pupil takes them home: told once the teacher has released the page."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.classroom.classes import SchoolClass, facts_of
from engine.classroom.questions import AFTER, BEFORE, TEXT, Question, Wording
from engine.classroom.votes import OPEN, RELEASED, Asked, asked_in, half_of, pupil_of, questions
from engine.core.errors import ClassError

FIRST, AGAIN = "first", "again"  # of a question that was voted on twice, beside BEFORE, AFTER and ONCE


@dataclass(frozen=True)
class Chosen:
    """What a phone chose, or drew.

    Attributes:
        when: BEFORE, AFTER, FIRST, AGAIN or ONCE. number, text: of the choice; None and "" where it chose none.
        curve: shares of the time and accuracies, 0..1; empty where it drew none.
    """

    when: str
    number: int | None
    text: str = ""
    curve: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Answered:
    """A question of a class, as one phone has answered it.

    Attributes:
        chosen: in the order in which it was asked; empty on a page without answers.
        right: the number of the right choice and its text; None where there is none, or where it could still be answered.
        why: its reason. is_open: whether it could still be answered.
    """

    name: str
    ask: str
    chosen: tuple[Chosen, ...]
    right: tuple[int, str] | None
    why: str
    is_open: bool = False


def of_phone(of: SchoolClass, token: str, language: str) -> list[Answered] | None:
    """What a phone has answered, in the order in which it was asked; None where it is not in the class.

    Raises:
        ClassError: the teacher has not released the page.
    """
    pupil = pupil_of(of.code, token)

    def look(connection: sqlite3.Connection) -> list[Answered] | None:
        half = half_of(connection, pupil)
        if half is None:
            return None
        if facts_of(connection).get(RELEASED) != "1":
            raise ClassError("Your teacher has not let the page be taken home yet.")
        rows = connection.execute("SELECT question, form, choice FROM answers WHERE pupil = ?", (pupil,))
        own = {question: (form, choice) for question, form, choice in rows}
        return [_answered(several, half, own, language) for several in grouped(asked_in(connection))]

    return of.read(look)


def of_nobody(of: SchoolClass, language: str) -> list[Answered]:
    """What a class was asked, with the right answers and nobody's own."""
    return without_answers([several[-1].question for several in grouped(questions(of))], language)


def without_answers(several: Iterable[Question], language: str) -> list[Answered]:
    """The right answers of questions alone, for a class whose answers nobody can tell apart: its page has room to write."""
    return [
        Answered(one.name, wording.ask, (), _right(one, wording), wording.why)
        for one in several
        if one.kind != TEXT
        for wording in [one.wording(0, language)]
    ]


def grouped(asked: Sequence[Asked]) -> list[list[Asked]]:
    """What was asked, with each question that was asked before and after, or several times, together: in the order of the first."""
    found: dict[tuple[str, str], list[Asked]] = {}
    for one in asked:
        if one.question.kind != TEXT:
            # A teacher's own questions have one name, and are different ones.
            parallel = one.moment in (BEFORE, AFTER)
            found.setdefault((one.question.name, "" if parallel else one.question.to_json()), []).append(one)
    return list(found.values())


def rounds(several: Sequence[Asked]) -> list[tuple[str, Asked]]:
    """When a question was asked, each with its newest round: before and after the lesson, or the first time and the last."""
    moments = {one.moment: one for one in several}
    if BEFORE in moments or AFTER in moments:
        return [(moment, moments[moment]) for moment in (BEFORE, AFTER) if moment in moments]
    if len(several) > 1:
        return [(FIRST, several[0]), (AGAIN, several[-1])]
    return [("", several[0])]


def _answered(several: Sequence[Asked], half: int, own: dict[int, tuple[int, int]], language: str) -> Answered:
    is_open = any(one.state == OPEN for one in several)
    asked = rounds(several)
    last = asked[-1][1]
    wording = last.question.wording(last.question.form(last.moment, half), language)
    return Answered(
        last.question.name,
        wording.ask,
        tuple(_chosen(when, one, own.get(one.number), language) for when, one in asked),
        None if is_open else _right(last.question, wording),
        "" if is_open else wording.why,
        is_open,
    )


def _chosen(when: str, asked: Asked, own: tuple[int, int] | None, language: str) -> Chosen:
    """An answer in the words of the form in which it was given."""
    question = asked.question
    if own is not None and question.grid is not None and (rows := question.grid.rows(own[1])) is not None:
        return Chosen(when, None, curve=question.grid.points(rows))
    if own is None or not _is_number(own[0], len(question.forms)) or not _is_number(own[1], question.count):
        return Chosen(when, None)
    form, choice = own
    return Chosen(when, choice, question.wording(form, language).choices[choice])


def _is_number(value: object, below: int) -> bool:
    """Whether a value is a place below a number: a file edited by hand may hold another."""
    return isinstance(value, int) and 0 <= value < below


def _right(question: Question, wording: Wording) -> tuple[int, str] | None:
    return None if question.right is None else (question.right, wording.choices[question.right])

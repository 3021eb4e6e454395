"""A class's questions and answers: what a teacher opens, closes and reveals, and what a phone answers and sees.

No answer bears a time, an address or a name: a pupil is a hash of the random text that her phone keeps. What `answer` has
returned for is on the disk. What a phone sees (`phone`) holds the right answer and the class's only where they are revealed.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.classroom.classes import WRITES, SchoolClass, facts_of
from engine.classroom.drawn import Grid
from engine.classroom.questions import BEFORE, ONCE, TEXT, Question
from engine.core.errors import ClassError

OPEN, CLOSED, REVEALED = "open", "closed", "revealed"
MOST_PUPILS = 400
MOST_QUESTIONS = 200
MOST_CARDS = 10_000  # of one colour
RELEASED = "released"  # the fact that says whether phones may take their page home; a class of before has none
_COLUMNS = "number, name, moment, round, content, state"


@dataclass(frozen=True)
class Asked:
    """A question that was asked. number: its own in this class. round: 1, or 2 after talking with a neighbour."""

    number: int
    question: Question
    moment: str
    round: int
    state: str


@dataclass(frozen=True)
class Shown:
    """A question as a phone may see it.

    Attributes:
        own: what it has answered, None where it has not: a choice, or the number of a curve. grid: what a curve is drawn on.
        right, why, counts, drawn: once it is revealed; drawn: how many curves go through each row, a tuple a moment.
    """

    number: int
    kind: str
    state: str
    ask: str
    choices: tuple[str, ...]
    own: int | None
    right: int | None = None
    why: str = ""
    counts: tuple[int, ...] = ()
    grid: Grid | None = None
    drawn: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Phone:
    """What a phone sees: the open questions in their order, and the last one that was revealed, if it is the newest of all.

    Attributes:
        changes: grows with each thing that a teacher does. closed: the newest question, where it takes no more answers.
        released: whether it may take its page home.
    """

    changes: int
    open: tuple[Shown, ...]
    closed: Shown | None = None
    released: bool = False


def pupil_of(code: str, token: str) -> bytes:
    """What stands for a phone in its class: nobody can tell the phone's own text from it."""
    return hashlib.sha256(f"{code}:{token}".encode()).digest()[:16]


# What a teacher does.


def ask(of: SchoolClass, question: Question, moment: str = ONCE) -> int:
    """Opens a question, and returns its number; the same one asked again is its next round."""

    def asked(connection: sqlite3.Connection) -> int:
        (count,) = connection.execute("SELECT count(*) FROM questions").fetchone()
        if count >= MOST_QUESTIONS:
            raise ClassError("This class has been asked {n} questions: open a new one.", n=count)
        (former,) = connection.execute(
            "SELECT count(*) FROM questions WHERE name = ? AND moment = ?", (question.name, moment)
        ).fetchone()
        values = (question.name, moment, former + 1, question.to_json(), OPEN)
        cursor = connection.execute(
            "INSERT INTO questions (name, moment, round, content, state) VALUES (?, ?, ?, ?, ?)", values
        )
        _take_release_back(connection)
        count_change(connection)
        return int(cursor.lastrowid or 0)

    return of.write(asked)


def set_state(of: SchoolClass, number: int, state: str) -> None:
    """Opens a question again, closes it, or reveals it.

    Raises:
        ClassError: there is no such question, or it is asked before the lesson and comes back after it.
    """

    def change(connection: sqlite3.Connection) -> None:
        if _asked(connection, of, number).moment == BEFORE and state == REVEALED:
            raise ClassError("Do not tell it yet: the same idea comes back after the lesson.")
        connection.execute("UPDATE questions SET state = ? WHERE number = ?", (state, number))
        if state == OPEN:
            _take_release_back(connection)
        count_change(connection)

    of.write(change)


def _take_release_back(connection: sqlite3.Connection) -> None:
    """Phones no longer take home a page that tells right answers: a question is asked, and may be closed before it is revealed."""
    connection.execute("UPDATE facts SET value = '0' WHERE name = ?", (RELEASED,))


def close_all(of: SchoolClass) -> list[int]:
    """Closes all open questions, and returns their numbers."""

    def change(connection: sqlite3.Connection) -> list[int]:
        numbers = close_open(connection)
        if numbers:
            count_change(connection)
        return numbers

    return of.write(change)


def close_open(connection: sqlite3.Connection) -> list[int]:
    """Closes all open questions within a change, and returns their numbers."""
    numbers = [row[0] for row in connection.execute("SELECT number FROM questions WHERE state = ?", (OPEN,))]
    connection.execute("UPDATE questions SET state = ? WHERE state = ?", (CLOSED, OPEN))
    return numbers


def set_joining(of: SchoolClass, allowed: bool) -> None:
    """Lets phones join, or no more of them: who is there stays."""
    of.write(lambda c: c.execute("UPDATE facts SET value = ? WHERE name = 'joining'", (str(int(allowed)),)))


def count_paper(of: SchoolClass, number: int, counts: dict[int, int]) -> None:
    """Notes how many cards or hands were up for each choice; what was noted for these choices before is replaced.

    Raises:
        ClassError: there is no such choice, or the number can be none.
    """

    def change(connection: sqlite3.Connection) -> None:
        asked = _asked(connection, of, number)
        for choice, count in counts.items():
            if not 0 <= choice < asked.question.count or not 0 <= count <= MOST_CARDS:
                raise ClassError(
                    "Cards are counted for the choices A to {last}, from 0 on.", last=letter(asked.question.count - 1)
                )
            connection.execute("INSERT OR REPLACE INTO paper VALUES (?, ?, ?)", (number, choice, count))

    of.write(change)


def add_paper(of: SchoolClass, number: int, choice: int, cards: int) -> None:
    """Counts one card more, or less, for a choice; never under 0."""

    def change(connection: sqlite3.Connection) -> None:
        _phones, counted = counts_of(connection, _asked(connection, of, number))
        if not 0 <= choice < len(counted):
            raise ClassError("This question has no such answer.")
        count = min(max(0, counted[choice] + cards), MOST_CARDS)
        connection.execute("INSERT OR REPLACE INTO paper VALUES (?, ?, ?)", (number, choice, count))

    of.write(change)


def progress(of: SchoolClass) -> int:
    """How often anything of the class was written: another number where anything is new."""
    return int(of.read(facts_of).get(WRITES, "0"))


def questions(of: SchoolClass) -> list[Asked]:
    """All questions of a class that can be read, in the order in which they were asked."""
    return of.read(asked_in)


def pupils(of: SchoolClass) -> int:
    """How many have joined."""
    return int(of.read(lambda c: c.execute("SELECT count(*) FROM pupils").fetchone()[0]))


def joining(of: SchoolClass) -> bool:
    """Whether phones may join."""
    return of.read(facts_of)["joining"] == "1"


def letter(choice: int) -> str:
    """The letter of a choice, which is also that of its card."""
    return chr(ord("A") + choice)


# What a phone does.


def join(of: SchoolClass, token: str) -> None:
    """Lets a phone into the class; one that is in it stays. Halves are filled in turn, so that they are equal.

    Raises:
        ClassError: nobody may join any more.
    """
    pupil = pupil_of(of.code, token)

    def change(connection: sqlite3.Connection) -> None:
        if half_of(connection, pupil) is not None:
            return
        (count,) = connection.execute("SELECT count(*) FROM pupils").fetchone()
        if facts_of(connection)["joining"] != "1" or count >= MOST_PUPILS:
            raise ClassError("Nobody else can join this class now: ask your teacher.")
        connection.execute("INSERT INTO pupils VALUES (?, ?)", (pupil, count % 2))

    of.write(change)


def answer(of: SchoolClass, token: str, number: int, choice: int | Sequence[int]) -> None:
    """Keeps a phone's answer; a second one to the same question takes the place of the first.

    Args:
        choice: its number, or the rows of a curve.

    Raises:
        ClassError: the phone has not joined, the question takes no answer (any more), or has no such choice.
    """
    pupil = pupil_of(of.code, token)

    def change(connection: sqlite3.Connection) -> None:
        half = half_of(connection, pupil)
        if half is None:
            raise ClassError("This phone is not in the class (any more): join again.")
        asked = _asked(connection, of, number)
        if asked.state != OPEN:
            raise ClassError("This question takes no more answers.")
        kept = _kept(asked.question, choice)
        if kept is None:
            raise ClassError("This question has no such answer.")
        form = asked.question.form(asked.moment, half)
        connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", (number, pupil, form, kept))

    of.write(change)


def _kept(question: Question, choice: int | Sequence[int]) -> int | None:
    """The number that an answer is kept as; None where the question has no such answer."""
    if isinstance(choice, int):
        return choice if question.kind != TEXT and 0 <= choice < question.count else None
    return question.grid.number(choice) if question.grid is not None else None


def is_in(of: SchoolClass, token: str) -> bool:
    """Whether a phone is in the class."""
    return of.read(lambda connection: half_of(connection, pupil_of(of.code, token)) is not None)


def may_write(of: SchoolClass, token: str, number: int) -> bool:
    """Whether a question that takes a sentence is open, and the phone in the class."""

    def look(connection: sqlite3.Connection) -> bool:
        if half_of(connection, pupil_of(of.code, token)) is None:
            return False
        asked = _asked(connection, of, number)
        return asked.state == OPEN and asked.question.kind == TEXT

    return of.read(look)


def news(of: SchoolClass, token: str) -> int | None:
    """How many things the teacher has done: a phone that knows this number has nothing new to fetch; None where it is not in
    the class."""

    def look(connection: sqlite3.Connection) -> int | None:
        is_there = half_of(connection, pupil_of(of.code, token)) is not None
        return int(facts_of(connection)["changes"]) if is_there else None

    return of.read(look)


def phone(of: SchoolClass, token: str, language: str) -> Phone | None:
    """What a phone may see; None where it is not in the class."""
    pupil = pupil_of(of.code, token)

    def look(connection: sqlite3.Connection) -> Phone | None:
        half = half_of(connection, pupil)
        if half is None:
            return None
        own = dict(connection.execute("SELECT question, choice FROM answers WHERE pupil = ?", (pupil,)))
        asked = asked_in(connection)
        newest = asked[-1] if asked and asked[-1].state != OPEN else None
        facts = facts_of(connection)
        return Phone(
            int(facts["changes"]),
            tuple(_shown(connection, one, half, own, language) for one in asked if one.state == OPEN),
            _shown(connection, newest, half, own, language) if newest else None,
            facts.get(RELEASED) == "1",
        )

    return of.read(look)


def _shown(connection: sqlite3.Connection, asked: Asked, half: int, own: dict[int, int], language: str) -> Shown:
    question = asked.question
    wording = question.wording(question.form(asked.moment, half), language)
    shown = (asked.number, question.kind, asked.state, wording.ask, wording.choices, own.get(asked.number))
    if asked.state != REVEALED:
        return Shown(*shown, grid=question.grid)
    counts = tuple(map(sum, zip(*counts_of(connection, asked), strict=True)))
    drawn = question.grid.counts(curves_of(connection, asked)) if question.grid is not None else ()
    return Shown(*shown, question.right, wording.why, counts, question.grid, drawn)


def counts_of(connection: sqlite3.Connection, asked: Asked) -> tuple[list[int], list[int]]:
    """How many phones, and how many cards or hands, gave each answer."""
    phones, paper = [0] * asked.question.count, [0] * asked.question.count
    of_phones = "SELECT choice, count(*) FROM answers WHERE question = ? GROUP BY choice"
    for counts, query in ((phones, of_phones), (paper, "SELECT choice, count FROM paper WHERE question = ?")):
        for choice, count in connection.execute(query, (asked.number,)):
            # A file edited by hand may hold another.
            if isinstance(choice, int) and isinstance(count, int) and 0 <= choice < len(counts):
                counts[choice] = count
    return phones, paper


def curves_of(connection: sqlite3.Connection, asked: Asked) -> list[tuple[int, ...]]:
    """The curves that phones have drawn, each as its rows, in an order that says nothing of who drew them."""
    grid = asked.question.grid
    if grid is None:
        return []
    found = connection.execute("SELECT choice FROM answers WHERE question = ? ORDER BY choice", (asked.number,))
    return [rows for (number,) in found if (rows := grid.rows(number)) is not None]


def half_of(connection: sqlite3.Connection, pupil: bytes) -> int | None:
    """Which half of the class a phone is in; None where it has not joined."""
    found = connection.execute("SELECT half FROM pupils WHERE pupil = ?", (pupil,)).fetchone()
    return None if found is None else int(found[0])


def asked_in(connection: sqlite3.Connection) -> list[Asked]:
    """As `questions`, in one look with other things."""
    found = []
    for row in connection.execute(f"SELECT {_COLUMNS} FROM questions ORDER BY number"):
        with contextlib.suppress(ClassError):  # one that is damaged does not hide the others
            found.append(_of_row(row))
    return found


def _asked(connection: sqlite3.Connection, of: SchoolClass, number: int) -> Asked:
    row = connection.execute(f"SELECT {_COLUMNS} FROM questions WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise ClassError("Class {code} was not asked a question {number}.", code=of.code, number=str(number))
    return _of_row(row)


def _of_row(row: tuple[Any, ...]) -> Asked:
    number, name, moment, round_, content, state = row
    question = Question.from_json(str(name), content)
    return Asked(number, question, str(moment), round_ if isinstance(round_, int) else 1, str(state))


def count_change(connection: sqlite3.Connection) -> None:
    """Counts one more thing that the teacher has done."""
    connection.execute("UPDATE facts SET value = CAST(value AS INTEGER) + 1 WHERE name = 'changes'")

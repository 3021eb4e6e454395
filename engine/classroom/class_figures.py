"""The figures of a class as they may leave it, on paper or in a file: what is small is hidden, as in the table (`tallies`)."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from engine.classroom import own_answers, shapes, tallies
from engine.classroom.classes import SchoolClass
from engine.classroom.questions import AFTER
from engine.classroom.tallies import FEWEST_IN_CELL, Share
from engine.classroom.votes import Asked, pupils, questions

Number = int | str  # a count, or tallies.SMALL or tallies.HIDDEN in its place


@dataclass(frozen=True)
class Guessed:
    """What a class expected of the curve.

    Attributes:
        shapes: how many chose each of the four; empty where nobody did. drawn: a share of the time, an accuracy, and how many of
            the drawn curves go through there, where those are five or more. curves: how many were drawn.
    """

    shapes: tuple[Number, ...] = ()
    drawn: tuple[tuple[float, float, int], ...] = ()
    curves: Number = 0


NOTHING_GUESSED = Guessed()


@dataclass(frozen=True)
class Row:
    """The answers to one round of a question. when: as in own_answers. counts: of each choice."""

    when: str
    counts: tuple[Number, ...]
    total: Number


@dataclass(frozen=True)
class Changed:
    """What changed from before to after, of the phones that answered both."""

    wrong_right: Number
    right_wrong: Number
    pairs: Number


@dataclass(frozen=True)
class QuestionFigures:
    """How a class answered a question.

    Attributes:
        rows: before and after, or the first time and the last. changed: None of a question that was asked once, and of fewer than
            ten pairs. parallel: whether it was asked before or after the lesson. curves: how many were drawn in place of a choice.
    """

    name: str
    ask: str
    choices: tuple[str, ...]
    right: int | None
    rows: tuple[Row, ...]
    changed: Changed | None
    parallel: bool
    curves: Number = 0


@dataclass(frozen=True)
class ClassFigures:
    """All that a class's report tells of it.

    Attributes:
        phones: how many have joined. vote: on who wrote a text; None where it was not held or would tell a small number.
    """

    code: str
    opened: datetime.date
    phones: Number
    questions: tuple[QuestionFigures, ...]
    vote: Share | None


def of_class(of: SchoolClass, language: str) -> ClassFigures:
    """Gathers the figures of a class, with the texts of its questions in a language."""
    return ClassFigures(
        of.code,
        of.opened,
        _small(pupils(of)),
        tuple(_counted(of, several, language) for several in own_answers.grouped(questions(of))),
        _vote(of),
    )


def guesses(of: SchoolClass) -> Guessed:
    """What the class expected of the curve; nothing where it was not asked, or nobody has answered."""
    asked = [one for one in questions(of) if one.question.name == shapes.QUESTION]
    if not asked:
        return NOTHING_GUESSED
    question, found = asked[-1].question, tallies.tally(of, asked[-1])
    chosen = tallies.disclosed(found.counts)[0] if sum(found.counts) and question.count == len(shapes.SHAPES) else ()
    if question.grid is None or not found.curves:
        return Guessed(tuple(chosen))
    end = question.grid.moments[-1]
    drawn = [
        (seconds / end, percent / 100, count)
        for seconds, percent, count in tallies.drawn_cells(question.grid, found.curves)
        if isinstance(count, int)
    ]
    return Guessed(tuple(chosen), tuple(drawn), _drawn(found))


def _small(count: int) -> Number:
    """A count by itself, as it may leave the class."""
    return tallies.disclosed([count])[0][0]


def _drawn(found: tallies.Tally) -> Number:
    """How many curves were drawn; hidden where a point of the grid has a small number, which it would tell."""
    grid = found.asked.question.grid
    if grid is None or not found.curves:
        return 0
    if len(found.curves) < FEWEST_IN_CELL:
        return tallies.SMALL
    cells = [count for _moment, _height, count in tallies.drawn_cells(grid, found.curves)]
    return len(found.curves) if all(isinstance(count, int) for count in cells) else tallies.HIDDEN


def _counted(of: SchoolClass, several: Sequence[Asked], language: str) -> QuestionFigures:
    asked = own_answers.rounds(several)
    first = asked[0][1].question
    wording = first.wording(0, language)
    rows, found = [], [tallies.tally(of, one) for _when, one in asked]
    for (when, _one), tally in zip(asked, found, strict=True):
        counts, total = tallies.disclosed(tally.counts)
        rows.append(Row(when, tuple(counts), total))
    return QuestionFigures(
        first.name,
        wording.ask,
        wording.choices,
        first.right,
        tuple(rows),
        _changed(of, first.name) if any(one.moment == AFTER for one in several) else None,
        len(first.forms) > 1,
        _drawn(found[-1]),
    )


def _changed(of: SchoolClass, name: str) -> Changed | None:
    found = tallies.pairs(of, name)
    if found is None:
        return None
    _same, wrong_right, right_wrong, _wrong = shown = tallies.hidden_pairs(found.counts)
    return Changed(wrong_right, right_wrong, tallies.HIDDEN if tallies.HIDDEN in shown else found.total)


def _vote(of: SchoolClass) -> Share | None:
    """The blind vote; None where so few were right, or wrong, that the share would tell how many, of one question or of all."""
    asked = tallies.blind_questions(of)
    found = tallies.blind_vote(of, asked)
    if found is None or min(found.right, found.total - found.right) < FEWEST_IN_CELL:
        return None
    rights = (tallies.hidden(tallies.tally(of, one).counts)[one.question.right or 0] for one in asked)
    if not all(isinstance(count, int) for count in rights):
        return None  # the share, less the numbers that stand beside it, would be the one that is hidden
    return found

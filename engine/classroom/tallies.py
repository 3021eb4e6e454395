"""The figures of a class's answers: counts by choice, what changed between before and after, the blind vote, a table to keep."""

import csv
import io
import math
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.classroom.classes import SchoolClass
from engine.classroom.drawn import Grid
from engine.classroom.questions import AFTER, BEFORE, TEXT
from engine.classroom.votes import Asked, counts_of, curves_of, letter, questions
from engine.core.spreadsheet import cell

BLIND_QUESTIONS = "who-wrote"  # the names of the questions of the blind vote begin with it
FEWEST_PAIRS = 10  # of fewer, nothing is said
FEWEST_IN_CELL = 5  # a smaller number in a table that leaves the class might be somebody
SMALL = f"<{FEWEST_IN_CELL}"
HIDDEN = "hidden"  # a number that would tell a small one
_Z = 1.959963984540054  # of 95 % of a normal distribution


class Counted:
    """Answers of phones and of paper, added up.

    Attributes:
        phones, paper: a number a choice; paper counts cards and hands. curves: what phones have drawn, each as its rows.
    """

    phones: tuple[int, ...]
    paper: tuple[int, ...]
    curves: tuple[tuple[int, ...], ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Of each choice, however it was given."""
        return tuple(map(sum, zip(self.phones, self.paper, strict=True)))

    @property
    def total(self) -> int:
        """All answers, curves too."""
        return sum(self.counts) + len(self.curves)


@dataclass(frozen=True)
class Tally(Counted):
    """How a question was answered."""

    asked: Asked
    phones: tuple[int, ...]
    paper: tuple[int, ...]
    curves: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Pairs:
    """Phones that answered a question before and after: how many of them were right when. "I don't know" is not right."""

    right_right: int
    wrong_right: int
    right_wrong: int
    wrong_wrong: int

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Right both times, from wrong to right, from right to wrong, wrong both times."""
        return self.right_right, self.wrong_right, self.right_wrong, self.wrong_wrong

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts)


@dataclass(frozen=True)
class Share:
    """A share of right answers. low, high: its 95 % interval. chance: what guessing would give."""

    right: int
    total: int
    low: float
    high: float
    chance: float

    @property
    def share(self) -> float:
        """The share, 0..1."""
        return self.right / self.total


def tally(of: SchoolClass, asked: Asked) -> Tally:
    """Counts the answers to a question."""
    (phones, paper), curves = of.read(lambda connection: (counts_of(connection, asked), curves_of(connection, asked)))
    return Tally(asked, tuple(phones), tuple(paper), tuple(curves))


def newest(of: SchoolClass, name: str, moment: str) -> Asked | None:
    """The last round of a question; None where it was not asked."""
    found = [one for one in questions(of) if one.question.name == name and one.moment == moment]
    return found[-1] if found else None


def pairs(of: SchoolClass, name: str) -> Pairs | None:
    """What changed from before to after, of the phones that answered both; None of fewer than ten, and without a right answer."""
    before, after = newest(of, name, BEFORE), newest(of, name, AFTER)
    if before is None or after is None or before.question.right is None or after.question.right is None:
        return None
    rows = of.read(
        lambda connection: connection.execute(
            "SELECT b.choice = ?, a.choice = ?, count(*) FROM answers b JOIN answers a USING (pupil) "
            "WHERE b.question = ? AND a.question = ? GROUP BY 1, 2",
            (before.question.right, after.question.right, before.number, after.number),
        ).fetchall()
    )
    of_both = {(bool(first), bool(second)): int(count) for first, second, count in rows}
    found = Pairs(*(of_both.get(key, 0) for key in ((True, True), (False, True), (True, False), (False, False))))
    return found if found.total >= FEWEST_PAIRS else None


def blind_questions(of: SchoolClass) -> list[Asked]:
    """The questions of the blind vote, each in its newest round."""
    found = {one.question.name: one for one in questions(of) if one.question.name.startswith(BLIND_QUESTIONS)}
    return list(found.values())


def blind_vote(of: SchoolClass, several: Sequence[Asked]) -> Share | None:
    """How often who wrote a text was told, over some questions; None without answers.

    Of one question the interval is Wilson's (1927), cards and hands included. Of several, the answers of one pupil are alike, so it is
    that of the quotient of right answers to answers over pupils (Cochran, "Sampling Techniques" (1977), section 6.3), and
    of phones alone.
    """
    known = [one for one in several if one.question.right is not None]
    if not known:
        return None
    chance = sum(1 / _guessed(one) for one in known) / len(known)
    if len(known) == 1:
        counts = tally(of, known[0]).counts
        right, total = counts[known[0].question.right or 0], sum(counts)
        return Share(right, total, *_wilson(right, total), chance) if total else None
    rows: dict[bytes, list[int]] = {}
    for one in known:
        for pupil, correct in of.read(_answers_to(one)):
            sums = rows.setdefault(pupil, [0, 0])
            sums[0], sums[1] = sums[0] + correct, sums[1] + 1
    right, total = sum(r for r, _n in rows.values()), sum(n for _r, n in rows.values())
    return Share(right, total, *_of_pupils(list(rows.values())), chance) if total else None


def _guessed(asked: Asked) -> int:
    """Among how many choices somebody who does not know would guess."""
    return asked.question.count - (asked.question.unsure is not None)


def _answers_to(asked: Asked) -> Callable[[sqlite3.Connection], list[tuple[bytes, int]]]:
    return lambda connection: connection.execute(
        "SELECT pupil, choice = ? FROM answers WHERE question = ?", (asked.question.right, asked.number)
    ).fetchall()


def _wilson(right: int, total: int) -> tuple[float, float]:
    share, z2 = right / total, _Z**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def _of_pupils(sums: list[list[int]]) -> tuple[float, float]:
    right, total = sum(r for r, _n in sums), sum(n for _r, n in sums)
    if len(sums) < 2:
        return 0.0, 1.0
    from scipy import stats  # half a second: when a vote is counted, not when the server starts

    share = right / total
    left = sum((r - share * n) ** 2 for r, n in sums) * len(sums) / (len(sums) - 1)
    half = stats.t.ppf(0.975, len(sums) - 1) * math.sqrt(left) / total
    if half == 0:  # all alike: as if each had answered once
        return _wilson(round(share * len(sums)), len(sums))
    return max(0.0, share - half), min(1.0, share + half)


def table(of: SchoolClass, language: str) -> str:
    """All counts as CSV, for a file that leaves the class: a number under five is written "<5".

    Where a question has such a number, its total is hidden, and where it has one alone, the next smallest too: else who knows how
    many were there could subtract. Of curves that were drawn the table has how many go through each point, and no curve.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["question", "moment", "round", "choice", "text", "right", "answers"])
    for asked in questions(of):
        if asked.question.kind == TEXT:
            continue
        found = tally(of, asked)
        shown, total = disclosed(found.counts)
        row = [asked.question.name, asked.moment, asked.round]
        choices = asked.question.wording(0, language).choices
        for choice, (text, count) in enumerate(zip(choices, shown, strict=True)):
            right = "" if asked.question.right is None else int(choice == asked.question.right)
            writer.writerow([*map(cell, row), letter(choice), cell(text), right, count])
        writer.writerow([*map(cell, row), "", "", "", total])
        if asked.question.grid is not None and found.curves:
            for moment, height, answers in drawn_cells(asked.question.grid, found.curves):
                writer.writerow([*map(cell, row), f"{moment} s", f"{height} %", "", answers])
    for name in dict.fromkeys(one.question.name for one in questions(of) if one.moment == AFTER):
        if changed := pairs(of, name):
            kinds = ("right→right", "wrong→right", "right→wrong", "wrong→wrong")
            for kind, count in zip(kinds, hidden_pairs(changed.counts), strict=True):
                writer.writerow([cell(name), "before→after", "", "", kind, "", count])
    return out.getvalue()


def drawn_cells(grid: Grid, curves: Iterable[tuple[int, ...]]) -> list[tuple[int, int, int | str]]:
    """How many curves go through each point of a grid, as it may leave the class: seconds, percent, number.

    Each moment has as many curves as every other: where one has a small number, each hides one at least, so that no column adds up.
    """
    columns = grid.counts(curves)
    shown = [hidden(column) for column in columns]
    if any(SMALL in column for column in shown):
        for column, counts in zip(shown, columns, strict=True):
            if SMALL not in column:
                column[counts.index(min(counts))] = HIDDEN
    return [
        (moment, height, count)
        for moment, column in zip(grid.moments, shown, strict=True)
        for height, count in zip(grid.heights, column, strict=True)
    ]


def hidden_pairs(counts: Iterable[int]) -> list[int | str]:
    """What changed from before to after, as it may leave the class: nothing of it where one number is small.

    How many were right before and after stands beside it: with that, one of the four numbers tells all.
    """
    counts = list(counts)
    return [HIDDEN] * len(counts) if min(counts) < FEWEST_IN_CELL else list(counts)


def hidden(counts: Iterable[int]) -> list[int | str]:
    """Counts as they may leave the class."""
    counts = list(counts)
    shown: list[int | str] = [SMALL if count < FEWEST_IN_CELL else count for count in counts]
    if shown.count(SMALL) == 1 and len(counts) > 1:
        beside = min((place for place, one in enumerate(shown) if one != SMALL), key=counts.__getitem__)
        shown[beside] = HIDDEN
    return shown


def disclosed(counts: Iterable[int]) -> tuple[list[int | str], int | str]:
    """Counts as they may leave the class, and their total, which would tell a small one by the others."""
    counts = list(counts)
    shown = hidden(counts)
    return shown, HIDDEN if SMALL in shown else sum(counts)

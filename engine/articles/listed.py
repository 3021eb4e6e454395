"""What marks the items of a list: bullets, or numbers and letters that count up."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

_SHARE = 0.6  # of the lines that begin with a mark, and of the marks that count up
_SAID = ("–", "—")  # what begins a line of a dialogue too, whose lines are no items
_GOING_ON = 0.8  # of the lines between marks, from which they are pieces of the items
_FULL_LINE = 40  # characters from which a line may have been broken before a capital
_LONGEST_TITLE = 120  # characters of a line above a list
_MOST_MISSING = 20  # numbers of items that somebody took out
_MOST_FIRST = 1_000  # from which a number is a year
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}

_BULLET = re.compile(r"[-*+•‣▪▫■□●○◦◆◇►▸➢➔→⇒·∙–—☐☑☒✓✔✗]\s+|[-=]>\s*|[•‣▪■●◦►➢➔→⇒☐☑✓✔]")
_NUMBER = re.compile(r"\(?(\d{1,5})(?:\s?[.):/°º]+[.)]?\s*(?=[^\d\s]|\s)\s*|\s+[-–—]\s+|\t\s*)")
_LETTER = re.compile(r"\(?([A-Za-z])(?:[).:/]+\s+|\)\s*|\s+[-–—]\s+)")
_QUOTED = re.compile(
    r"\"([^\"]*)\"\s*[,;]?|'([^']*)'\s*[,;]?|“([^“”]*)”\s*[,;]?|«\s*([^«»]*?)\s*»\s*[,;]?|([^;]+[.!?…])\s*;"
)
_ROMAN_MARK = re.compile(r"\(?([ivxlc]{1,7}|[IVXLC]{1,7})(?:[).:/]+\s+|\)\s*|\s+[-–—]\s+)")


def mark_of(items: list[str]) -> re.Pattern[str] | None:
    """What stands before each item, where most of these begin with a mark of one kind; else None."""
    items = [item for item in items if item]
    for pattern, value, steps in _KINDS:
        marks = [mark for item in items if (mark := pattern.match(item))]
        if len(marks) < max(2, _SHARE * len(items)):
            continue
        if value is None or _counts_up([value(mark[1]) for mark in marks], *steps):
            return pattern
    return None


@dataclass(frozen=True)
class Wrapped:
    """A list whose items an editor broke into several lines: what begins each of them.

    Attributes:
        first: the number of the first item; None where marks are no numbers.
        titles: lines above it.
    """

    pattern: re.Pattern[str]
    first: int | None
    titles: int

    def begins(self, line: str, number: int) -> bool:
        """Whether a line begins the item behind so many: a number that is not its own is one of the text."""
        mark = self.pattern.match(line)
        return bool(mark) and (self.first is None or 0 <= int(mark[1]) - self.first - number <= _MOST_MISSING)  # type: ignore[index]


def wrapped(lines: list[str]) -> Wrapped | None:
    """The list that lines are, where its marks count up one by one and the lines between them go on with a sentence."""
    for titles in (0, 1):
        items = lines[titles:]
        for pattern, value, _ in _KINDS:
            begins = _each_next([pattern.match(item) for item in items], value)
            if not items or not begins[0] or not 1 < sum(begins) < len(items) or items[0].startswith(_SAID):
                continue
            pairs = zip(itertools.pairwise(items), begins[1:], strict=True)
            rest = [_goes_on(*pair) for pair, begin in pairs if not begin]
            if sum(rest) >= _GOING_ON * len(rest):
                first = pattern.match(items[0]) if value is int else None
                return Wrapped(pattern, int(first[1]) if first else None, titles)
        if lines and (len(lines[0]) > _LONGEST_TITLE or lines[0][-1:] in ".!?…;,"):
            break
    return None


def _each_next(marks: list[re.Match[str] | None], value: Callable[[str], int] | None) -> list[bool]:
    """Of each line whether its mark is the next one: a number that does not follow is one of the text."""
    found, last = [], None
    for mark in marks:
        number = value(mark[1]) if mark and value else 0
        found.append(bool(mark) and (value is None or last is None or number == last + 1))
        last = number if found[-1] else last
    return found


def _goes_on(before: str, line: str) -> bool:
    """Whether a line goes on with the sentence of the one before it, which was broken where it was full."""
    return line[:1].islower() or (len(before) >= _FULL_LINE and before[-1:] not in ".!?…:;")


def _counts_up(values: list[int], least: int, most: int) -> bool:
    steps = sum(least <= after - before <= most for before, after in itertools.pairwise(values))
    return values[0] < _MOST_FIRST and steps >= _SHARE * (len(values) - 1)


def _roman(mark: str) -> int:
    digits = [_ROMAN[digit] for digit in mark.lower()]
    return sum(-a if a < b else a for a, b in itertools.zip_longest(digits, digits[1:], fillvalue=0))


def without_mark(item: str, pattern: re.Pattern[str] | None) -> str:
    """An item without the mark before it."""
    mark = pattern.match(item) if pattern is not None else None
    return item[mark.end() :] if mark else item


def are_quoted(items: list[str]) -> bool:
    """Whether items stand in quotes, as a program or a table writes strings, or each has a semicolon behind it."""
    return len(items) > 1 and all(_QUOTED.fullmatch(item) for item in items)


def without_quotes(item: str) -> str:
    """An item without the quotes around it and what parts it from the next."""
    found = _QUOTED.fullmatch(item)
    return next(part for part in found.groups() if part is not None) if found else item


# What a mark is, what it counts, and by how much the next one may be greater.
_KINDS: tuple[tuple[re.Pattern[str], Callable[[str], int] | None, tuple[int, int]], ...] = (
    (_BULLET, None, (0, 0)),
    (_NUMBER, int, (0, 20)),  # also where items were taken out, or all are called 1 as in Markdown
    (_LETTER, lambda letter: ord(letter.lower()), (1, 1)),  # and not the initials of persons
    (_ROMAN_MARK, _roman, (1, 1)),
)

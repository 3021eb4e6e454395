"""What marks the items of a list: bullets, or numbers and letters that count up."""

import itertools
import re
from collections.abc import Callable

_SHARE = 0.6  # of the lines that begin with a mark, and of the marks that count up
_MOST_FIRST = 1_000  # from which a number is a year
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}

_BULLET = re.compile(r"[-*+•‣▪▫■□●○◦◆◇►▸➢➔→⇒·∙–—☐☑☒✓✔✗]\s+|[-=]>\s*|[•‣▪■●◦►➢➔→⇒☐☑✓✔]")
_NUMBER = re.compile(r"\(?(\d{1,5})(?:\s?[.):/°º]+[.)]?\s*(?=[^\d\s]|\s)\s*|\s+[-–—]\s+|\t\s*)")
_LETTER = re.compile(r"\(?([A-Za-z])(?:[).:/]+\s+|\)\s*|\s+[-–—]\s+)")
_ROMAN_MARK = re.compile(r"\(?([ivxlc]{1,7}|[IVXLC]{1,7})(?:[).:/]+\s+|\)\s*|\s+[-–—]\s+)")


def mark_of(items: list[str]) -> re.Pattern[str] | None:
    """What stands before each item, where most of these begin with a mark of one kind; else None."""
    items = [item for item in items if item]
    kinds: tuple[tuple[re.Pattern[str], Callable[[str], int] | None, tuple[int, int]], ...] = (
        (_BULLET, None, (0, 0)),
        (_NUMBER, int, (0, 20)),  # also where items were taken out, or all are called 1 as in Markdown
        (_LETTER, lambda letter: ord(letter.lower()), (1, 1)),  # and not the initials of persons
        (_ROMAN_MARK, _roman, (1, 1)),
    )
    for pattern, value, steps in kinds:
        marks = [mark for item in items if (mark := pattern.match(item))]
        if len(marks) < max(2, _SHARE * len(items)):
            continue
        if value is None or _counts_up([value(mark[1]) for mark in marks], *steps):
            return pattern
    return None


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

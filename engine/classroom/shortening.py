"""Texts cut to what a page has space for, by how wide their characters are."""

import math
import re
import unicodedata

_BLANKS = re.compile("[^\\S\u00a0\u202f]+")  # but for those at which no line may be broken: 29,8 %
_LONGEST_REST = 15  # letters of a word that is cut; those of a longer one stay


def shortened(text: str, most: int, lines: int = 0) -> str:
    """A text of at most so many lines, and as wide as so many small letters; its empty lines go, and a mark says that it goes on.

    Args:
        lines: 0 = all in one.
    """
    text = re.sub(r"\s*\n\s*", "\n", text) if lines else _BLANKS.sub(" ", text).strip()
    cut = "\n".join(beginning(text, most).split("\n")[: lines or None])
    if cut == text:
        return text
    whole = cut.rpartition(" ")[0]
    if not text[len(cut)].isspace() and len(cut) - len(whole) <= _LONGEST_REST:
        cut = whole
    return cut.rstrip() + "\u00a0…"


def beginning(text: str, most: float) -> str:
    """As much of a text as is as wide as so many small letters."""
    end, left = 0, float(most)
    while end < len(text) and (left := left - width(text[end])) >= 0:
        end += 1
    return text[:end]


def width(character: str) -> float:
    """About how many small letters a character is wide."""
    if character in "WM@":
        return 2.2
    if unicodedata.east_asian_width(character) in "WF":
        return 2.0
    return 1.4 if character.isupper() or character in "mw" else 1.0


def lines_of(text: str, across: float) -> int:
    """About how many lines a text takes of which each is as wide as so many small letters."""
    return max(1, math.ceil(sum(map(width, text)) / across))

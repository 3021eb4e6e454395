"""Lines that an editor broke: told from lines that stand by themselves, and put together."""

import itertools
import re
from collections.abc import Sequence

_WIDEST = 120  # characters of a line that an editor broke
_NARROWEST = 50  # below which lines of a field may be verses or a list
_BLOCKS = re.compile(r"\n[ \t]*\n|\n(?=[ \t]{2,}\S)")  # arXiv begins a paragraph with two blanks


def is_wrapped(found: Sequence[str], with_last: bool = True) -> bool:
    """Whether lines are pieces of one text that an editor broke: alike in length, and many go on in lower case.

    Args:
        with_last: whether the last counts too, which may be short.
    """
    longest = max(map(len, found))
    pairs = list(itertools.pairwise(found))
    goes_on = sum(b[:1].islower() and a[-1:] not in ".!?…:" for a, b in pairs)
    counted = found if with_last else found[:-1]
    full = sum(len(text) >= 0.75 * longest for text in counted)
    return longest <= _WIDEST and goes_on > 0.4 * len(pairs) and full > 0.6 * len(counted)


def paragraphs(text: str) -> list[str]:
    """The lines of a field; those of a passage that was broken at a width are one, with the hyphens that were there."""
    if "\n" not in text:
        return text.splitlines()
    found = []
    for block in _BLOCKS.split(text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if len(lines) > 1 and max(map(len, lines)) >= _NARROWEST and is_wrapped(lines, with_last=False):
            lines = [" ".join(lines).replace("- ", "-") if _only_at_ends(lines) else " ".join(lines)]
        found += lines
    return found


def _only_at_ends(lines: list[str]) -> bool:
    """Whether hyphens before a blank stand at ends of lines alone, so that all of them go on with their word."""
    return any(line.endswith("-") for line in lines[:-1]) and not any("- " in line for line in lines)

"""The paragraphs of a Word document → those of each article in it, where it is sure that there are several."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.articles import listed, names, text

_FEWEST_SENTENCES = 5  # that stand alone, from which they are a list and no short article
_LONGEST_TITLE = 120  # characters of a line above a list
_NUMBERED = re.compile(
    r"(?:article|abstract|text|texte|résumé|document|story|histoire|case|cas|sample|exemple|example|n[°o]\.?)\s*(\d{1,5})\b.*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Paragraph:
    """Lines that stand together, and what they are.

    Attributes:
        level: 0 of a title, from 1 on of a heading, None of a paragraph. part: a key of `unread.PARTS` where it is not read.
        alone: whether its one line says that references follow, though no style does.
        item: of a list's item how deep it is in the list, from 0 on; None of what is none.
    """

    lines: list[str]
    level: int | None
    part: str = ""
    alone: bool = False
    item: int | None = None

    @property
    def whole(self) -> str:
        """Its lines as one."""
        return " ".join(self.lines)


def articles_of(paragraphs: Sequence[Paragraph]) -> list[list[Paragraph]]:
    """The paragraphs of each article, in their order; a title above a list is one that is not read.

    Several are: those that begin with a title by its style, headings with the same sections below each, numbered headings
    (“Article 1”), the items of a list, and sentences that stand alone.
    """
    found = list(paragraphs)
    for parted in (_by_titles, _by_headings, _by_items):
        if len(groups := parted(found)) > 1:
            return groups
    return [found]


def _by_titles(paragraphs: list[Paragraph]) -> list[list[Paragraph]]:
    titles = [p.whole for p in paragraphs if p.level == 0]
    if len(set(titles)) < len(titles) or any(map(names.is_section, titles)):  # a cover; the style of headings
        return [paragraphs]
    return _begun(paragraphs, [p.level == 0 for p in paragraphs])


def _begun(paragraphs: list[Paragraph], begins: list[bool]) -> list[list[Paragraph]]:
    """The groups that begin so; one without a paragraph of text belongs to the next: two lines of one title, a cover."""
    groups: list[list[Paragraph]] = [[]]
    for paragraph, begin in zip(paragraphs, begins, strict=True):
        if begin and any(p.level is None and not p.part for p in groups[-1]):
            groups.append([])
        groups[-1].append(paragraph)
    return groups if sum(begins) > 1 else [paragraphs]


def _by_headings(paragraphs: list[Paragraph]) -> list[list[Paragraph]]:
    firsts = [p for p in paragraphs if p.level == 1]
    if len(firsts) < 2 or any(p.level == 0 for p in paragraphs):
        return [paragraphs]
    if not _count_up(firsts) and (any(names.is_section(p.whole) for p in firsts) or not _share_sections(paragraphs)):
        return [paragraphs]
    groups = _begun(paragraphs, [p.level == 1 for p in paragraphs])
    return [[replace(p, level=p.level - 1) if p.level else p for p in group] for group in groups]


def _count_up(headings: list[Paragraph]) -> bool:
    """Whether headings are “Article 1”, “Article 2” and so on."""
    marks = [_NUMBERED.fullmatch(p.whole) for p in headings]
    numbers = [int(mark[1]) for mark in marks if mark]
    return len(numbers) == len(headings) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _share_sections(paragraphs: list[Paragraph]) -> bool:
    """Whether below each heading of the first level stands the same section, as in an article each."""
    below: list[set[str]] = []
    for paragraph in paragraphs:
        if paragraph.level == 1:
            below.append(set())
        elif paragraph.level == 2 and below and names.kind_of(paragraph.whole):
            below[-1].add(names.head(paragraph.whole))
    return bool(below) and bool(set.intersection(*below))


def _by_items(paragraphs: list[Paragraph]) -> list[list[Paragraph]]:
    shown = [p for p in paragraphs if not p.part]
    if len(shown) < 3 or any(p.level for p in shown) or any(p.alone for p in shown):
        return [paragraphs]
    first, *rest = shown
    above = first.item is None and (
        first.level == 0 or (len(first.whole) <= _LONGEST_TITLE and first.whole[-1] not in ".!?…;,")
    )
    if above and (groups := _items(rest)):
        others = [p for p in paragraphs if p.part]
        return [[replace(first, level=None, part="list_titles"), *others, *groups[0]], *groups[1:]]
    if groups := _items(shown):
        return [[*(p for p in paragraphs if p.part), *groups[0]], *groups[1:]]
    return [paragraphs]


def _items(shown: list[Paragraph]) -> list[list[Paragraph]]:
    """Each item of a list with what stands below it; [] where not all are items."""
    if any(p.level is not None for p in shown) or len(shown) < 2:
        return []
    if all(p.item is not None for p in shown):
        outermost = min(p.item or 0 for p in shown)
        groups: list[list[Paragraph]] = []
        for paragraph in shown:
            if paragraph.item == outermost or not groups:
                groups.append([])
            groups[-1].append(paragraph)
        return groups
    mark = listed.mark_of([p.lines[0] for p in shown])
    if mark is not None and all(mark.match(p.lines[0]) for p in shown):
        return [[replace(p, lines=[listed.without_mark(p.lines[0], mark), *p.lines[1:]])] for p in shown]
    if len(shown) >= _FEWEST_SENTENCES and all(text.is_sentence(p.whole) for p in shown):
        return [[p] for p in shown]
    return []

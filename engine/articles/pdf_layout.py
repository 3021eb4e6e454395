"""Fragments of text with their places on pages → a title, sections and paragraphs.

The order is that in which the file gives its fragments, which is the reading order of most; where a page's lines run
across two columns they are parted. Headings are told by their fonts, running headers by their coming back.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from engine.articles import hyphens, names
from engine.articles.article import Section, clean
from engine.articles.names import kind_of

_MARGIN_LINES = 2  # at the top and at the bottom of a page, that may be running headers
_SHORT_LINE = 0.75  # of the usual length, that ends a paragraph
_LONGEST_HEADING = 120  # characters
_LARGER, _MUCH_LARGER = 1.12, 1.3  # than the body's letters: of a heading, of a title
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_PAGE_NUMBER = re.compile(r"(?:page|p\.|seite|página)?\s*[-–—]?\s*(?:\d{1,5}|[ivxlc]{1,6})\s*[-–—]?(?:\s*(?:/|of|sur|von|de)\s*\d{1,5})?", re.IGNORECASE)  # fmt: skip
_NUMBERED = re.compile(r"(?:\d+(?:\.\d+)*\.?|[IVX]+\.|[A-Z]\.)\s+[^\W\d_]")
_SOFT_HYPHEN = "\u00ad"
_HYPHENS = ("-", "\u2010", "\u2011", _SOFT_HYPHEN)
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010\u2011][^\W\d_]+)*")


@dataclass(frozen=True)
class Fragment:
    """Text at one place: where it begins, the height of its letters in points, and whether they are bold."""

    text: str
    x: float
    y: float
    size: float
    bold: bool


@dataclass(frozen=True)
class _Line:
    text: str
    page: int
    x: float
    y: float
    size: float
    bold: bool


def article(pages: list[list[Fragment]]) -> tuple[str, tuple[str, ...], tuple[Section, ...], dict[str, int]]:
    """The title, the abstract, the sections, and what was left out of them, counted."""
    by_page = [_lines(_in_columns(page), number) for number, page in enumerate(pages)]
    lines, running = _without_running_lines(by_page)
    body = Counter[float]()
    for line in lines:
        body[line.size] += len(line.text)
    size = body.most_common(1)[0][0] if body else 0.0
    is_bold = sum(len(line.text) for line in lines if line.bold) > sum(len(line.text) for line in lines) / 2
    title, lines = _title(lines, size)
    vocabulary = _vocabulary(lines)
    sections, left = _sections(lines, size, is_bold, vocabulary)
    left["running_lines"] = running
    abstract: tuple[str, ...] = ()
    first = next((i for i, s in enumerate(sections) if names.plain(s.name) == "abstract"), None)
    if first is not None:
        abstract = sections.pop(first).paragraphs
    return title, abstract, tuple(sections), dict(left)


def _vocabulary(lines: list[_Line]) -> Counter[str]:
    """How often each word is written whole; the pieces of words at the ends of lines are none."""
    found, goes_on = Counter[str](), False
    for line in lines:
        words = [hyphens.plain(word.lower()) for word in _WORD.findall(line.text)]
        ends_open = line.text.endswith(_HYPHENS)
        found.update(words[goes_on : len(words) - ends_open])
        goes_on = ends_open
    return found


def _in_columns(page: list[Fragment]) -> list[Fragment]:
    """The fragments of a page; where its lines run across two columns, the left one's before the right one's."""
    right = max((f.x for f in page), default=0.0)
    starts = Counter(round(f.x / 3) for f in page if 0.35 * right < f.x)
    left_edge = min((f.x for f in page), default=0.0)
    for start, count in starts.most_common(3):
        x = 3 * start
        if x - left_edge < 0.25 * right or count < 5:
            continue
        across = [
            (a, b) for a, b in itertools.pairwise(page) if abs(a.y - b.y) < 2 and a.x < x - 20 and abs(b.x - x) <= 4
        ]
        if len(across) >= 0.5 * count:
            first = min(max(a.y, b.y) for a, b in across), max(max(a.y, b.y) for a, b in across)
            inside = [f for f in page if first[0] - 30 <= f.y <= first[1] + 2]
            before = [f for f in page if f.y > first[1] + 2]
            behind = [f for f in page if f.y < first[0] - 30]
            return [*before, *(f for f in inside if f.x < x - 6), *(f for f in inside if f.x >= x - 6), *behind]
    return page


def _lines(page: list[Fragment], number: int) -> list[_Line]:
    found: list[_Line] = []
    parts: list[Fragment] = []

    def end() -> None:
        text = " ".join(clean("".join(f.text for f in parts).translate(_LIGATURES)).split())
        if text:
            main = Counter[tuple[float, bool]]()
            for f in parts:
                main[f.size, f.bold] += len(f.text.strip())
            (size, _bold), _ = main.most_common(1)[0]
            bold = all(f.bold for f in parts if f.text.strip())
            found.append(_Line(text, number, parts[0].x, parts[0].y, size, bold))
        parts.clear()

    for fragment in page:
        pieces = fragment.text.split("\n")
        if parts and (
            abs(fragment.y - parts[0].y) > 0.6 * max(parts[0].size, fragment.size, 1) or fragment.x < parts[-1].x - 1
        ):
            end()
        for index, piece in enumerate(pieces):
            if index:
                end()
            if piece.strip():
                parts.append(Fragment(piece, fragment.x, fragment.y, fragment.size, fragment.bold))
            elif piece and parts:
                last = parts[-1]
                parts[-1] = Fragment(last.text + " ", last.x, last.y, last.size, last.bold)
    end()
    return found


def _without_running_lines(by_page: list[list[_Line]]) -> tuple[list[_Line], int]:
    """The lines of all pages without headers, footers and numbers of pages, and how many those were."""

    def form(line: _Line) -> str:
        return re.sub(r"\d+", "#", line.text.lower())

    margins = []
    for lines in by_page:
        order = sorted(range(len(lines)), key=lambda i: -lines[i].y)
        margins.append({*order[:_MARGIN_LINES], *order[-_MARGIN_LINES:]})
    seen = Counter(text for lines, at in zip(by_page, margins, strict=True) for text in {form(lines[i]) for i in at})
    often = max(2, round(0.3 * len(by_page)))
    others, running = [], 0
    for lines, at in zip(by_page, margins, strict=True):
        for i, line in enumerate(lines):
            if i in at and (_PAGE_NUMBER.fullmatch(line.text) or (seen[form(line)] >= often and len(line.text) <= 160)):
                running += 1
            else:
                others.append(line)
    return others, running


def _title(lines: list[_Line], size: float) -> tuple[str, list[_Line]]:
    """The largest letters of the first page, where no others are as large, and the lines without them."""
    first = [line for line in lines[:40] if line.page == (lines[0].page if lines else 0)]
    largest = max((line.size for line in first if len(line.text) > 3), default=0.0)
    if largest < _MUCH_LARGER * size:
        return "", lines
    at = next(i for i, line in enumerate(first) if line.size == largest and len(line.text) > 3)
    end = at
    while end < len(first) and end - at < 5 and first[end].size >= 0.95 * largest:
        end += 1
    if any(line.size >= 0.98 * largest for line in lines[:at] + lines[end:]):  # headings are as large: no title
        return "", lines
    return " ".join(line.text for line in first[at:end]), lines[:at] + lines[end:]


def _is_heading(line: _Line, size: float, body_is_bold: bool) -> bool:
    text = line.text
    letters = sum(c.isalpha() or c.isspace() for c in text)
    if len(text) > _LONGEST_HEADING or letters < max(3, 0.7 * len(text)):
        return False
    if text.endswith((",", ";", "-")) or text[0].islower():
        return False
    if line.size >= _LARGER * size:
        return True
    if line.size < 0.95 * size:
        return False
    if kind_of(text) and len(text) <= 60 and (text.isupper() or line.bold):
        return True
    return (
        line.bold and not body_is_bold and (len(text) <= 60 or bool(_NUMBERED.match(text))) and not text.endswith(".")
    )


def _goes_on(heading: _Line, line: _Line, size: float, body_is_bold: bool) -> bool:
    """Whether a line is the next of a heading: in its letters, right below it, without a number of its own."""
    alike = (line.page, line.size, line.bold) == (heading.page, heading.size, heading.bold)
    apart = line.size >= _LARGER * size or (line.bold and not body_is_bold)
    return alike and apart and 0 < heading.y - line.y < 2.2 * line.size and not _NUMBERED.match(line.text)


def _sections(
    lines: list[_Line], size: float, body_is_bold: bool, vocabulary: Counter[str]
) -> tuple[list[Section], Counter[str]]:
    left: Counter[str] = Counter()
    found: list[tuple[str, list[_Line]]] = [("", [])]
    before: _Line | None = None
    for line in lines:
        if found[-1][0] and not found[-1][1] and before is not None and _goes_on(before, line, size, body_is_bold):
            found[-1] = (f"{found[-1][0]} {line.text}", [])
        elif _is_heading(line, size, body_is_bold):
            found.append((line.text, []))
        else:
            found[-1][1].append(line)
        before = line
    sections = []
    for name, of_section in found:
        paragraphs = list(_paragraphs(of_section, vocabulary))
        if names.is_references(name):
            left["references"] += len(paragraphs)
            continue
        texts = [text for text in paragraphs if not names.is_caption(text)]
        left["figures"] += len(paragraphs) - len(texts)
        if texts:
            sections.append(Section(name, tuple(texts)))
    return sections, left


def _paragraphs(lines: list[_Line], vocabulary: Counter[str]) -> Iterator[str]:
    if not lines:
        return
    lengths = sorted(len(line.text) for line in lines)
    usual = lengths[int(0.7 * (len(lengths) - 1))]
    gaps = Counter(round(a.y - b.y) for a, b in itertools.pairwise(lines) if a.page == b.page and 0 < a.y - b.y < 60)
    spacing = gaps.most_common(1)[0][0] if gaps else 0
    text = lines[0].text
    for before, line in itertools.pairwise(lines):
        ended = before.text.endswith((".", "!", "?", ":", ".”", '."', ".)", "]"))
        short = len(before.text) < _SHORT_LINE * usual
        same_column = before.page == line.page and before.y > line.y
        gap = same_column and spacing and before.y - line.y > 1.35 * spacing
        indented = same_column and 4 < line.x - before.x < 40
        caption = names.is_caption(line.text)
        if (ended and (short or gap or indented)) or (gap and not line.text[:1].islower()) or caption:
            yield text
            text = line.text
        else:
            text = _joined(text, line.text, vocabulary)
    yield text


def _joined(text: str, more: str, vocabulary: Counter[str]) -> str:
    """Two lines as one; a hyphen between them stays where it belongs to the word (`hyphens.stays`)."""
    if len(text) < 2 or text[-2].isspace() or not text.endswith((*_HYPHENS, "–", "/")):
        return f"{text} {more}"
    stem = text[:-1]
    head, tail = re.search(r"[^\W\d_]+(?:[-\u2010\u2011][^\W\d_]+)*$", stem), _WORD.match(more)
    if head is not None and tail is not None and hyphens.is_suspended(tail.group()):
        return f"{text} {more}"
    if text.endswith(("–", "/")) or head is None or tail is None or more[0].isupper():
        return f"{stem}{text[-1].replace(_SOFT_HYPHEN, '')}{more}"
    if not text.endswith(_SOFT_HYPHEN) and hyphens.stays(head.group().lower(), tail.group().lower(), vocabulary):
        return f"{text}{more}"
    return stem + more

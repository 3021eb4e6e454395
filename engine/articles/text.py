"""Plain text: one article a file, one between blank lines, or one a line."""

import itertools
import re
from collections.abc import Iterator

from engine.articles import lines
from engine.articles.article import Article, Section, clean
from engine.articles.member import Member
from engine.articles.options import BLANK_LINES, FILE, LINE, Options, Place
from engine.errors import ArticlesError, sentence

LONGEST_ARTICLE_BYTES = 16 << 20
_LOOKED_AT_BYTES = 64 << 10
_WIDEST = 120  # characters of a line that an editor broke
_LIST_MARK = re.compile(r"(?:[-*+•◦▪–—]|\(?\d{1,4}[.):])\s+")
_LIST_SHARE = 0.6  # of the lines, that begin with a mark


def unit_of(member: Member) -> str:
    """What one article seems to be in a single file: what stands between blank lines, or a line where none is blank.

    Raises:
        ArticlesError: it is damaged.
    """
    found = _first_lines(member)
    while found and not found[-1]:
        found.pop()
    if len(found) < 2 or not all(found) or _is_wrapped(found):
        return BLANK_LINES
    return LINE


def _first_lines(member: Member) -> list[str]:
    with member.open() as file:
        content = file.read(_LOOKED_AT_BYTES)
    found = content.decode("utf-8-sig", "replace").strip("\r\n").splitlines()
    return [text.strip() for text in found[: -1 if len(content) == _LOOKED_AT_BYTES else None]]


def _is_wrapped(found: list[str]) -> bool:
    """Whether lines are pieces of one text that an editor broke: alike in length, and many go on in lower case."""
    longest = max(map(len, found))
    goes_on = sum(b[:1].islower() and a[-1:] not in ".!?…:" for a, b in itertools.pairwise(found))
    full = sum(len(text) >= 0.75 * longest for text in found)
    return longest <= _WIDEST and goes_on > 0.4 * (len(found) - 1) and full > 0.6 * len(found)


def _is_list(found: list[str]) -> bool:
    found = [text for text in found if text]
    return sum(bool(_LIST_MARK.match(text)) for text in found) >= max(2, _LIST_SHARE * len(found))


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each article from `start` on (byte offset, lines before it, articles before it)."""
    if options.text_unit == LINE:
        yield from _each_line(member, start)
        return
    offset, line, number = start or (0, 0, 0)
    whole_file = options.text_unit == FILE
    stem = clean(member.stem)
    with member.open(offset) as file:
        paragraphs: list[str] = []
        size, first, problem = 0, line + 1, ""
        try:
            for raw, length in itertools.chain(lines.read(member, file, LONGEST_ARTICLE_BYTES), [(b"", 0)]):
                at_start = offset == 0
                offset += length
                line += bool(length)
                blank = raw is not None and not raw.strip()
                if length and not (blank and not whole_file):
                    size += length
                    if size > LONGEST_ARTICLE_BYTES:
                        problem, paragraphs = problem or sentence("{path}, line {line}: an article of over 16 MB."), []
                    elif raw is not None and not problem and not blank:
                        try:
                            text = raw.decode("utf-8-sig" if at_start else "utf-8")
                        except UnicodeDecodeError:
                            problem, first = sentence("{path}, line {line}: not UTF-8."), line
                        else:
                            if "\0" in text:
                                problem, first = sentence("{path}, line {line}: holds NUL bytes, it is no text."), line
                            elif cleaned := clean(text):
                                paragraphs.append(cleaned)
                    continue
                if problem:
                    number += 1
                    yield (offset, line, number), ArticlesError(problem, path=member.name, line=first)
                elif paragraphs:
                    number += 1
                    identifier = stem if whole_file else f"{stem}-{number}"
                    yield (offset, line, number), Article(identifier[:200], (), (Section("", tuple(paragraphs)),))
                paragraphs, size, first, problem = [], 0, line + 1, ""
        except ArticlesError as error:
            yield (offset, line, number), error


def _each_line(member: Member, start: Place) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each line that is not blank; the marks of a list before them are left out."""
    offset, line, number = start or (0, 0, 0)
    stem = clean(member.stem)
    try:
        is_list = _is_list(_first_lines(member))
        with member.open(offset) as file:
            for raw, length in lines.read(member, file, LONGEST_ARTICLE_BYTES):
                at_start = offset == 0
                offset += length
                line += 1
                if raw is not None and not raw.strip():
                    continue
                number += 1
                yield (offset, line, number), _line(member, raw, at_start, is_list, f"{stem}-{number}"[:200], line)
    except ArticlesError as error:
        yield (offset, line, number), error


def _line(
    member: Member, raw: bytes | None, at_start: bool, is_list: bool, identifier: str, line: int
) -> Article | ArticlesError:
    problem = sentence("{path}, line {line}: an article of over 16 MB.") if raw is None else ""
    try:
        text = (raw or b"").decode("utf-8-sig" if at_start else "utf-8")
    except UnicodeDecodeError:
        text, problem = "", sentence("{path}, line {line}: not UTF-8.")
    if "\0" in text:
        problem = sentence("{path}, line {line}: holds NUL bytes, it is no text.")
    cleaned = clean(text)
    if is_list and (mark := _LIST_MARK.match(cleaned)):
        cleaned = cleaned[mark.end() :]
    if not problem and not cleaned:
        problem = sentence("{path}, line {line}: an article without text.")
    if problem:
        return ArticlesError(problem, path=member.name, line=line)
    return Article(identifier, (), (Section("", (cleaned,)),))

"""Plain text: one article a file, one between blank lines, or one a line."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator

from engine.articles import field, lines, listed
from engine.articles.article import Article, Section, clean
from engine.articles.member import Member
from engine.articles.options import BLANK_LINES, FILE, LINE, Options, Place
from engine.articles.wrapped import is_wrapped
from engine.core.errors import ArticlesError, sentence

LONGEST_ARTICLE_BYTES = 16 << 20
_SAMPLE_BYTES = 64 << 10
_LONGEST_TITLE = 120  # characters of a line that stands above a list
_LINE_END = re.compile(r"\r\n|\n|\r")
_BREAK = re.compile(r"([*_=~#+•·—–-])(?:\s*\1){2,}|⁂")  # between scenes or parts
_LONGEST_BREAK_BYTES = 1_000
_NEXT_SENTENCE = re.compile(r"[.!?…]\s+[^\W\d_a-z]")
_SENTENCE_SHARE = 0.8  # of the lines that are one sentence each, below a title
_WITH_MARKS = 0.9  # of the lines, from which a text with blank lines is a list, and no novel with dialogues


def unit_of(member: Member) -> str:
    """What one article seems to be in a single file: what stands between blank lines, or a line.

    A line where none is blank, where all have the marks of a list, or where one is a title and the rest a list of sentences.

    Raises:
        ArticlesError: it is damaged.
    """
    groups = _groups(_first_lines(member))
    found = [text for group in groups for text in group]
    if len(found) < 2:
        return BLANK_LINES
    if _wrapped(groups) is not None:
        return LINE
    if len(groups) == 1:
        return BLANK_LINES if is_wrapped(found) else LINE
    pattern = listed.mark_of(found)
    if pattern is not None and _nearly_all(pattern, found):
        return LINE
    return LINE if has_title(groups) else BLANK_LINES


def line_remark(member: Member) -> str:
    """Why each line of a file was taken as one text, as a person is told."""
    groups = _groups(_first_lines(member))
    if _wrapped(groups) is not None:
        return sentence("{path}: it is a list, so each of its items was taken as one text, also over several lines.")
    if len(groups) == 1:
        return sentence("{path}: no line is blank, so each line was taken as one text.")
    return sentence("{path}: its lines are a list, so each of them was taken as one text.")


def has_title(groups: list[list[str]]) -> bool:
    """Whether lines, a list for each that stand together, are a title above a list of sentences."""
    title, *items = [text for group in groups for text in group] or [""]
    if len(items) < 2 or len(title) > _LONGEST_TITLE or title[-1] in ".!?…;,":
        return False
    pattern = listed.mark_of(items)
    if pattern is not None:
        return not pattern.match(title) and all(pattern.match(text) for text in items)
    sentences = sum(map(is_sentence, items))
    parted = len(groups) == 2 and len(groups[0]) == 1
    return parted and not is_wrapped(items) and sentences >= _SENTENCE_SHARE * len(items)


def is_sentence(text: str) -> bool:
    """Whether a line is one sentence, and a whole one."""
    return text[-1:] in tuple(".!?…") and not _NEXT_SENTENCE.search(text)


def _wrapped(groups: list[list[str]]) -> listed.Wrapped | None:
    """The list of broken items that lines are, with nothing but a title apart from it."""
    together = len(groups) == 1 or (len(groups) == 2 and len(groups[0]) == 1)
    return listed.wrapped([text for group in groups for text in group]) if together else None


def _groups(found: list[str]) -> list[list[str]]:
    """The lines that are not blank, those together that stand together."""
    return [list(group) for is_text, group in itertools.groupby(found, bool) if is_text]


def _first_lines(member: Member) -> list[str]:
    with member.open() as file:
        content = file.read(_SAMPLE_BYTES)
    found = _LINE_END.split(content.decode("utf-8-sig", "replace").strip("\r\n"))
    found = [text.strip() for text in found[: -1 if len(content) == _SAMPLE_BYTES else None]]
    return [text for text in found if not _BREAK.fullmatch(text)]


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each article from `start` on (byte offset, lines before it, articles before it)."""
    if options.text_unit == LINE:
        yield from _each_line(member, start)
        return
    offset, line, number = start or (0, 0, 0)
    whole_file = options.text_unit == FILE
    stem = clean(member.stem)
    pattern = None if whole_file else _mark_between_blanks(member)
    with member.open(offset) as file:
        paragraphs: list[str] = []
        left = Counter[str]()
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
                    elif raw is not None and not whole_file and _is_break(raw):  # in a book it is one of the text
                        left["marks"] += 1
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
                    paragraphs[0] = listed.without_mark(paragraphs[0], pattern)
                    yield (offset, line, number), _article(member, identifier, "\n".join(paragraphs), first, left)
                    left = Counter()
                paragraphs, size, first, problem = [], 0, line + 1, ""
        except ArticlesError as error:
            yield (offset, line, number), error


def _mark_between_blanks(member: Member) -> re.Pattern[str] | None:
    """What stands before each text where what blank lines part is a list."""
    try:
        found = [group[0] for group in _groups(_first_lines(member))]
    except ArticlesError:  # whoever reads the file says so
        return None
    pattern = listed.mark_of(found)
    return pattern if pattern is not None and _nearly_all(pattern, found) else None


def _nearly_all(pattern: re.Pattern[str], found: list[str]) -> bool:
    return sum(bool(pattern.match(text)) for text in found) >= _WITH_MARKS * len(found)


def _article(
    member: Member, identifier: str, text: str, line: int, left: Counter[str] | None = None
) -> Article | ArticlesError:
    """The article that a text is, without markup, or what is wrong with it."""
    left = Counter() if left is None else left
    paragraphs = tuple(cleaned for part in field.plain(text, left).split("\n") if (cleaned := clean(part)))
    if not paragraphs:
        return ArticlesError(sentence("{path}, line {line}: an article without text."), path=member.name, line=line)
    counted = tuple((part, count) for part, count in left.items() if count)
    return Article(identifier[:200], (), (Section("", paragraphs),), left_out=counted)


def _each_line(member: Member, start: Place) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each line that is not blank, without the marks of a list; a title above a list is counted."""
    offset, line, number = start or (0, 0, 0)
    stem = clean(member.stem)
    try:
        groups = _groups(_first_lines(member))
        if (items := _wrapped(groups)) is not None:
            yield from _each_item(member, items, (offset, line, number))
            return
        titles = int(has_title(groups))
        shown = [text for group in groups for text in group][titles:]
        pattern = listed.mark_of(shown)
        quoted = listed.are_quoted([listed.without_mark(text, pattern) for text in shown])
        passed = not titles or bool(start)
        left = Counter[str]({"list_titles": 0 if start else titles})
        with member.open(offset) as file:
            for raw, length in lines.read(member, file, LONGEST_ARTICLE_BYTES):
                at_start = offset == 0
                offset += length
                line += 1
                if raw is not None and (not raw.strip() or _is_markup(raw, left)):
                    continue
                if not passed:
                    passed = True
                    continue
                number += 1
                item = _line(member, raw, at_start, pattern, quoted, f"{stem}-{number}", line, left)
                left = Counter() if isinstance(item, Article) else left
                yield (offset, line, number), item
    except ArticlesError as error:
        yield (offset, line, number), error


def _each_item(
    member: Member, items: listed.Wrapped, start: tuple[int, int, int]
) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each item of a list, all of its lines, from the mark before it on."""
    offset, line, number = start
    left = Counter[str]()
    item: list[str] = []  # the lines of the item that has begun
    size, problem, first, begun = 0, "", line, False
    try:
        with member.open(offset) as file:
            for raw, length in itertools.chain(lines.read(member, file, LONGEST_ARTICLE_BYTES), [(None, 0)]):
                text, wrong = _decoded(raw, offset == 0) if length else ("", "")
                if _BREAK.fullmatch(text):
                    left["marks"] += 1
                    text = ""
                begins = items.begins(text, number + begun)
                if begun and (begins or not length):
                    number += 1
                    identifier = f"{clean(member.stem)}-{number}"
                    if problem:
                        yield (offset, line, number), ArticlesError(problem, path=member.name, line=first)
                    else:
                        item[0] = listed.without_mark(item[0], items.pattern)
                        yield (offset, line, number), _article(member, identifier, "\n".join(item), first, left)
                        left = Counter()
                if begins:
                    item, size, problem, first, begun = [], 0, "", line + 1, True
                offset += length
                line += bool(length)
                size += length
                if size > LONGEST_ARTICLE_BYTES:
                    item, wrong = [], sentence("{path}, line {line}: an article of over 16 MB.")
                problem = problem or wrong
                if not begun:
                    left["list_titles"] += bool(text)
                elif text:
                    item.append(text)
    except ArticlesError as error:  # damaged from here on
        yield (offset, line, number), error


def _decoded(raw: bytes | None, at_start: bool) -> tuple[str, str]:
    """The text of a line, and what is wrong with it."""
    if raw is None:
        return "", sentence("{path}, line {line}: an article of over 16 MB.")
    try:
        text = raw.decode("utf-8-sig" if at_start else "utf-8")
    except UnicodeDecodeError:
        return "", sentence("{path}, line {line}: not UTF-8.")
    return ("", sentence("{path}, line {line}: holds NUL bytes, it is no text.")) if "\0" in text else (clean(text), "")


def _is_break(raw: bytes) -> bool:
    """Whether a line only parts what stands around it: * * * or ---."""
    return len(raw) <= _LONGEST_BREAK_BYTES and bool(_BREAK.fullmatch(raw.decode("utf-8", "replace").strip()))


def _is_markup(raw: bytes, left: Counter[str]) -> bool:
    """Whether a line is a tag, or a break between parts, and nothing else, which is counted."""
    if _is_break(raw):
        left["marks"] += 1
        return True
    if not raw.lstrip().startswith(b"<"):
        return False
    found = Counter[str]()
    if field.plain(raw.decode("utf-8", "replace"), found).strip():
        return False
    left.update(found)
    return True


def _line(
    member: Member,
    raw: bytes | None,
    at_start: bool,
    pattern: re.Pattern[str] | None,
    quoted: bool,
    identifier: str,
    line: int,
    left: Counter[str],
) -> Article | ArticlesError:
    text, problem = _decoded(raw, at_start)
    if problem:
        return ArticlesError(problem, path=member.name, line=line)
    text = listed.without_mark(text, pattern)
    return _article(member, identifier, listed.without_quotes(text) if quoted else text, line, left)

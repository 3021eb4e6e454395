"""CSV with a header: one article a row, read by Python's csv module."""

import contextlib
import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from engine.articles import lines, names, records, table
from engine.articles.article import Article
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.core.errors import ArticlesError, sentence

LONGEST_FIELD = 4 << 20  # characters; a quote that is never closed ends here
LONGEST_LINE_BYTES = LONGEST_ROW_BYTES = 8 << 20
_DELIMITERS = (",", ";", "\t", "|")
_ONE_COLUMN = "\x1f"  # stands in no text
_SEPARATOR_LINE = re.compile(r"\ufeff?\s*\"?sep=([,;\t|])\"?\s*", re.IGNORECASE)
_USUAL = {*names.TEXT_COLUMNS, *names.ABSTRACT_COLUMNS, *names.TITLE_COLUMNS, *names.ID_COLUMNS}
_LONGEST_HEAD = 100  # characters of a column's name
_SAME_HEADER = sentence("{path}, line {line}: the header again, as where tables were joined; it is no article.")
_OTHER_HEADER = sentence("{path}, line {line}: the header of another table; the rows behind it were read by it.")
_SAMPLE_CHARACTERS = 8 << 10  # from which the last line may have been cut off
_FEWEST_ROWS = 4  # of a table that no name tells, its header included
_RETRIED_LINES = 1_000  # of a row: a longer one has no end, however it is read
# How a row may be written, the commonest first: a blank before a quote is none of the text, but where the quote is; some
# databases write a backslash before a quote instead of a second one. Between tabs a quote is often a quote and nothing else.
_WAYS: tuple[dict[str, Any], ...] = ({"skipinitialspace": True}, {}, {"escapechar": "\\"})
_WITHOUT_QUOTES = {"quoting": csv.QUOTE_NONE}


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each row from `start` on (byte offset, lines before it, and both of the last header where tables were joined): the
    article, or what is wrong with it.

    Raises:
        ArticlesError: no header, or no column that holds the text.
    """
    with member.open() as file:
        rows = _Rows(member, file)
        head = rows.head()
        first = table.columns(member.name, head, options, lambda: preview(member, table.SAMPLE_ROWS)[1])
        unread = 0 if start else table.left_out(head, first)
        chosen: Options | ArticlesError = first
        last_header = tuple(start[2:])
        if last_header:
            rows.go_to(*last_header)
            head, chosen = _under(rows.head(), head, chosen, options, member)
        if start:
            rows.go_to(*start[:2])
        before = rows.place
        for row in rows:
            header, before = before, row.place
            if isinstance(row.cells, ArticlesError):
                yield (*row.place, *last_header), row.cells
                continue
            cells = rows.under_head(row.cells)
            if template := _header_again(row.cells, head):
                if template == _OTHER_HEADER:
                    last_header = header
                    rows.go_to(*header)
                    head, chosen = _under(rows.head(), head, chosen, options, member)
                yield (*row.place, *last_header), ArticlesError(template, path=member.name, line=row.line)
            elif isinstance(chosen, ArticlesError):
                yield (*row.place, *last_header), chosen
            elif len(cells) != len(head):
                template = sentence("{path}, line {line}: {count} fields where the header has {wanted}.")
                counts = {"count": len(row.cells), "wanted": len(head)}
                yield (*row.place, *last_header), ArticlesError(template, path=member.name, line=row.line, **counts)
            else:
                fields = dict(zip(head, cells, strict=True))
                item = records.of_fields(fields, chosen, member, row.line, is_table=True)
                yield (*row.place, *last_header), table.with_columns(item, unread)
                unread = 0 if isinstance(item, Article) else unread


def _header_again(cells: list[str], header: list[str]) -> str:
    """What is said of a row that is a header, the table's own again or that of another table; "" of any other row."""
    if any(len(cell) > _LONGEST_HEAD for cell in cells):
        return ""
    while len(cells) > 1 and not cells[-1].strip():
        cells = cells[:-1]
    found = [names.head(name) for name in table.distinct(cells)]
    if found == [names.head(name) for name in header]:
        return _SAME_HEADER
    usual = sum(name in _USUAL for name in found)
    return _OTHER_HEADER if usual > 1 and 2 * usual >= len(found) else ""


def _under(
    found: list[str], header: list[str], chosen: Options | ArticlesError, options: Options, member: Member
) -> tuple[list[str], Options | ArticlesError]:
    """The names of the columns under a further header, and which of them are read: the same where only their order is another."""
    by_name = {names.head(name): name for name in header}
    if sorted(by_name) == sorted(map(names.head, found)):
        return [by_name[names.head(name)] for name in found], chosen
    try:
        return found, table.columns(member.name, found, options)
    except ArticlesError as error:  # of each of its rows
        return found, error


def preview(member: Member, count: int = 5) -> tuple[list[str], list[list[str]]]:
    """The header and the first rows, cut to 200 characters a field.

    Raises:
        ArticlesError: no header that can be read.
    """
    found: list[list[str]] = []
    with member.open() as file:
        rows = _Rows(member, file)
        head = rows.head()
        for row in rows:
            if isinstance(row.cells, ArticlesError):
                continue
            cells = [text[:200] for text in row.cells[: len(head)]]
            found.append(cells + [""] * (len(head) - len(cells)))
            if len(found) == count:
                break
    return head, found


def separator_line(line: str) -> str:
    """The separator that Excel's first line `sep=;` names, or ""."""
    match = _SEPARATOR_LINE.fullmatch(line)
    return match[1] if match else ""


def heads(line: str) -> tuple[str, list[str]]:
    """The separator of a line of heads, and these: where the most usual names stand, else the most heads.

    What stands in quotes parts nothing.
    """
    found = {delimiter: _parted(line, delimiter) for delimiter in _DELIMITERS}

    def rank(delimiter: str) -> tuple[bool, int, int]:
        cells = found[delimiter]
        return len(cells) > 1, sum(names.head(cell) in _USUAL for cell in cells[: names.MOST_COLUMNS]), len(cells)

    best = max(_DELIMITERS, key=rank)
    if len(found[best]) == 1 and names.head(found[best][0]) in _USUAL:
        best = _ONE_COLUMN  # a comma in its rows is one of the text
    return best, found.get(best, found[","])


def is_regular(start: str, delimiter: str, width: int) -> bool:
    """Whether each of the first rows of what begins so has as many fields, and the first, of names, no number among them."""
    complete = start[: start.rfind("\n") + 1].splitlines() if len(start) > _SAMPLE_CHARACTERS else start.splitlines()
    try:
        rows = [row for row in csv.reader(complete, delimiter=delimiter) if row]
    except csv.Error:
        return False
    numbers = any(cell.strip().replace(".", "").replace(",", "").isdecimal() or not cell.strip() for cell in rows[0])
    return len(rows) >= _FEWEST_ROWS and not numbers and all(len(row) == width for row in rows)


def _parted(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return line.split(delimiter)


@dataclass(frozen=True)
class _Row:
    """A row: the line it starts on, the place behind it, and its cells or what is wrong with it."""

    line: int
    place: Place
    cells: list[str] | ArticlesError


class _Rows:
    """The rows of a file. A row that is broken costs its first line alone: reading goes on with the next."""

    def __init__(self, member: Member, file: BinaryIO) -> None:
        csv.field_size_limit(LONGEST_FIELD)
        self._member, self._file = member, file
        self._lines = _Lines(member, file, 0, 0)
        first = self._lines.peek()
        while first and not first.strip():
            self._lines.drop()
            first = self._lines.peek()
        if delimiter := separator_line(first):
            self._lines.drop()
        self._delimiter = delimiter or heads(first)[0]
        self._begin()
        self._width = self._named = 0  # of the header, with the columns at its end that have no name and without
        self._ended = False

    def _begin(self) -> None:
        ways = (*_WAYS, _WITHOUT_QUOTES) if self._delimiter == "\t" else _WAYS
        self._readers = [csv.reader(self._lines, delimiter=self._delimiter, strict=True, **way) for way in ways]

    def head(self) -> list[str]:
        """The names of the columns, no two alike; taken before any row.

        Raises:
            ArticlesError: there is no header that can be read.
        """
        header = next(self, None)
        if header is None or isinstance(header.cells, ArticlesError):
            raise header.cells if header else ArticlesError("{path} has no header line.", path=self._member.name)  # type: ignore[misc]
        self._width = len(header.cells)
        found = list(header.cells)
        while len(found) > 1 and not found[-1].strip():
            found.pop()
        self._named = len(found)
        return table.distinct(found)

    @property
    def place(self) -> Place:
        """Byte offset and lines before the next row."""
        return self._lines.place

    def under_head(self, cells: list[str]) -> list[str]:
        """A row's cells without those at its end that are empty, or stand in a column without a name."""
        behind = cells[self._named :]
        if not any(cell.strip() for cell in behind) or len(cells) <= self._width:
            return cells[: self._named]
        return cells

    def go_to(self, offset: int, line: int) -> None:
        """Goes on at a place."""
        try:
            self._file.seek(offset)
        except DAMAGED as error:
            raise self._member.damaged(error) from error
        self._lines = _Lines(self._member, self._file, offset, line)
        self._begin()

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> _Row:
        while not self._ended:
            self._lines.taken.clear()
            line = self._lines.line + 1
            try:
                cells = self._next_cells()
            except csv.Error as error:
                self._lines.give_back(len(self._lines.taken) - 1)
                template = sentence("{path}, lines {line} to {end}: broken quotes or an endless field ({reason}).")
                return self._problem(line, template, end=line, reason=str(error))
            except _LongLine:
                return self._problem(line, sentence("{path}, line {line}: longer than 8 MB."))
            except ArticlesError as error:  # damaged: nothing can follow
                self._ended = True
                return _Row(line, self._lines.place, error)
            if not cells:
                continue
            if any("\0" in cell for cell in cells):
                return self._problem(line, sentence("{path}, line {line}: holds NUL bytes, it is no text."))
            if any(_not_utf8(cell) for cell in cells):
                return self._problem(line, sentence("{path}, line {line}: not UTF-8."))
            return _Row(line, self._lines.place, cells)
        raise StopIteration

    def _next_cells(self) -> list[str]:
        """The cells of the next row in the first way in which it can be read.

        Raises:
            csv.Error: in none.
        """
        problem, endless = None, False
        for number, reader in enumerate(self._readers):
            if endless and number < len(_WAYS):
                continue
            try:
                return next(reader)
            except csv.Error as error:
                problem = problem or error
                endless = endless or len(self._lines.taken) > _RETRIED_LINES
                self._lines.give_back(len(self._lines.taken))
        next(self._lines)  # the row costs its first line
        raise problem or csv.Error

    def _problem(self, line: int, template: str, **values: object) -> _Row:
        return _Row(line, self._lines.place, ArticlesError(template, path=self._member.name, line=line, **values))


class _LongLine(Exception):
    """A line that is longer than may be."""


class _Lines:
    """What csv.reader takes its lines from; those that were taken since the last row can be given back.

    Attributes:
        taken: (text, or None for a line that is too long; bytes) of each of them.
        line: lines taken in all.
    """

    def __init__(self, member: Member, file: BinaryIO, offset: int, line: int) -> None:
        self.taken: list[tuple[str | None, int]] = []
        self.line, self._offset, self._row_bytes = line, offset, 0
        self._coming = _decoded(lines.read(member, file, LONGEST_LINE_BYTES), offset == 0)
        self._back: deque[tuple[str | None, int]] = deque()

    @property
    def place(self) -> Place:
        """Byte offset behind what was taken, and lines before it."""
        return self._offset, self.line

    def peek(self) -> str:
        """The next line, which stays."""
        try:
            text = next(self)
        except (StopIteration, ArticlesError, _LongLine):
            text = ""
        self.give_back(len(self.taken))
        return text

    def drop(self) -> None:
        """Passes over the next line."""
        with contextlib.suppress(_LongLine):
            next(self)
        self.taken.clear()

    def give_back(self, count: int) -> None:
        """Puts back the last so many lines that were taken."""
        for _ in range(count):
            text, size = self.taken.pop()
            self._back.appendleft((text, size))
            self._offset -= size
            self.line -= 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        text, size = self._back.popleft() if self._back else next(self._coming)
        self.taken.append((text, size))
        self._offset += size
        self.line += 1
        if text is None and len(self.taken) == 1:
            raise _LongLine
        self._row_bytes = size + (self._row_bytes if len(self.taken) > 1 else 0)
        if text is None or self._row_bytes > LONGEST_ROW_BYTES:
            raise csv.Error("no end of the row in sight")
        return text


def _decoded(found: Iterator[tuple[bytes | None, int]], at_start: bool) -> Iterator[tuple[str | None, int]]:
    """The lines as text; a line end may be a carriage return alone."""
    for raw, size in found:
        if raw is None:
            yield None, size
            continue
        for part in raw.splitlines(keepends=True):
            yield part.decode("utf-8-sig" if at_start else "utf-8", "surrogateescape"), len(part)
            at_start = False


def _not_utf8(cell: str) -> bool:
    return not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell)

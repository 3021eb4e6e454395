"""CSV with a header: one article a row, read by Python's csv module."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from engine.articles import lines, records, table
from engine.articles.article import Article
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.errors import ArticlesError, sentence

LONGEST_FIELD = 4 << 20  # characters; a quote that is never closed ends here
LONGEST_LINE_BYTES = LONGEST_ROW_BYTES = 8 << 20


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each row from `start` on (byte offset, lines before it): the article, or what is wrong with it.

    Raises:
        ArticlesError: no header, or no column that holds the text.
    """
    with member.open() as file:
        rows = _Rows(member, file)
        header = next(rows, None)
        if header is None or isinstance(header.cells, ArticlesError):
            raise header.cells if header else ArticlesError("{path} has no header line.", path=member.name)  # type: ignore[misc]
        names = header.cells
        chosen = table.columns(member.name, names, options)
        unread = 0 if start else table.left_out(names, chosen)
        if start:
            rows.go_to(*start)
        for row in rows:
            if isinstance(row.cells, ArticlesError):
                yield row.place, row.cells
            elif len(row.cells) != len(names):
                template = sentence("{path}, line {line}: {count} fields where the header has {wanted}.")
                counts = {"count": len(row.cells), "wanted": len(names)}
                yield row.place, ArticlesError(template, path=member.name, line=row.line, **counts)
            else:
                fields = dict(zip(names, row.cells, strict=True))
                item = records.of_fields(fields, chosen, member, row.line, is_table=True)
                yield row.place, table.with_columns(item, unread)
                unread = 0 if isinstance(item, Article) else unread


def preview(member: Member, count: int = 5) -> tuple[list[str], list[list[str]]]:
    """The header and the first rows, cut to 200 characters a field.

    Raises:
        ArticlesError: no header that can be read.
    """
    found: list[list[str]] = []
    with member.open() as file:
        for row in _Rows(member, file):
            if isinstance(row.cells, ArticlesError):
                if not found:
                    raise row.cells
                continue
            found.append([text[:200] for text in row.cells])
            if len(found) > count:
                break
    if not found:
        raise ArticlesError("{path} has no header line.", path=member.name)
    return found[0], found[1:]


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
        self._delimiter = _delimiter(self._lines.peek())
        self._reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        self._ended = False

    def go_to(self, offset: int, line: int) -> None:
        """Goes on at a place."""
        try:
            self._file.seek(offset)
        except DAMAGED as error:
            raise self._member.damaged(error) from error
        self._lines = _Lines(self._member, self._file, offset, line)
        self._reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> _Row:
        while not self._ended:
            self._lines.taken.clear()
            line = self._lines.line + 1
            try:
                cells = next(self._reader)
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


def _delimiter(first_line: str) -> str:
    counts = {delimiter: first_line.count(delimiter) for delimiter in (",", ";", "\t", "|")}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else ","

"""CSV with a header: one article a row, read by Python's csv module."""

import csv
import io
from collections.abc import Iterator

from engine.articles import jsonl, table
from engine.articles.article import Article
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.errors import ArticlesError, sentence

LONGEST_FIELD = 4 << 20  # characters; a quote that is never closed ends here, and reading goes on behind it
_SNIFFED_BYTES = 1 << 16


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each row behind the first `start` rows: the article, or what is wrong with it.

    Raises:
        ArticlesError: no header, or no column that holds the text.
    """
    done = start[0] if start else 0
    rows = _rows(member)
    header = next(rows, None)
    if header is None or isinstance(header[1], ArticlesError):
        raise header[1] if header else ArticlesError("{path} has no header line.", path=member.name)  # type: ignore[misc]
    names = header[1]
    chosen = table.columns(member.name, names, options)
    for number, (line, row) in enumerate(rows, start=1):
        if number <= done:
            continue
        if isinstance(row, ArticlesError):
            yield (number,), row
            if line < 0:
                return
        elif len(row) != len(names):
            template = sentence("{path}, line {line}: {count} fields where the header has {wanted}.")
            yield (number,), ArticlesError(template, path=member.name, line=line, count=len(row), wanted=len(names))
        else:
            article = jsonl.of_fields(dict(zip(names, row, strict=True)), chosen)
            if article is None:
                template = sentence("{path}, line {line}: an article without text.")
                yield (number,), ArticlesError(template, path=member.name, line=line)
            else:
                yield (number,), article


def preview(member: Member, count: int = 5) -> tuple[list[str], list[list[str]]]:
    """The header and the first rows, cut to 200 characters a field.

    Raises:
        ArticlesError: no header that can be read.
    """
    found: list[list[str]] = []
    for _, row in _rows(member):
        if isinstance(row, ArticlesError):
            if not found:
                raise row
            continue
        found.append([text[:200] for text in row])
        if len(found) > count:
            break
    if not found:
        raise ArticlesError("{path} has no header line.", path=member.name)
    return found[0], found[1:]


def _rows(member: Member) -> Iterator[tuple[int, list[str] | ArticlesError]]:
    """Each row with the line it starts on; a negative line says that nothing can follow."""
    csv.field_size_limit(LONGEST_FIELD)
    with member.open() as file:
        try:
            delimiter = _delimiter(file.read(_SNIFFED_BYTES))
            file.seek(0)
        except DAMAGED as error:
            yield -1, member.damaged(error)
            return
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(_whole_lines(text), delimiter=delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                template = sentence("{path}, lines {line} to {end}: broken quotes or an endless field ({reason}).")
                yield line, ArticlesError(template, path=member.name, line=line, end=reader.line_num, reason=str(error))
                continue
            except DAMAGED as error:
                yield -1, member.damaged(error)
                return
            if not row:
                continue
            if any("\0" in cell for cell in row):
                template = sentence("{path}, line {line}: holds NUL bytes, it is no text.")
                yield line, ArticlesError(template, path=member.name, line=line)
            elif any(_not_utf8(cell) for cell in row):
                yield line, ArticlesError(sentence("{path}, line {line}: not UTF-8."), path=member.name, line=line)
            else:
                yield line, row


def _whole_lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines, those without an end in sight in pieces, so that no line fills the memory."""
    while piece := text.readline(LONGEST_FIELD + 1):
        yield piece


def _not_utf8(cell: str) -> bool:
    return not cell.isascii() and any("\udc80" <= character <= "\udcff" for character in cell)


def _delimiter(head: bytes) -> str:
    first_line = head.decode("utf-8", "replace").partition("\n")[0]
    counts = {delimiter: first_line.count(delimiter) for delimiter in (",", ";", "\t", "|")}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else ","

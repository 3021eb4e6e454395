"""JSON that is no JSON lines: an array, an object over several lines, or several of these; each object is an article.

An object that holds nothing but one list of objects is that list. CORD-19's files are of this form.
"""

import codecs
import json
from collections.abc import Iterator
from typing import BinaryIO

from engine.articles import records, unread
from engine.articles.article import Article
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.errors import ArticlesError, sentence

LONGEST_VALUE_BYTES = 8 << 20  # as of a line of JSON lines
_STEP_BYTES = 1 << 18
_DECODER = json.JSONDecoder()
_TOO_LONG = sentence(
    "{path}, line {line}: one JSON value of more than 8 MB: write the articles as JSON lines, one object a line."
)
_BROKEN = sentence("{path}, line {line}: JSON that is broken or cut off ({reason}); what stands behind it is not read.")


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each article from `start` on (byte offset, lines before it, articles done of the value that stands there)."""
    offset, line, done = start or (0, 0, 0)
    with member.open() as file:
        text = _Text(file, offset, line)
        try:
            text.begin()
            while text.find_value():
                at, on = text.offset, text.line
                value, problem = text.take(member)
                if problem is not None:
                    yield (text.offset, text.line, 0), problem
                    return
                inside = _inside(value, options)
                for number, item in enumerate(inside, start=1):
                    if number > done:
                        last = number == len(inside)
                        place = (text.offset, text.line, 0) if last else (at, on, number)
                        yield place, records.article_of(item, options, member, on + 1)
                done = 0
        except DAMAGED as error:
            yield (text.offset, text.line, 0), member.damaged(error)


def _inside(value: object, options: Options) -> list:
    """The objects of a list, also where it stands alone in an object; else the value itself."""
    if not isinstance(value, dict) or options.text_column in value or unread.of_json(value):
        return [value]
    lists = [v for v in value.values() if isinstance(v, list) and v and all(isinstance(i, dict) for i in v)]
    usual = records.usual(tuple(key for key in value if value[key] is not None), options)
    if len(lists) != 1 or "body_text" in value or usual.text_column or usual.abstract_column:
        return [value]
    return lists[0]


class _Text:
    """The text of a file, of which one value after the other is taken.

    Attributes:
        offset, line: the bytes and lines before what stands next.
    """

    def __init__(self, file: BinaryIO, offset: int, line: int) -> None:
        self.offset, self.line = offset, line
        self._file, self._buffer, self._ended, self._in_array = file, "", False, offset > 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def begin(self) -> None:
        """Goes to the place, and learns whether the file is an array."""
        self._file.seek(0)
        self._in_array = self._file.read(256).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")
        self._file.seek(self.offset)
        if self.offset == 0:
            self._more()
            if self._buffer.startswith("\ufeff"):
                self._drop(1)
            self._drop_space("")
            if self._in_array:
                self._drop(1)

    def _more(self) -> bool:
        piece = self._file.read(_STEP_BYTES)
        self._ended = not piece
        self._buffer += self._decoder.decode(piece, self._ended)
        return not self._ended

    def _drop(self, count: int) -> None:
        dropped, self._buffer = self._buffer[:count], self._buffer[count:]
        self.offset += len(dropped.encode("utf-8", "surrogateescape"))
        self.line += dropped.count("\n")

    def _drop_space(self, others: str) -> None:
        while True:
            rest = self._buffer.lstrip(" \t\r\n" + others)
            self._drop(len(self._buffer) - len(rest))
            if self._buffer or not self._more():
                return

    def find_value(self) -> bool:
        """Goes to the next value; False at the end."""
        self._drop_space(",\x1e")
        return bool(self._buffer) and not (self._in_array and self._buffer.startswith("]"))

    def take(self, member: Member) -> tuple[object, ArticlesError | None]:
        """The value that stands next, or what is wrong with it."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer)
            except (ValueError, RecursionError) as error:
                if len(self._buffer) > LONGEST_VALUE_BYTES:
                    return None, ArticlesError(_TOO_LONG, path=member.name, line=self.line + 1)
                wanted = 2 * len(self._buffer)  # in doubled steps, so that a long value is not tried too often
                while not isinstance(error, RecursionError) and len(self._buffer) < wanted and self._more():
                    pass
                if isinstance(error, RecursionError) or self._ended:
                    line = self.line + getattr(error, "lineno", 1)
                    reason = getattr(error, "msg", "too deep")
                    return None, ArticlesError(_BROKEN, path=member.name, line=line, reason=reason)
            else:
                if end == len(self._buffer) and not self._ended and self._more():
                    continue  # a number may go on
                if any("\udc80" <= c <= "\udcff" for c in self._buffer[:end]):
                    template = sentence("{path}, line {line}: not UTF-8.")
                    return None, ArticlesError(template, path=member.name, line=self.line + 1)
                self._drop(end)
                return value, None


def is_json(head: str) -> bool:
    """Whether a text that begins so is JSON over several lines, and not JSON lines."""
    first, newline, _rest = head.lstrip("\ufeff \t\r\n").partition("\n")
    first = first.rstrip()
    if first.startswith("["):
        return first == "[" or first[1:].lstrip()[:1] in ('"', "{", "[", "")
    if not first.startswith("{"):
        return False
    return bool(newline) and (first == "{" or first.endswith((",", "[", "{"))) and _is_open(first)


def _is_open(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return True
    return False

"""JSON that is no JSON lines: an array, an object over several lines, or several of these, also with comments between them.

What articles a value holds: engine.articles.json_shapes. CORD-19's files are of this form.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from engine.articles import json_shapes, records
from engine.articles.article import Article
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.core.errors import ArticlesError, sentence

LONGEST_VALUE_BYTES = 8 << 20  # as of a line of JSON lines
_STEP_BYTES = 1 << 18
_DECODER = json.JSONDecoder()
_TOO_LONG = sentence(
    "{path}, line {line}: one JSON value of more than 8 MB: write the articles as JSON lines, one object a line."
)
_BROKEN = sentence("{path}, line {line}: JSON that is broken or cut off ({reason}); what stands behind it is not read.")

_COMMENT = sentence(
    "{path}, line {line}: a comment (// …) inside JSON, which JSON does not have: delete it; what stands behind it is not read."
)
_BEGINS_COMMENT = ("//", "/*", "#")
_BETWEEN = re.compile(r"[ \t\r\n\x1e,\]]*")


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
                inside = json_shapes.articles_in(value, options, text.in_array)
                for number, item in enumerate(inside, start=1):
                    if number > done:
                        last = number == len(inside)
                        place = (text.offset, text.line, 0) if last else (at, on, number)
                        yield place, records.article_of(item, options, member, on + 1)
                done = 0
        except DAMAGED as error:
            yield (text.offset, text.line, 0), member.damaged(error)


class _Text:
    """The text of a file, of which one value after the other is taken.

    Attributes:
        offset, line: the bytes and lines before what stands next.
        in_array: whether that stands in an array.
    """

    def __init__(self, file: BinaryIO, offset: int, line: int) -> None:
        self.offset, self.line = offset, line
        self._file, self._buffer, self._ended, self.in_array = file, "", False, False
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def begin(self) -> None:
        """Goes to the place."""
        self._file.seek(self.offset)
        if self.offset == 0:
            self._more()
            if self._buffer.startswith("\ufeff"):
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

    def find_value(self) -> bool:
        """Goes to the next value; False at the end."""
        while self._buffer or self._more():
            between = _BETWEEN.match(self._buffer).group()  # type: ignore[union-attr]
            for sign in between:  # a comma says it also where reading began in the middle
                self.in_array = sign == "," or (sign != "]" and self.in_array)
            self._drop(len(between))
            if self._buffer.startswith("[") and not self.in_array:
                self.in_array = True
                self._drop(1)
            elif self._buffer.startswith(_BEGINS_COMMENT) or self._buffer == "/":
                self._drop_comment()
            elif self._buffer:
                return True
        return False

    def _drop_comment(self) -> None:
        if len(self._buffer) < 2:
            self._more()
        end = "*/" if self._buffer.startswith("/*") else "\n"
        while end not in self._buffer:
            self._drop(len(self._buffer) - 1)
            if not self._more():
                break
        self._drop(self._buffer.index(end) + len(end) if end in self._buffer else len(self._buffer))

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
                    if self._buffer[getattr(error, "pos", 0) :].lstrip().startswith(_BEGINS_COMMENT):
                        return None, ArticlesError(_COMMENT, path=member.name, line=line)
                    return None, ArticlesError(_BROKEN, path=member.name, line=line, reason=reason)
            else:
                if end == len(self._buffer) and not self._ended and self._more():
                    continue  # a number may go on
                if any("\udc80" <= c <= "\udcff" for c in self._buffer[:end]):
                    template = sentence("{path}, line {line}: not UTF-8.")
                    return None, ArticlesError(template, path=member.name, line=self.line + 1)
                self._drop(end)
                return value, None


def without_comments(head: str) -> str:
    """What stands behind the comments with which a text begins."""
    head = head.lstrip("\ufeff \t\r\n")
    while head.startswith(_BEGINS_COMMENT):
        head = head.partition("*/" if head.startswith("/*") else "\n")[2].lstrip()
    return head


def is_json(head: str, called_so: bool = False) -> bool:
    """Whether a text that begins so is JSON over several lines, and not JSON lines.

    Args:
        called_so: whether its name says JSON, and not JSON lines.
    """
    first, newline, rest = head.lstrip("\ufeff \t\r\n").replace("\r\n", "\n").replace("\r", "\n").partition("\n")
    first = first.rstrip()
    if first.startswith("["):
        return first == "[" or first[1:].lstrip()[:1] in ('"', "{", "[", "")
    if not first.startswith("{") or not newline or not _is_open(first):
        return False
    if first.endswith("[") or not (called_so or first.endswith((",", "{"))):
        return first.endswith("[")
    return _is_open(rest.lstrip().partition("\n")[0].rstrip(", "))  # else lines, of which the first is broken


def is_array(head: str) -> bool:
    """Whether a text that begins so is an array over the whole of it, and not lines that are arrays each."""
    first, _newline, rest = head.lstrip("\ufeff \t\r\n").partition("\n")
    return is_json(head) and first.startswith("[") and (_is_open(first.rstrip()) or not rest.strip())


def _is_open(line: str) -> bool:
    try:
        return not isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return True

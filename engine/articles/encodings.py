"""In which encoding a file of text is written, told from its bytes; and the same bytes as UTF-8."""

import codecs
import io
import re
from typing import Any, BinaryIO

from engine.articles import code_pages
from engine.articles.code_pages import UTF8

_SCANNED_BYTES = 256 << 20  # looked through for a byte that is not UTF-8
_STEP_BYTES = 1 << 18
_SAMPLE_BYTES = 64 << 10  # of what is not ASCII, and what stands around it
_AROUND_BYTES = 40

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_JAPANESE = re.compile(rb"[\x00-\x7f]*?\x1b\$[@B]")  # of e-mail: 7 bits, and a mark before what is not ASCII


def of_start(head: bytes) -> str:
    """The encoding that the first bytes show: UTF-16 or UTF-32 by its mark or by its zeros, ISO-2022-JP, else UTF8."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if _JAPANESE.match(head):
        return "iso2022_jp"
    even, odd = head[:256:2].count(0), head[1:256:2].count(0)
    if max(even, odd) > len(head[:256]) // 4 and min(even, odd) == 0:  # of Latin letters every other byte is NUL
        return "utf-16-be" if even > odd else "utf-16-le"
    return UTF8


def of_text(file: BinaryIO, sure: bool = False) -> str:
    """The encoding of a text: UTF8, the code page in which its bytes make words, or UNKNOWN where they make none.

    A file whose bytes are UTF-8 but for some is UTF-8 with damage: its damaged lines are named by whoever reads it.

    Args:
        sure: whether its form is UTF-8 by definition, so that bytes that make no words are damage too.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    sample, good, bad, done = b"", 0, 0, 0
    before = start = b""
    while (piece := file.read(_STEP_BYTES)) and done < _SCANNED_BYTES:
        done += len(piece)
        start = start or piece
        if piece.isascii() and before.isascii():
            decoder.decode(piece)
            before = piece[-4:]
            continue
        text = decoder.decode(piece)
        wrong = len(text) - len(text.encode("utf-8", "ignore").decode("utf-8"))
        bad += wrong
        good += len(text) - len(text.encode("ascii", "ignore")) - wrong
        if wrong and len(sample) < _SAMPLE_BYTES:
            sample += _around(before + piece)
        before = piece[-4:]
    cr_only = b"\r" in start and b"\n" not in start  # as only the Mac of old ended lines
    if not bad:
        end = decoder.decode(b"", True)
        if not end or good:  # cut off in the middle of a letter
            return UTF8
        bad, sample = len(end), _around(before)
    if good * 2 >= bad:
        return UTF8
    return code_pages.of_sample(sample[:_SAMPLE_BYTES], sure, cr_only)


def _around(piece: bytes) -> bytes:
    """The bytes that are not ASCII with what stands around them."""
    found, last = [], 0
    for at, byte in enumerate(piece):
        if byte > 0x7F and at >= last:
            first, last = max(last, at - _AROUND_BYTES), at + _AROUND_BYTES
            found.append(piece[first:last])
            if len(found) * _AROUND_BYTES > _SAMPLE_BYTES:
                break
    return b"".join(found)


class Transcoded(io.RawIOBase):
    """A text of another encoding as UTF-8, read forwards; an offset counts its UTF-8 bytes."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream, self._encoding, self._position = stream, encoding, 0
        self._begin()

    def _begin(self) -> None:
        self._decoder = codecs.getincrementaldecoder(self._encoding)("replace")
        self._ready, self._position, self._ended = b"", 0, False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:  # collections.abc.Buffer is of Python 3.12
        while not self._ready and not self._ended:
            piece = self._stream.read(_STEP_BYTES)
            self._ended = not piece
            self._ready = self._decoder.decode(piece, self._ended).encode("utf-8", "replace")
        taken = self._ready[: len(buffer)]
        self._ready = self._ready[len(taken) :]
        buffer[: len(taken)] = taken
        self._position += len(taken)
        return len(taken)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        target = offset + (self._position if whence == io.SEEK_CUR else 0)
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end of a text that is decoded as it is read is not known")
        if target < self._position:
            self._stream.seek(0)
            self._begin()
        while self._position < target and self.read(min(_STEP_BYTES, target - self._position)):
            pass
        return self._position

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()

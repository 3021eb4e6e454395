"""In which encoding a file of text is written, told from its bytes; and the same bytes as UTF-8."""

import codecs
import io
from typing import BinaryIO

UTF8 = ""  # nothing has to be done
_SCANNED_BYTES = 256 << 20  # looked through for a byte that is not UTF-8
_STEP_BYTES = 1 << 18
_SAMPLE_BYTES = 64 << 10  # of what is not ASCII, and what stands around it
_AROUND_BYTES = 40
_MOST_FOREIGN = 0.3  # of the letters, above which a text is in no Latin alphabet
_ENOUGH_BYTES = 16  # that are not ASCII, for an encoding without these to be believed where UTF-8 is the rule
_ENOUGH_COMMON = 0.9  # of the letters that are not ASCII, for an encoding to be believed

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = ("cp1252", "cp850", "mac_roman")  # of equally likely ones the first: what Windows writes, then DOS
_COMMON = frozenset("éèêëàâäáãåçîïíìôöóòõøûùüúñßæœÉÈÊËÀÂÄÁÃÅÇÎÏÍÌÔÖÓÒÕØÛÙÜÚÑÆŒ’‘“”«»–—…°µ±×€•·§©®™\u00a0½¼²³¹ªº¿¡†")
# The letters beside a to z that languages have: those of one text are of one language.
_LANGUAGES = tuple(
    frozenset(letters + letters.upper())
    for letters in ("éèêëàâçôîïûùüœæ", "äöüßé", "áéíóúñü", "áéíóúâêôãõçàü", "àèéìòù", "åäöøæé")
)
_AT_ENDS = frozenset("àìòù")
_BEFORE_LETTERS = frozenset("êâîôû")
_SIGNS = frozenset("µºª")  # that Python takes for letters
_RARELY_FIRST = 0.7  # of a word: être, âge
_OTHERS = (
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "koi8_r",
    "gb18030",
    "big5",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    *_WESTERN,
)


def of_start(head: bytes) -> str:
    """The encoding that the first bytes show: UTF-16 or UTF-32 by its mark or by its zeros, else UTF8."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    even, odd = head[:256:2].count(0), head[1:256:2].count(0)
    if max(even, odd) > len(head[:256]) // 4 and min(even, odd) == 0:  # of Latin letters every other byte is NUL
        return "utf-16-be" if even > odd else "utf-16-le"
    return UTF8


def of_text(file: BinaryIO, sure: bool = False) -> str:
    """The encoding of a text: UTF8, or the code page in which its bytes make words.

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
    return _code_page(sample[:_SAMPLE_BYTES], sure, cr_only)


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


def _code_page(sample: bytes, sure: bool, cr_only: bool) -> str:
    order = ("mac_roman", *_WESTERN) if cr_only else _WESTERN
    name = max(order, key=lambda encoding: _likelihood(sample, encoding) + _language_score(sample, encoding))
    best = _likelihood(sample, name)
    if best >= _ENOUGH_COMMON:
        return name
    if sure and sum(byte > 0x7F for byte in sample) < _ENOUGH_BYTES:
        return UTF8
    import charset_normalizer

    found = charset_normalizer.from_bytes(sample, cp_isolation=list(_OTHERS)).best()
    return found.encoding if found is not None else UTF8 if sure else "cp1252"


def _likelihood(sample: bytes, encoding: str) -> float:
    """How many of the characters that are not ASCII are letters and signs that Western texts have, where they have them."""
    text = sample.decode(encoding, "replace")
    letters = sum(c.isalpha() for c in text)
    foreign = [at for at, c in enumerate(text) if c > "\x7f"]
    if not foreign or sum(text[at].isalpha() for at in foreign) > _MOST_FOREIGN * letters:
        return 0.0
    good = 0
    for at in foreign:
        inside = 0 < at < len(text) - 1 and text[at - 1].isalpha() and text[at + 1].isalpha()
        upper_in_word = at > 0 and text[at].isupper() and text[at - 1].islower()
        good += (
            text[at] in _COMMON
            and not upper_in_word
            and (not inside or text[at].isalpha() or text[at] in "’‘–—\u00a0·")
        )
    return good / len(foreign)


def _language_score(sample: bytes, encoding: str) -> float:
    """How far the letters beside a to z are of one language, and stand in words where it has them: 0 to 2."""
    text = f" {sample.decode(encoding, 'replace')} "
    letters = [at for at, c in enumerate(text) if c > "\x7f" and c.isalpha() and c not in _SIGNS]
    foreign = [at for at, c in enumerate(text) if c > "\x7f"]
    if not foreign:
        return 0.0
    of_one = (
        max(sum(text[at] in language for at in letters) for language in _LANGUAGES) / len(letters) if letters else 1.0
    )
    return of_one + sum(_fits(*text[at - 1 : at + 2]) for at in foreign) / len(foreign)


def _fits(before: str, letter: str, behind: str) -> float:
    """How usual a sign that is not ASCII is between these two: 0 to 1."""
    if not letter.isalpha() or letter in _SIGNS:
        return float(letter != "·" or not (before.isalpha() and behind.isalpha()))
    if letter.isupper():
        if before.isalpha():
            return float(before.isupper() and not behind.islower())
        return float(behind.isalpha() or letter in "ÀÉÔ")
    if behind.isupper():
        return 0.0
    if letter in _AT_ENDS:
        return float(not behind.isalpha())
    if letter in _BEFORE_LETTERS:
        return (1.0 if before.isalpha() else _RARELY_FIRST) if behind.isalpha() else 0.0
    return float(letter != "ç" or behind.isalpha())


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

    def readinto(self, buffer) -> int:
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

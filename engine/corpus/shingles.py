"""An article's tokens → the set of its shingles: hashes of every five words in a row, the same in every vocabulary.

Words are what white space parts, of their letters, numbers and accents alone, in one case and one of Unicode's forms (NFKC), so
that another line break, comma, capital, kind of quote, apostrophe or hyphen, or a letter and its accent written as one character
or as two, makes no other text (A. Broder, "On the resemblance and containment of documents", 1997, section 2). In scripts that
put no blanks between words (Chinese, Japanese, Thai) each character is a word.
"""

import re
import unicodedata
from functools import cache

import numpy as np

from engine.presets.tokenizers import Tokenizer

WORDS = 5  # in a shingle
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd: its powers modulo 2^64 do not run out
_LONGEST_WORD = (
    4096  # characters told apart by their place, a power of two; a longer run without white space is no word
)

# What a character is for words. A mark (an accent, a vowel sign) belongs to the character before it.
_DROPPED, _BLANK, _MARK, _LETTER, _WORD = range(5)
_EM_DASHES = "\u2014\u2015\u2e3a\u2e3b"  # which part words, with blanks around them or without
_LETTER_APOSTROPHES = range(0x02B9, 0x02C9)  # letters for Unicode, as the apostrophe in Ukrainian is
_WITHOUT_BLANKS = (  # blocks of Unicode
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x312F),  # radicals of Chinese, Japanese syllables, Bopomofo
    (0x31A0, 0x31FF),
    (0x3400, 0x9FFF),  # Chinese characters
    (0xF900, 0xFAFF),
    (0x1B000, 0x1B16F),
    (0x20000, 0x323AF),
)
_KINDS = 0x323B0  # behind them there are no letters


class Shingles:
    """The shingles of articles whose tokens are of one vocabulary."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._entries = tokenizer.entries()
        self._powers = _powers(_LONGEST_WORD)

    def hashes(self, token_ids: np.ndarray) -> np.ndarray:
        """uint32 (shingles,), in the order of the text, repeated ones too; of fewer than WORDS words the one that they make
        up, of none an empty array."""
        words = self.words(token_ids)
        if not len(words):
            return np.empty(0, np.uint32)
        count = max(1, len(words) - WORDS + 1)
        found = np.zeros(count, np.uint64)
        for place in range(min(WORDS, len(words))):
            found = found * _BASE + words[place : place + count]
        return (_mixed(found) >> np.uint64(32)).astype(np.uint32)

    def words(self, token_ids: np.ndarray) -> np.ndarray:
        """uint64 (words,): a hash of each word."""
        content = b"".join(map(self._entries.__getitem__, np.asarray(token_ids).tolist()))
        characters = _folded(content.decode("utf-8", "replace"))
        kinds = _kinds()[np.minimum(characters, _KINDS)]
        hashed = kinds != _DROPPED
        characters, kinds = characters[hashed], kinds[hashed]
        before = np.concatenate([np.array([_BLANK], np.uint8), kinds[:-1]])
        begins = (kinds == _WORD) | (before == _BLANK) | ((before == _WORD) & (kinds == _LETTER))
        inside = kinds != _BLANK
        characters, first = characters[inside], np.flatnonzero(begins[inside])
        if not len(first):
            return np.empty(0, np.uint64)
        place = np.arange(len(characters)) - np.repeat(first, np.diff(first, append=len(characters)))
        values = (characters + np.uint64(1)) * self._powers[place & (_LONGEST_WORD - 1)]
        return _mixed(np.add.reduceat(values, first))


def _folded(text: str) -> np.ndarray:
    """uint32 (characters,): a text in one case and one form."""
    if text.isascii():
        text = text.lower()
    else:
        text = _lone_accents().sub("", text)
        # Once more: capitals of some letters fold to several characters.
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


@cache
def _lone_accents() -> re.Pattern[str]:
    """Accents that stand alone, typed as apostrophes and quotes: NFKC would make a blank and an accent of them."""
    codes = (code for code in range(0xFFFF) if unicodedata.decomposition(chr(code)).startswith("<compat> 0020 "))
    return re.compile(f"[{''.join(map(chr, codes))}]")


@cache
def _kinds() -> np.ndarray:
    """uint8 (_KINDS + 1,): what each character is; the last stands for all behind."""
    found = np.full(_KINDS + 1, _DROPPED, np.uint8)
    for code in range(_KINDS):
        category = unicodedata.category(chr(code))
        if category[0] == "Z" or chr(code).isspace() or chr(code) in _EM_DASHES:
            found[code] = _BLANK
        elif category[0] == "M":
            found[code] = _MARK
        elif category[0] in "LN" and code not in _LETTER_APOSTROPHES:
            found[code] = _LETTER
    for first, last in _WITHOUT_BLANKS:
        block = found[first : last + 1]
        block[block == _LETTER] = _WORD
    return found


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """The Jaccard index of two sets of shingles, each once: those in both, of those in either."""
    both = len(np.intersect1d(first, second, assume_unique=True))
    return both / max(1, len(first) + len(second) - both)


def _powers(count: int) -> np.ndarray:
    return np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(count - 1, _BASE, np.uint64)]), dtype=np.uint64)


def _mixed(values: np.ndarray) -> np.ndarray:
    """The finalizer of splitmix64 (Steele, Lea & Flood 2014): every bit depends on every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = values ^ (values >> np.uint64(31))
    return mixed

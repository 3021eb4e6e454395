"""An article's tokens → the set of its shingles: hashes of every five words in a row, the same in every vocabulary.

Words are what white space parts, in lower case and without ASCII punctuation, so that another line break, a comma or a capital
letter makes no other text (A. Broder, "On the resemblance and containment of documents", 1997, section 2).
"""

import numpy as np

from engine.tokenizers import Tokenizer

WORDS = 5  # in a shingle
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd: its powers modulo 2^64 do not run out
_LONGEST_WORD = (
    4096  # characters told apart by their place, a power of two; a longer run without white space is no word
)
_WHITE = b" \t\n\r\v\f"
_PUNCTUATION = frozenset(b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class Shingles:
    """The shingles of articles whose tokens are of one vocabulary."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        entries = tokenizer.entries()
        size = len(entries)
        self._powers = _powers(_LONGEST_WORD)
        self._value = np.zeros(size, np.uint64)  # of what a token adds to its word
        self._length = np.zeros(size, np.int64)  # characters of it
        self._begins = np.zeros(size, bool)  # whether white space stands in it: a word begins with it
        for token, entry in enumerate(entries):
            kept = [byte for byte in entry.lower() if byte not in _WHITE and byte not in _PUNCTUATION]
            self._begins[token] = any(byte in _WHITE for byte in entry)
            self._length[token] = len(kept)
            values = np.array(kept, np.uint64) + np.uint64(1)
            self._value[token] = (values * self._powers[np.arange(len(kept)) % _LONGEST_WORD]).sum(dtype=np.uint64)

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
        if not len(token_ids):
            return np.empty(0, np.uint64)
        ids = np.asarray(token_ids)
        begins = self._begins[ids]
        begins[0] = True
        first = np.flatnonzero(begins)  # tokens
        length = self._length[ids]
        before = np.cumsum(length) - length
        # A polynomial over the characters of the word, however its tokens cut it.
        place = before - np.repeat(before[first], np.diff(first, append=len(ids)))
        values = self._value[ids] * self._powers[place & (_LONGEST_WORD - 1)]
        hashes = np.add.reduceat(values, first)
        return _mixed(hashes[np.add.reduceat(length, first) > 0])


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
    return values ^ (values >> np.uint64(31))

"""Suffix arrays over token ids: the longest passages that a text shares with a stream of any length, exactly.

A suffix array names the places of a stream in the order of what follows them, so what shares most with a text stands
next to where the text itself would stand (Manber and Myers 1993). Sorting is libdivsufsort's. A long stream is cut into
shards, each with an array of its own, so that building one takes bounded memory; nothing is missed at a cut, since cuts
lie between articles. Beside each array stands a Bloom filter of the shard's n-grams of GRAM tokens, in blocks of one
cache line (Putze et al. 2007): most of what a text does not share is known from one read of it. Every SIGN_STEP-th
suffix's first tokens stand at the end, so that a search begins among these few and ends on one page of the disk.
"""

import mmap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydivsufsort

SHARD_BYTES = 64_000_000  # of tokens; sorting takes five times as much memory
GRAM = 5  # tokens of the shortest passage that is found
_FILTER_BLOCK = (
    64  # bytes; a filter has a byte a token, and three bits are set for each n-gram: one in 30 is let by wrongly
)
SIGN_STEP = 1024  # places between signs: one page of 4 KB
_PIECE = 1 << 20  # tokens worked on at once
_FIRST_BLOCK, _BLOCK = 4, 32  # tokens compared at once: most comparisons end in the first few


def sort(tokens: np.ndarray) -> np.ndarray:
    """uint32 (tokens,): the places of a stream in the order of what follows them.

    Args:
        tokens: unsigned ids, 1-D, fewer than 2**31 bytes of them.
    """
    size = tokens.dtype.itemsize
    # With the high byte first, bytes sort as tokens do; the sorter's places inside a token are dropped.
    order = pydivsufsort.divsufsort(tokens.astype(tokens.dtype.newbyteorder(">")).view(np.uint8))
    if size == 1:
        places: np.ndarray = order.astype(np.uint32)
        return places
    found = np.empty(len(tokens), np.uint32)
    at = 0
    for first in range(0, len(order), _PIECE):  # in pieces: the array is the largest thing in memory
        piece = order[first : first + _PIECE]
        whole = piece[piece % size == 0]
        found[at : at + len(whole)] = whole // size
        at += len(whole)
    return found


def filter_of(tokens: np.ndarray) -> np.ndarray:
    """uint8 (64 * blocks,): the Bloom filter of a stream's n-grams."""
    found = np.zeros(_filter_size(len(tokens)), np.uint8)
    for first in range(0, len(tokens), _PIECE):
        for at, bit in _bits(tokens[first : first + _PIECE + GRAM - 1], len(found)):
            np.bitwise_or.at(found, at, bit)
    return found


def _bits(tokens: np.ndarray, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Where a filter of `size` bytes has the three bits of each n-gram: (int64 bytes, uint8 masks), (n-grams,) each."""
    grams = max(0, len(tokens) - GRAM + 1)
    key = np.zeros(grams, np.uint64)
    for ahead in range(GRAM):
        key = key * np.uint64(0x9E3779B97F4A7C15) + tokens[ahead : ahead + grams].astype(np.uint64) + np.uint64(1)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64 (Steele et al. 2014)
        key = (key ^ (key >> np.uint64(shift))) * np.uint64(factor)
    block = ((key >> np.uint64(32)) * np.uint64(size // _FILTER_BLOCK) >> np.uint64(32)).astype(
        np.int64
    ) * _FILTER_BLOCK
    bits = [(key >> np.uint64(9 * n)).astype(np.int64) & 511 for n in range(3)]
    return [(block + (bit >> 3), np.left_shift(1, bit & 7).astype(np.uint8)) for bit in bits]


def signs(tokens: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """uint64 (places,): the first eight bytes of tokens from each place on, which are ordered as the suffixes are.

    Behind the stream's end stand zeros: a suffix that ends there is before its equals, or among them.
    """
    width = tokens.dtype.itemsize
    at = np.asarray(positions, np.int64)[:, None] + np.arange(8 // width)
    found = np.where(at < len(tokens), tokens[np.minimum(at, max(0, len(tokens) - 1))], 0)
    return found.astype(f">u{width}").view(">u8")[:, 0].astype(np.uint64)


@dataclass(frozen=True)
class Shard:
    """A stretch of tokens with its suffix array, filter and signs; the first three may be memory maps.

    Attributes:
        tokens: unsigned ids (tokens,). positions: uint32 (tokens,), as `sort` gives them. filter: as `filter_of`'s.
        signs: those of every SIGN_STEP-th place.
    """

    tokens: np.ndarray
    positions: np.ndarray
    filter: np.ndarray
    signs: np.ndarray

    def longest(self, text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each token of a text: how much of the text from there on stands somewhere in the shard, and where.

        Every length is counted on the tokens themselves: damaged files could hide a passage, never invent one.

        Args:
            text: ids (text,), any integer type.

        Returns:
            int64 (text,) lengths, 0 where it is less than GRAM; int64 (text,) places in the shard, each the start of one
            such passage.
        """
        lengths, where = np.zeros(len(text), np.int64), np.zeros(len(text), np.int64)
        known = [(self.filter[at] & mask) != 0 for at, mask in _bits(np.asarray(text, np.int64), len(self.filter))]
        starts = np.flatnonzero(np.logical_and.reduce(known))
        common, positions = self._search(starts, np.asarray(text, np.int64))
        long_enough = common >= GRAM
        lengths[starts[long_enough]], where[starts[long_enough]] = common[long_enough], positions[long_enough]
        return lengths, where

    def _search(self, starts: np.ndarray, text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lengths and places of the passages that begin at some tokens of a text, by binary search."""
        wanted = np.concatenate([text, np.full(_BLOCK, -1)])  # -1: the text's end, like no token
        # A shard's vocabulary is its tokens': an id of the text that is larger cannot stand in it.
        most = np.iinfo(self.tokens.dtype).max
        own = signs(np.minimum(text, most).astype(self.tokens.dtype), starts)
        low = np.maximum(0, np.searchsorted(self.signs, own, "left") - 1) * SIGN_STEP
        high = np.minimum(np.searchsorted(self.signs, own, "right") * SIGN_STEP, len(self.positions))
        while (searched := np.flatnonzero(low < high)).size:
            middle = (low[searched] + high[searched]) // 2
            positions = self._at(middle)
            common = self._common(positions, starts[searched], wanted)
            before = self._stands_before(positions + common, wanted[starts[searched] + common])
            low[searched[before]] = middle[before] + 1
            high[searched[~before]] = middle[~before]
        lengths, where = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64)
        for neighbour in (low - 1, low):
            inside = np.flatnonzero((neighbour >= 0) & (neighbour < len(self.positions)))
            positions = self._at(neighbour[inside])
            common = self._common(positions, starts[inside], wanted)
            longer = common > lengths[inside]
            lengths[inside[longer]], where[inside[longer]] = common[longer], positions[longer]
        return lengths, where

    def _at(self, ranks: np.ndarray) -> np.ndarray:
        places: np.ndarray = np.minimum(self.positions[ranks].astype(np.int64), len(self.tokens) - 1)
        return places

    def _common(self, positions: np.ndarray, starts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """int64 (places,): how many tokens from each place on are those of the text from each start on."""
        common, width = np.zeros(len(positions), np.int64), _FIRST_BLOCK
        equal = np.arange(len(positions))
        while equal.size:
            ahead = np.arange(width)
            at = (positions[equal] + common[equal])[:, None] + ahead
            here = self.tokens[np.minimum(at, len(self.tokens) - 1)].astype(np.int64)
            here[at >= len(self.tokens)] = -2  # the shard's end, like nothing
            there = wanted[np.minimum((starts[equal] + common[equal])[:, None] + ahead, len(wanted) - 1)]
            same = np.logical_and.accumulate(here == there, axis=1).sum(axis=1)
            common[equal] += same
            equal, width = equal[same == width], _BLOCK
        return common

    def _stands_before(self, positions: np.ndarray, next_: np.ndarray) -> np.ndarray:
        """bool (places,): whether the shard's suffix, at the first token that differs, sorts before the text's."""
        inside = positions < len(self.tokens)
        here = self.tokens[np.minimum(positions, len(self.tokens) - 1)].astype(np.int64)
        ordered: np.ndarray = ~inside | (here < next_)
        return ordered


def write(tokens: np.ndarray, path: Path) -> None:
    """Writes the suffix array of a stream, little-endian uint32, and behind it filter and signs, to a new file."""
    with open(path, "wb") as file:
        positions = sort(tokens)
        positions.astype("<u4", copy=False).tofile(file)
        beginnings = signs(tokens, positions[::SIGN_STEP])
        del positions
        filter_of(tokens).tofile(file)
        beginnings.astype("<u8").tofile(file)


def size(tokens: int) -> int:
    """The bytes of the file of a stream of so many tokens."""
    return 4 * tokens + _filter_size(tokens) + 8 * -(-tokens // SIGN_STEP)


def _filter_size(tokens: int) -> int:
    return -(-max(1, tokens) // _FILTER_BLOCK) * _FILTER_BLOCK


def open_(tokens: np.ndarray, path: Path) -> Shard:
    """The shard of a stream whose file `write` wrote, mapped."""
    stored = np.memmap(path, np.uint8, "r")
    for mapped in (stored, tokens):
        _read_at_random(mapped)
    # np.asarray: indexing a memmap's own class costs ten times an array's.
    positions, rest = np.split(np.asarray(stored), [4 * len(tokens)])
    beginnings = np.fromfile(path, "<u8", offset=len(stored) - 8 * -(-len(tokens) // SIGN_STEP))
    return Shard(np.asarray(tokens), positions.view("<u4"), rest[: _filter_size(len(tokens))], beginnings)


def _read_at_random(mapped: np.ndarray) -> None:
    """Tells the system not to read ahead: what lies beside a place is not asked for next."""
    base = mapped
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):  # POSIX; Windows reads ahead little
        base.madvise(mmap.MADV_RANDOM)

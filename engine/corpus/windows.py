"""Training windows: where in a token stream each sample of a batch starts, as a function of (seed, epoch, step).

A stream is one array of token ids, articles separated by `<|endoftext|>`. Window i holds the ids
[i·length, (i+1)·length] : `length` inputs and, one further, their `length` targets, so every token of the stream is a
target exactly once an epoch (but the very first, which nothing precedes). The last window may be shorter: it is padded
and its padding weighs nothing. Nothing is copied but the batch in use, so a stream may be a memory map of any size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

PADDING_ID = 0  # what stands behind the end of a short window; its weight is 0, so no figure sees it


@dataclass(frozen=True)
class Batch:
    """One batch of windows.

    Attributes:
        token_ids: int32 (batch, length), the inputs.
        targets: int32 (batch, length), the inputs moved on by one.
        weights: float32 (batch, length), 1 where the target is a token of the stream, 0 where it is padding.
    """

    token_ids: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @property
    def tokens(self) -> int:
        """How many targets are tokens of the stream."""
        return int(self.weights.sum())


def count(stream_length: int, length: int) -> int:
    """How many windows of `length` targets cover a stream."""
    return max(0, -(-(stream_length - 1) // length))


def take(stream: np.ndarray, windows: np.ndarray, length: int) -> Batch:
    """The batch of the given window numbers."""
    return _at(stream, np.asarray(windows) * length, length)


def _at(stream: np.ndarray, starts: np.ndarray, length: int) -> Batch:
    rows = np.full((len(starts), length + 1), PADDING_ID, dtype=np.int32)
    weights = np.zeros((len(starts), length), dtype=np.float32)
    for row, start in enumerate(starts.tolist()):
        piece = stream[start : start + length + 1]
        rows[row, : len(piece)] = piece
        weights[row, : len(piece) - 1] = 1
    return Batch(rows[:, :-1], rows[:, 1:], weights)


class Batches(Protocol):
    """What a run draws its batches from."""

    @property
    def steps_per_epoch(self) -> float:
        """How many batches one epoch takes."""

    def batch(self, step: int) -> Batch:
        """Batch number `step`, a pure function of it."""


class _Order:
    """In which order an epoch visits its windows: a permutation of its own for each (seed, epoch)."""

    def __init__(self, windows: int, seed: int) -> None:
        self._windows, self._seed = windows, seed
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def of_step(self, step: int, batch_size: int) -> np.ndarray:
        """int64 (batch_size,): the windows of a step; a batch may straddle two epochs."""
        return np.array([self._at(position) for position in range(step * batch_size, (step + 1) * batch_size)])

    def _at(self, position: int) -> int:
        epoch, index = divmod(position, self._windows)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, _order(self._windows, self._seed, epoch)
        return int(self._order[index])


def visited(windows: int, samples: int, seed: int) -> np.ndarray:
    """int64, in order: the windows that the first `samples` samples of a shuffled sequence are."""
    if samples >= windows:
        return np.arange(windows, dtype=np.int64)
    return np.sort(_order(windows, seed, 0)[:samples])


def _order(windows: int, seed: int, epoch: int) -> np.ndarray:
    """int64 (windows,): the permutation of an epoch."""
    return np.random.default_rng((seed, epoch)).permutation(windows)


class Shuffled:
    """An endless shuffled sequence of batches; batch `step` is a pure function of (seed, step).

    Each epoch visits every window once in an order of its own (`numpy.random.default_rng((seed, epoch))`), so a run
    resumes in the middle of an epoch by knowing its step alone. A batch may straddle two epochs.
    """

    def __init__(self, stream: np.ndarray, length: int, batch_size: int, seed: int) -> None:
        self.windows = count(len(stream), length)
        self._stream, self._length, self._batch_size = stream, length, batch_size
        self._order = _Order(self.windows, seed)

    @property
    def steps_per_epoch(self) -> float:
        """How many batches one epoch takes (it need not be whole)."""
        return self.windows / self._batch_size

    def batch(self, step: int) -> Batch:
        """Batch number `step`, counted from 0."""
        return take(self._stream, self._order.of_step(step, self._batch_size), self._length)


class FirstTokens:
    """The first `length` tokens of each article and no more, one window an article, as the original project took them.

    Shuffled by (seed, epoch) like `Shuffled`, and with its interface.
    """

    def __init__(self, stream: np.ndarray, starts: np.ndarray, length: int, batch_size: int, seed: int) -> None:
        self.windows = len(starts) - 1
        self._stream, self._starts, self._length = stream, starts, length
        self._batch_size, self._order = batch_size, _Order(self.windows, seed)

    @property
    def steps_per_epoch(self) -> float:
        """How many batches one epoch takes (it need not be whole)."""
        return self.windows / self._batch_size

    def batch(self, step: int) -> Batch:
        """Batch number `step`, counted from 0."""
        return self.of(self._order.of_step(step, self._batch_size))

    def of(self, articles: np.ndarray) -> Batch:
        """The batch of the given articles, numbered from 0."""
        rows = np.full((len(articles), self._length + 1), PADDING_ID, dtype=np.int32)
        weights = np.zeros((len(articles), self._length), dtype=np.float32)
        for row, article in enumerate(articles):
            first, last = int(self._starts[article]), int(self._starts[article + 1])
            piece = self._stream[first : min(last, first + self._length + 1)]
            rows[row, : len(piece)] = piece
            weights[row, : len(piece) - 1] = 1
        return Batch(rows[:, :-1], rows[:, 1:], weights)


@dataclass(frozen=True)
class ScoredArticles:
    """The articles of a stream whose tokens are scored, where others are left out: they are read, but weigh nothing.

    Attributes:
        starts: int64 (articles + 1,), where each article begins, and where the last ends. scored: bool (articles,).
    """

    starts: np.ndarray
    scored: np.ndarray

    def numbers(self, length: int, stride: int, chosen: np.ndarray | None = None) -> np.ndarray:
        """The windows (of all, or of the `chosen` ones) in which there is something to score."""
        stream_length = int(self.starts[-1])
        numbers = np.arange(count_sliding(stream_length, length, stride)) if chosen is None else chosen
        first = numbers * stride + 1 + np.where(numbers > 0, length - stride, 0)
        last = np.minimum(numbers * stride + length + 1, stream_length)
        before = np.concatenate([[0], np.cumsum(np.diff(self.starts) * self.scored)])
        upto_first, upto_last = (np.interp(positions, self.starts, before) for positions in (first, last))
        found: np.ndarray = numbers[upto_last > upto_first]
        return found

    def weighed(self, starts: np.ndarray, batch: "Batch") -> "Batch":
        """A batch whose windows begin at `starts` with weight 0 for the targets that are left out."""
        positions = np.minimum(starts[:, None] + 1 + np.arange(batch.targets.shape[1]), self.starts[-1] - 1)
        weights = batch.weights.copy()
        weights[: len(starts)] *= self.scored[np.searchsorted(self.starts, positions, side="right") - 1]
        return Batch(batch.token_ids, batch.targets, weights)


def in_order(stream: np.ndarray, length: int, batch_size: int, chosen: np.ndarray | None = None) -> Iterator[Batch]:
    """Batches of all windows (or of the `chosen` ones) in order, each of exactly `batch_size` rows.

    The last batch is filled with rows of weight 0, so that a compiled function meets one shape only.
    """
    for _starts, batch in sliding(stream, length, length, batch_size, chosen):
        yield batch


def count_sliding(stream_length: int, length: int, stride: int) -> int:
    """How many windows of `length` targets, `stride` apart, cover a stream."""
    return min(1, count(stream_length, length)) + max(0, -(-(stream_length - 1 - length) // stride))


def sliding(
    stream: np.ndarray, length: int, stride: int, batch_size: int, chosen: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, Batch]]:
    """Batches of windows `stride` apart, as `in_order` gives them, and where in the stream each window starts.

    Every token of the stream but the first has weight 1 in exactly one window: in the first that reaches it, so that behind
    the first window each has at least `length - stride` tokens before it.

    Yields:
        int64 (windows,) without the rows that fill up, and the batch.
    """
    numbers: range | np.ndarray = range(count_sliding(len(stream), length, stride)) if chosen is None else chosen
    for first in range(0, len(numbers), batch_size):
        starts = np.asarray(numbers[first : first + batch_size], dtype=np.int64) * stride
        batch = _at(stream, starts, length)
        batch.weights[starts > 0, : length - stride] = 0
        missing = batch_size - len(starts)
        if missing:
            batch = Batch(
                *(np.pad(part, ((0, missing), (0, 0))) for part in (batch.token_ids, batch.targets, batch.weights))
            )
        yield starts, batch

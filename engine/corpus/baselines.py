"""What a number must beat: always the most frequent token, and a bigram, both counted on training tokens."""

from dataclasses import dataclass

import numpy as np

MOST_TOKENS = (
    2_000_000  # of the training split, from its first on: what is kept is bounded by it, not by the vocabulary
)
RUN, SPLIT = "run", "split"  # what is counted: what a run could read, or a whole training split
DISCOUNT = 0.75  # taken off each count and given to tokens not seen behind one (Chen & Goodman 1999, section 2.7)


@dataclass(frozen=True)
class Scored:
    """Loss in nats, float64 (targets,), and whether the most probable token was right, bool (targets,)."""

    losses: np.ndarray
    correct: np.ndarray


class Baselines:
    """A unigram, each count one higher than seen, and a bigram that backs off to it by absolute discounting.

    p(w | v) = max(c(v, w) - d, 0) / c(v) + d n(v) / c(v) p(w), with c the counts, n(v) how many tokens follow v, and p(w)
    the unigram's probability, which stands alone where v was never seen.

    Attributes:
        tokens: how many training tokens were counted. most_frequent: the id that stands there most often.
        counted_on: RUN or SPLIT.
    """

    def __init__(self, stream: np.ndarray, vocabulary_size: int, counted_on: str = SPLIT) -> None:
        self.counted_on = counted_on
        ids = np.asarray(stream[:MOST_TOKENS], dtype=np.int64)
        self.tokens = len(ids)
        counts = np.bincount(ids, minlength=vocabulary_size)
        self.most_frequent = int(counts.argmax())
        self._unigram = (counts + 1) / (len(ids) + vocabulary_size)
        self._size = vocabulary_size
        self._pairs, self._counts = np.unique(ids[:-1] * vocabulary_size + ids[1:], return_counts=True)
        first = self._pairs // vocabulary_size
        self._total = np.bincount(first, weights=self._counts, minlength=vocabulary_size)
        self._kinds = np.bincount(first, minlength=vocabulary_size)
        # The most probable token behind each: the best of those seen there, or the most frequent of all, whose share of
        # what is backed off is the largest of those not seen.
        self._best = np.full(vocabulary_size, self.most_frequent)
        seen = self.probabilities(first, self._pairs % vocabulary_size)
        order = np.lexsort((-self._pairs, seen, first))  # of equal ones the lowest id, as argmax has it
        ends = np.flatnonzero(np.diff(first[order], append=-1))
        head, best = first[order][ends], self._pairs[order][ends] % vocabulary_size
        backed_off = self.probabilities(head, np.full(len(head), self.most_frequent))
        self._best[head] = np.where(seen[order][ends] >= backed_off, best, self.most_frequent)

    def probabilities(self, previous: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """float64, of each target behind the token before it, under the bigram."""
        wanted = previous * self._size + targets
        at = np.minimum(np.searchsorted(self._pairs, wanted), max(0, len(self._pairs) - 1))
        seen = np.where(self._pairs[at] == wanted, self._counts[at], 0) if len(self._pairs) else np.zeros(len(wanted))
        total = np.maximum(self._total[previous], 1)
        share = np.where(self._total[previous] > 0, DISCOUNT * self._kinds[previous] / total, 1.0)
        found: np.ndarray = np.maximum(seen - DISCOUNT, 0) / total + share * self._unigram[targets]
        return found

    def unigram(self, targets: np.ndarray) -> Scored:
        """Always the most frequent token."""
        return Scored(-np.log(self._unigram[targets]), targets == self.most_frequent)

    def bigram(self, previous: np.ndarray, targets: np.ndarray) -> Scored:
        """The most frequent token behind the one before."""
        previous, targets = previous.astype(np.int64), targets.astype(np.int64)
        return Scored(-np.log(self.probabilities(previous, targets)), targets == self._best[previous])

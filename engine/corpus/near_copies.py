"""Which articles of a corpus are nearly the same text: found by MinHash, each pair with its likeness.

The likeness of two articles is the Jaccard index of their shingles (engine.corpus.shingles). Signatures are datasketch's
(A. Broder 1997; PERMUTATIONS minima of permuted hashes: the share in which two agree is their likeness). Articles that agree in
all rows of one of BANDS bands are candidates (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", section 3.4): at a
likeness of 0.8 one pair of 20 million is missed, at 0.5 one of eight. The likeness of a candidate is then counted, not
estimated.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import ArticlesError
from engine.core.files import sync
from engine.core.progress import OnProgress, Phase, Progress, ignore
from engine.corpus.shingles import Shingles, likeness
from engine.corpus.store import PAIR, Corpus
from engine.corpus.windows import ScoredArticles

LEAST = 0.5  # a pair of less likeness is none
SURE = 0.7  # from here on fewer than one candidate of five thousand is missed
PERMUTATIONS, BANDS = 128, 32
_ROWS = PERMUTATIONS // BANDS
_SEED = 1
_MARGIN = 0.15  # by which agreement may fall short of the likeness: 3.4 standard deviations at LEAST
_HASHES = 256  # given to datasketch at once: its arrays then stay in the processor's cache, twice as fast as 4,096
_BLOCK = 64  # articles a thread takes at a time
_COMPARED = 1 << 16  # pairs of signatures at a time

SetOf = Callable[[int], np.ndarray]  # the shingles of an article by its place in the corpus


def write_signatures(
    count: int,
    shingles_of: SetOf,
    path: Path,
    on_progress: OnProgress = ignore,
) -> None:
    """Writes uint32 (count, PERMUTATIONS) to a file, on all cores; what an interruption left of it is gone on with.

    Args:
        shingles_of: safe to be called by several threads.
        on_progress: called after each block.
    """
    from datasketch import MinHash

    permutations = MinHash(PERMUTATIONS, seed=_SEED).permutations

    def signature(article: int) -> np.ndarray:
        minima = MinHash(PERMUTATIONS, seed=_SEED, hashfunc=int, permutations=permutations, scheme="affine32")
        hashes = shingles_of(article)
        for first in range(0, len(hashes), _HASHES):
            minima.update_batch(hashes[first : first + _HASHES].tolist())
        values: np.ndarray = minima.hashvalues
        return values

    def block(first: int) -> bytes:
        return b"".join(signature(n).astype("<u4").tobytes() for n in range(first, min(count, first + _BLOCK)))

    size = 4 * PERMUTATIONS
    path.touch()
    with open(path, "r+b") as file:
        done = min(count, path.stat().st_size // size)
        file.truncate(done * size)
        file.seek(0, 2)
        for first, content in _in_order(block, range(done, count, _BLOCK)):
            file.write(content)
            file.flush()
            on_progress(Progress(min(count, first + _BLOCK), count, Phase.COMPARING))
    sync(path)


def _in_order(work: Callable[[int], bytes], items: range) -> Iterator[tuple[int, bytes]]:
    """What `work` makes of each item, in order; no more are under way than the threads need."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        waiting: list[tuple[int, Future[bytes]]] = []
        try:
            for item in itertools.chain(items, [None] * 2 * cores):
                if item is not None:
                    waiting.append((item, pool.submit(work, item)))
                if waiting and (item is None or len(waiting) > 2 * cores):
                    number, future = waiting.pop(0)
                    yield number, future.result()
        finally:
            for _number, future in waiting:
                future.cancel()


def signatures(path: Path) -> np.ndarray:
    """What `write_signatures` wrote, mapped."""
    if not path.stat().st_size:
        return np.empty((0, PERMUTATIONS), np.uint32)
    return np.memmap(path, dtype="<u4", mode="r").reshape(-1, PERMUTATIONS)


def pairs(found: np.ndarray, shingles_of: SetOf, least: float = LEAST) -> np.ndarray:
    """PAIR records of articles that are alike by `least` or more, by place.

    Of many that are alike not each is paired with each: there are enough pairs to join them (`groups`) and no more, or a
    thousand articles from one template would be half a million.
    """
    # Of signatures first: most candidates fall there, and each costs two articles' shingles.
    likely = np.empty(0, np.uint64)
    for first in range(0, len(candidates := _candidates(found)), _COMPARED):
        part = candidates[first : first + _COMPARED]
        earlier, later = _parted(part, len(found))
        likely = np.concatenate([likely, part[(found[earlier] == found[later]).mean(1) >= least - _MARGIN]])
    known: dict[int, np.ndarray] = {}

    def of(article: int) -> np.ndarray:
        if article not in known:
            if len(known) > 16:
                known.pop(next(iter(known)))
            known[article] = np.unique(shingles_of(article))
        return known[article]

    alike_pairs, joined = [], _Joined(len(found))
    for earlier, later in zip(*(part.tolist() for part in _parted(likely, len(found))), strict=True):
        if joined.root(earlier) == joined.root(later):
            continue
        alike = likeness(of(earlier), of(later))
        if alike >= least:
            alike_pairs.append((earlier, later, alike))
            joined.join(earlier, later)
    return np.array(alike_pairs, dtype=PAIR)


class _Joined:
    """Articles that are joined by pairs: a forest, each tree's root being its first article."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, article: int) -> int:
        parent = self._parent
        while parent[article] != article:
            parent[article] = parent[parent[article]]
            article = parent[article]
        return article

    def join(self, one: int, other: int) -> None:
        one, other = self.root(one), self.root(other)
        self._parent[max(one, other)] = min(one, other)


def _candidates(found: np.ndarray) -> np.ndarray:
    """Pairs that agree in a whole band, uint64, sorted: earlier * articles + later. In a band's bucket each is paired with
    the first and with the one before it, so that many equal articles make no square of pairs."""
    count = len(found)
    together = np.empty(0, np.uint64)
    for band in range(BANDS):
        rows = np.ascontiguousarray(found[:, band * _ROWS : (band + 1) * _ROWS])
        keys = rows.view([("", rows.dtype)] * _ROWS).ravel()
        _values, bucket = np.unique(keys, return_inverse=True)
        order = np.argsort(bucket, kind="stable")  # within a bucket by place
        ordered = bucket[order]
        same = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
        if not len(same):
            continue
        begins = np.flatnonzero(np.diff(ordered, prepend=-1))
        heads = order[begins[np.searchsorted(begins, same, side="right") - 1]]
        later = order[same].astype(np.uint64)
        for earlier in (heads, order[same - 1]):
            together = np.union1d(together, earlier.astype(np.uint64) * np.uint64(count) + later)
    return together


def _parted(codes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    return (codes // np.uint64(max(1, count))).astype(np.int64), (codes % np.uint64(max(1, count))).astype(np.int64)


def groups(found: np.ndarray, count: int) -> np.ndarray:
    """int64 (count,): of each article the first one of its group; alike are those that a chain of pairs joins."""
    paired, ends = np.unique(np.concatenate([found["first"], found["second"]]), return_inverse=True)
    joined = _Joined(len(paired))
    for earlier, later in ends.reshape(2, -1).T.tolist():
        joined.join(earlier, later)
    named = np.arange(count)
    named[paired] = paired[[joined.root(article) for article in range(len(paired))]]
    return named


def of_tokens(stream: np.ndarray, starts: np.ndarray, shingles: Shingles) -> SetOf:
    """The shingles of articles in a corpus's tokens, the mark that opens each left out, in the order of the text.

    Args:
        starts: where each begins, and where the last ends.
    """
    return lambda article: shingles.hashes(stream[int(starts[article]) + 1 : int(starts[article + 1])])


# Of a corpus


def of_training(corpus: Corpus, split: str) -> np.ndarray | None:
    """bool (articles,): which articles of a split are nearly the same text as a training article; None where that was not
    looked for."""
    found = corpus.near_copies()
    if found is None or split not in corpus.splits:
        return None
    if split == "train" or not len(found):
        return np.zeros(corpus.articles(split), bool)
    of = groups(found, sum(corpus.articles(name) for name in corpus.splits))
    counts = corpus.card["splits"]
    training = of[counts["train"]["first"] :][: corpus.articles("train")]
    return np.isin(of[counts[split]["first"] :][: corpus.articles(split)], training)


def count_of_training(corpus: Corpus, split: str) -> int | None:
    """How many articles of a split are nearly a training article; None where that was not looked for."""
    alike = of_training(corpus, split)
    return None if alike is None else int(alike.sum())


def scored_articles(corpus: Corpus, split: str) -> ScoredArticles:
    """Finds the articles of a split that are scored where those that are nearly a training article are left out.

    Raises:
        ArticlesError: near-copies were not looked for.
    """
    alike = of_training(corpus, split)
    if alike is None:
        raise ArticlesError(
            "Near-copies were not looked for in {source}: prepare it again, or score all articles.",
            source=corpus.card["source"],
        )
    return ScoredArticles(corpus.starts(split), ~alike)


def nothing_left(split: str) -> ArticlesError:
    """That every article is left out."""
    return ArticlesError(
        "Every {split} article that would be scored is nearly the same text as a training article: nothing is left.",
        split=split,
    )


def summary(found: np.ndarray, counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    """What a corpus's card says of its near-copies.

    Returns:
        least: the likeness from which on a pair is one. pairs: how many. across_splits: of them, between two splits.
    """
    bounds = np.sort([c["first"] for c in counts.values() if c["articles"]])
    split = {name: np.searchsorted(bounds, found[name], side="right") for name in ("first", "second")}
    return {
        "least": LEAST,
        "pairs": len(found),
        "across_splits": int((split["first"] != split["second"]).sum()),
    }

"""What of a text stands word for word in the articles that a run was trained on: exactly, at any size of corpus.

corpora/.suffixes/KEY/FIRST-LAST.places    suffix array and filter of the tokens FIRST to LAST of a corpus's
                                           training articles
corpora/.suffixes/KEY/HASH.read.places     the same of what a run has read of them that has not come to all of them

Shards are cut at multiples of `suffixes.SHARD_BYTES`, moved on to the next article, and shared by all runs on a corpus;
a range that begins or ends inside one has a shard of its own there. Passages are counted in tokens: a text is encoded as
articles are, so equal words are equal tokens, but for a word that its end cuts off.
"""

import contextlib
import hashlib
import itertools
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.core import paths
from engine.core.errors import ArticlesError, StorageError
from engine.core.files import make_folder, replace, storage_errors, sweep, sync, temporary
from engine.core.locks import Lock
from engine.core.progress import OnProgress, Phase, Progress, ignore
from engine.core.splits import HELD_OUT
from engine.corpus import near_copies
from engine.corpus.store import Corpus
from engine.evaluation import intervals
from engine.memorisation import suffixes
from engine.presets import tokenizers
from engine.presets.tokenizers import Tokenizer
from engine.runs.articles_read import Range, Seen, corpus_key

LENGTHS = (suffixes.GRAM, 8, 13)  # of the n-grams that are counted
LONGEST_TEXT = 4096  # tokens
_MOST_OF_READ = 32  # shards of what was read here and there, a corpus
_AT_A_TIME = 16  # shards asked at once
_UNSEEN = 20  # articles that make the yardstick: a text that copies no more than they do is told apart in 1 of 21 cases
# What building takes (benchmarks/README.md, "Memorisation lens"): `python benchmarks/memorisation.py CORPUS` over
# 775.5 million tokens, and its --shard for the memory, which a shard's tokens and the program itself take.
_BUILT_TOKENS_PER_SECOND = 775.5e6 / 494
_MEMORY_PER_BYTE, _MEMORY_BYTES = 5.0, 120e6


@dataclass(frozen=True)
class Passage:
    """A passage of a text that stands in an article and is part of no longer one.

    Attributes:
        first, last: its tokens in the text, last excluded. corpus: of the article. article: its number in training, from 1.
        token: where it begins in the article, from 1.
    """

    first: int
    last: int
    corpus: Corpus
    article: int
    token: int

    @property
    def length(self) -> int:
        """In tokens."""
        return self.last - self.first

    def context(self, tokenizer: Tokenizer, around: int) -> tuple[str, str, str]:
        """What stands in the article before the passage, the passage, and what stands behind it.

        Args:
            around: how many tokens before and behind.
        """
        text = self.corpus.tokens("train", self.article, self.article)[1:]  # behind the mark that opens it
        return tokenizers.excerpt(tokenizer, text, self.token - 1, self.token - 1 + self.length, around)

    def words(self, tokenizer: Tokenizer) -> int:
        """How many words it holds whole: a piece of one at its ends does not count."""
        before, own, behind = self.context(tokenizer, 2)
        found = own.split()
        cut = [a.isalnum() and b.isalnum() for a, b in ((before[-1:], own[:1]), (own[-1:], behind[:1]))]
        return max(0, sum(any(c.isalnum() for c in word) for word in found) - sum(cut))


@dataclass(frozen=True)
class Copied:
    """What of a text stands in the articles.

    Attributes:
        lengths: int64 (tokens,): how many tokens from each one on stand there in a row, 0 where fewer than LENGTHS[0]. passages: the longest first.
    """

    lengths: np.ndarray
    passages: tuple[Passage, ...]

    @property
    def longest(self) -> int:
        """Tokens of the longest passage; 0 where none is as long as LENGTHS[0]."""
        return self.passages[0].length if self.passages else 0

    def words(self, tokenizer: Tokenizer) -> int:
        """Words of the passage that has most of them; 0 where there is none."""
        return max((passage.words(tokenizer) for passage in self.passages), default=0)

    def share(self, n: int) -> float | None:
        """The share of the text's n-grams that stand there; None where it is shorter than n."""
        grams = len(self.lengths) - n + 1
        return float((self.lengths[:grams] >= n).mean()) if grams > 0 else None


# Shards


@dataclass(frozen=True)
class ShardFile:
    """Where the suffix array of a stretch of a corpus's training tokens lies or will lie.

    Attributes:
        first, last: tokens, counted in the training split, last excluded; of `stretches` how many tokens they are.
        stretches: int64 (n, 2): which tokens it holds, where these are not all from `first` to `last`; the mark of an
            article stands between them, over which no passage reaches.
    """

    corpus: Corpus
    first: int
    last: int
    stretches: np.ndarray | None = field(default=None, compare=False)

    @property
    def path(self) -> Path:
        """Its file."""
        name = f"{self.first}-{self.last}" if self.stretches is None else f"{digest(self.stretches)}.read"
        return paths.corpora_root() / ".suffixes" / corpus_key(self.corpus) / f"{name}.places"

    @property
    def bytes(self) -> int:
        """Its size."""
        return suffixes.size(self.last - self.first)

    def there(self) -> bool:
        """Whether it is built."""
        return self.path.is_file() and self.path.stat().st_size == self.bytes

    def tokens(self) -> np.ndarray:
        """Its tokens, mapped where they are one stretch."""
        stream = self.corpus.tokens("train")
        if self.stretches is None:
            return stream[self.first : self.last]
        parts = [part for first, last in self.stretches.tolist() for part in (stream[first:last], stream[:1])]
        return np.concatenate(parts)

    def places(self, positions: np.ndarray) -> np.ndarray:
        """Where in the training split's tokens those of this shard stand."""
        if self.stretches is None:
            return positions + self.first
        begins = np.cumsum(np.diff(self.stretches).ravel() + 1) - np.diff(self.stretches).ravel() - 1
        of = np.searchsorted(begins, positions, side="right") - 1
        found: np.ndarray = self.stretches[of, 0] + positions - begins[of]
        return found


def digest(stretches: np.ndarray) -> str:
    """What names these stretches of a corpus."""
    return hashlib.sha256(np.ascontiguousarray(stretches, np.int64).tobytes()).hexdigest()[:24]


def _grid(prepared: Corpus) -> np.ndarray:
    """Where a corpus's training tokens are cut into shards, ends included; some cuts may be equal."""
    starts = prepared.starts("train")
    length = max(1, suffixes.SHARD_BYTES // np.dtype(prepared.card["dtype"]).itemsize)
    cuts: np.ndarray = starts[
        np.searchsorted(starts, np.arange(0, starts[-1] + length, length)).clip(max=len(starts) - 1)
    ]
    return cuts


def shards(ranges: tuple[Range, ...]) -> list[ShardFile]:
    """The shards that cover ranges of articles."""
    found: list[ShardFile] = []
    for r in ranges:
        if r.stretches is not None:
            found += _of_stretches(r.corpus, r.stretches)
            continue
        starts, grid = r.corpus.starts("train"), _grid(r.corpus)
        first, last = int(starts[r.first - 1]), int(starts[r.last])
        cuts = np.unique([first, *grid[(first < grid) & (grid < last)], last]).tolist()
        found += [ShardFile(r.corpus, a, b) for a, b in itertools.pairwise(cuts)]
    return found


def _of_stretches(prepared: Corpus, stretches: np.ndarray) -> list[ShardFile]:
    """Shards of what was read here and there, as many stretches in each as find room; no stretch is cut."""
    sizes = np.diff(stretches).ravel() + 1  # with the mark behind each
    number = (np.cumsum(sizes) - 1) // max(1, suffixes.SHARD_BYTES // np.dtype(prepared.card["dtype"]).itemsize)
    parts = [stretches[number == n] for n in np.unique(number)]
    return [
        ShardFile(prepared, 0, int(sizes[number == n].sum()), part)
        for n, part in zip(np.unique(number), parts, strict=True)
    ]


def missing(ranges: tuple[Range, ...]) -> list[ShardFile]:
    """The shards that must be built before anything can be found."""
    return [shard for shard in shards(ranges) if not shard.there()]


def cost(left: list[ShardFile]) -> tuple[float, float]:
    """About how many seconds and how many bytes of memory the building of shards takes on two cores."""
    tokens = [shard.last - shard.first for shard in left]
    largest = max((shard.tokens().nbytes for shard in left), default=0)
    return sum(tokens) / _BUILT_TOKENS_PER_SECOND, _MEMORY_BYTES + _MEMORY_PER_BYTE * largest


def build(ranges: tuple[Range, ...], on_progress: OnProgress = ignore) -> None:
    """Builds what is missing, one shard after the other; what was built stays when `on_progress` raises.

    Raises:
        StorageError: no rights or no space. Cancelled: `on_progress` ended it.
    """
    left = missing(ranges)
    total, done = sum(shard.last - shard.first for shard in left), 0
    for shard in left:
        on_progress(Progress(done, total, Phase.INDEXING))
        _build(shard)
        done += shard.last - shard.first
    on_progress(Progress(done, total, Phase.INDEXING))


def _build(shard: ShardFile) -> None:
    folder = shard.path.parent
    make_folder(folder, parents=True)
    with storage_errors(folder):
        with Lock(folder / "lock") as lock:
            lock.acquire(patience_seconds=3600)
            if shard.there():  # somebody else built it while this one waited
                return
            sweep(folder)
            _drop_former(folder, shard.corpus)
            if shard.stretches is not None:
                _drop_oldest(folder)
            free = shutil.disk_usage(folder).free
            if free < shard.bytes + (64 << 20):
                raise StorageError(
                    "The index of these articles needs {needed} MB more of disk and {free} MB are free: free some space.",
                    needed=shard.bytes >> 20,
                    free=free >> 20,
                )
            with temporary(shard.path) as staging:
                try:
                    suffixes.write(shard.tokens(), staging)
                    sync(staging)
                    replace(staging, shard.path)
                finally:
                    staging.unlink(missing_ok=True)


def _drop_former(folder: Path, prepared: Corpus) -> None:
    """Removes what was built for shards of another size: nobody looks for it any more, and it may take gigabytes."""
    grid = _grid(prepared)
    for file in folder.glob("*-*.places"):
        first, last = map(int, file.stem.split("-"))
        if ((first < grid) & (grid < last)).any():
            with contextlib.suppress(PermissionError):  # on Windows one that is being read stays
                file.unlink(missing_ok=True)


def _drop_oldest(folder: Path) -> None:
    """Removes what was built longest ago of what runs had read by then: each checkpoint of a run at work has its own."""
    with contextlib.suppress(OSError):  # another process removes it, or on Windows it is being read
        found = sorted(folder.glob("*.read.places"), key=lambda file: file.stat().st_mtime)
        for file in found[: -_MOST_OF_READ + 1]:
            file.unlink(missing_ok=True)


# Finding


def find(ids: np.ndarray, ranges: tuple[Range, ...]) -> Copied:
    """What of a text stands in the articles of `ranges`, whose shards are built.

    Args:
        ids: the text's tokens (tokens,), at most LONGEST_TEXT of them.

    Raises:
        ArticlesError: a shard is missing.
    """
    ids = np.asarray(ids[:LONGEST_TEXT], np.int64)
    lengths, where = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
    owner = np.zeros(len(ids), np.int64)
    files = shards(ranges)
    for file in files:
        if not file.there():
            raise ArticlesError("The index of these articles is not whole: build it first.")
    # Shards at a time: what takes long where nothing is in memory yet is waiting for the disk.
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        answers = list(pool.map(lambda file: suffixes.open_(file.tokens(), file.path).longest(ids), files))
    for number, (file, (found, positions)) in enumerate(zip(files, answers, strict=True)):
        longer = found > lengths
        lengths[longer], where[longer], owner[longer] = found[longer], file.places(positions[longer]), number
    passages = []
    reach = 0
    for start in np.flatnonzero(lengths).tolist():
        end = start + int(lengths[start])
        if end <= reach:  # the passage before it goes on as far
            continue
        reach = end
        prepared = files[owner[start]].corpus
        starts = prepared.starts("train")
        article = int(np.searchsorted(starts, where[start], side="right"))
        passages.append(Passage(start, end, prepared, article, int(where[start] - starts[article - 1])))
    return Copied(lengths, tuple(sorted(passages, key=lambda p: -p.length)))


def ids_of(tokenizer: Tokenizer, prompt: str, text: str) -> np.ndarray:
    """int64 (tokens,): a continuation's tokens, encoded behind its prompt, as an article that holds both would be."""
    before, both = tokenizer.encode(prompt), tokenizer.encode(prompt + text)
    common = next(
        (n for n, (a, b) in enumerate(zip(before, both, strict=False)) if a != b), min(len(before), len(both))
    )
    return np.array(both[common:], np.int64)


def unseen(found: Seen, tokens: int) -> list[tuple[str, int, np.ndarray]]:
    """The yardstick: as many tokens from the middle of articles that nobody was trained on.

    Returns:
        (split, number in it, ids) of up to 20 articles of test, then of validation, none of which is nearly a training article.
    """
    if not found.ranges:
        return []
    prepared = found.ranges[0].corpus
    chosen: list[tuple[str, int]] = []
    for split in reversed(HELD_OUT):
        if split not in prepared.splits:
            continue
        known = np.isin(prepared.digests(split), prepared.digests("train"))
        if (alike := near_copies.of_training(prepared, split)) is not None:
            known |= alike
        long_enough = prepared.token_counts(split) >= tokens
        chosen += [
            (str(split), int(at) + 1) for at in _spread(np.flatnonzero(~known & long_enough), _UNSEEN - len(chosen))
        ]

    def middle(split: str, number: int) -> np.ndarray:
        stream = prepared.tokens(split, number, number)[1:]
        first = (len(stream) - tokens) // 2
        return np.array(stream[first : first + tokens], np.int64)

    return [(split, number, middle(split, number)) for split, number in chosen]


def _spread(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many of some values, spread evenly over them."""
    return values[np.linspace(0, len(values) - 1, min(most, len(values)), dtype=int)] if len(values) else values


def copies_more(own_words: int, unseen_words: list[int]) -> bool:
    """Whether a text's longest copied passage has more words than that of each unseen article.

    One figure, settled beforehand: where several are looked at, one of them is above the others too often by chance.
    """
    return own_words > max(unseen_words, default=0)


def false_alarms(unseen_words: list[int]) -> float:
    """In what share of cases `copies_more` says yes, at most, of a text that copies as unseen articles do: as likely as any
    of them it holds the longest passage of all."""
    return 1 / (len(unseen_words) + 1)


def counted_alarms(unseen_words: list[int]) -> int:
    """Of how many of the unseen articles `copies_more` says yes, each held against the others: all of them false alarms."""
    return sum(copies_more(n, unseen_words[:at] + unseen_words[at + 1 :]) for at, n in enumerate(unseen_words))


def shared(unseen: list[Copied], n: int) -> tuple[float, list[float] | None] | None:
    """The share of the n-grams of all texts that stand in the training articles, and its 95 % interval (None of too few);
    None where every text is shorter."""
    counted = [(float((c.lengths[: len(c.lengths) - n + 1] >= n).sum()), len(c.lengths) - n + 1) for c in unseen]
    counted = [(hits, grams) for hits, grams in counted if grams > 0]
    if not counted:
        return None
    hits, grams = (np.array(values) for values in zip(*counted, strict=True))
    return float(hits.sum() / grams.sum()), intervals.of_share(hits, grams)

"""What a run has read of its articles, token by token, the stages before it included: the windows that its steps have visited."""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.articles import on_disk
from engine.core.errors import ArticlesError, EngineError
from engine.corpus import lookup, preparation, windows
from engine.corpus.store import Corpus
from engine.presets import catalogue
from engine.presets.tokenizers import Tokenizer
from engine.runs import checkpoints, inputs, lifecycle
from engine.runs.folder import Run
from engine.runs.inputs import LONGEST_AUTOMATIC_SEQUENCE, articles_path
from engine.runs.settings import FIRST_TOKENS, IMPORTED, RunSettings

_AT_ONCE_BYTES = 8 << 20  # a source this small is prepared again where its corpus is gone


Prepare = Callable[[Path, Tokenizer], Corpus | None]


@dataclass(frozen=True)
class Range:
    """Training articles `first` to `last` (from 1, both included) of a corpus, or what was read of them.

    Attributes:
        stretches: int64 (n, 2), in order and apart: which tokens of the training split were read, the last excluded; None = all
            of the articles'.
    """

    corpus: Corpus
    first: int
    last: int
    stretches: np.ndarray | None = field(default=None, compare=False)

    def bounds(self) -> tuple[int, int]:
        """Where the articles begin in the training split's tokens, and where they end."""
        starts = self.corpus.starts("train")
        return int(starts[self.first - 1]), int(starts[self.last])

    def tokens_read(self) -> np.ndarray:
        """int64 (n, 2): the stretches that were read, one of the whole where that is all."""
        return np.array([self.bounds()], np.int64) if self.stretches is None else self.stretches

    @property
    def articles(self) -> int:
        """Of how many articles something was read."""
        if self.stretches is None:
            return self.last - self.first + 1
        starts = self.corpus.starts("train")
        change = np.zeros(len(starts) + 1, np.int64)
        np.add.at(change, np.searchsorted(starts, self.stretches[:, 0], side="right") - 1, 1)
        np.add.at(change, np.searchsorted(starts, self.stretches[:, 1] - 1, side="right"), -1)
        return int((np.cumsum(change) > 0).sum())


@dataclass(frozen=True)
class Seen:
    """What a run was trained on, the stages that led to it included.

    Attributes:
        ranges: none overlaps another. lost: why stages are not among them.
    """

    tokenizer: Tokenizer
    ranges: tuple[Range, ...]
    lost: tuple[EngineError, ...] = ()

    @property
    def articles(self) -> int:
        """Of how many articles something was read."""
        return sum(r.articles for r in self.ranges)

    @property
    def share(self) -> float:
        """How much of the text of the articles from the first to the last of each range was read, 0 to 1."""
        whole = sum(last - first for first, last in (r.bounds() for r in self.ranges))
        return sum(int(np.diff(r.tokens_read()).sum()) for r in self.ranges) / whole if whole else 0.0


def seen(run: Run, prepare: Prepare = preparation.prepare) -> Seen:
    """What a run, and the stages before it, have read of their training articles up to its newest checkpoint.

    Of a stage whose run is gone nothing says which windows it visited: it counts with all of its articles.

    Args:
        prepare: makes the corpus of a small source that is gone.

    Raises:
        EngineError: its own articles are not there any more, or have changed; its preset is gone.
    """
    settings = run.settings
    tokenizer = catalogue.tokenizer(catalogue.find(settings.preset))
    own = corpus_of(settings.articles, tokenizer, prepare)
    saved = checkpoints.of_run(run)
    if saved and saved[-1].manifest.get("corpus", own.content_hash) != own.content_hash:
        raise ArticlesError(
            "{articles} has changed since {run} was trained on it: what it copied cannot be told any more.",
            articles=settings.articles,
            run=run.name,
        )
    wanted = [_visited(run, own, saved[-1].step if saved else run.state().step)]
    lost: list[EngineError] = []
    for stage in run.config.get("lineage", []):
        try:
            prepared = corpus_of(stage["articles"], tokenizer, prepare)
        except EngineError as error:
            lost.append(error)
            continue
        wanted.append(_visited_by_stage(stage, prepared, run.folder.parent))
    return Seen(tokenizer, tuple(_merged([r for r in wanted if len(r.tokens_read())])), tuple(lost))


def _visited_by_stage(stage: dict[str, Any], corpus: Corpus, root: Path) -> Range:
    """What a stage before a run has read; all of its articles where its run does not say it any more."""
    articles = (stage["first_article"], stage["last_article"])
    with contextlib.suppress(EngineError):  # it is gone
        run = lifecycle.find((stage.get("checkpoint") or "").partition("/")[0], root)
        s = run.settings
        if stage.get("steps") and (s.articles, s.first_article, s.last_article) == (stage["articles"], *articles):
            return _visited(run, corpus, int(stage["steps"]))
    return _whole(corpus, *articles)


def _whole(corpus: Corpus, first: int | None, last: int | None) -> Range:
    return Range(corpus, first or 1, last or corpus.articles("train"))


def _visited(run: Run, corpus: Corpus, steps: int) -> Range:
    """What the first steps of a run have read: the windows that its order of the articles begins with."""
    s = run.settings
    whole = _whole(corpus, s.first_article, s.last_article)
    if s.method == IMPORTED:  # it was trained elsewhere, or converted: in which windows nothing says
        return whole
    preset = catalogue.find(s.preset)
    length, batch_size = inputs.shape_of(run, preset.max_sequence_length, preset.vocabulary_size)
    stretches = _stretches(s, whole, length, steps * batch_size)
    return whole if stretches is None else replace(whole, stretches=stretches)


def _stretches(s: RunSettings, whole: Range, length: int, samples: int) -> np.ndarray | None:
    """The tokens of the first samples, inputs and targets; None where they are all."""
    begin, end = whole.bounds()
    starts = whole.corpus.starts("train", whole.first, whole.last)
    if s.method == FIRST_TOKENS:
        taken = windows.visited(len(starts) - 1, samples, s.seed)
        found = np.stack([starts[taken], np.minimum(starts[taken] + length + 1, starts[taken + 1])], axis=1)
    else:
        taken = windows.visited(windows.count(end - begin, length), samples, s.seed)
        found = np.stack([taken * length, np.minimum(taken * length + length + 1, end - begin)], axis=1)
    joined = _joined(found + begin)
    return None if joined.tolist() == [[begin, end]] else joined


def _joined(stretches: np.ndarray) -> np.ndarray:
    """The same tokens as stretches in order, none of which touches another."""
    if not len(stretches):
        return stretches.reshape(0, 2)
    ordered = stretches[np.argsort(stretches[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ordered[:, 1])
    first = np.flatnonzero(np.concatenate([[True], ordered[1:, 0] > reach[:-1]]))
    last = np.append(first[1:], len(ordered)) - 1
    return np.stack([ordered[first, 0], reach[last]], axis=1)


def read_tokens(run: Run, most: int) -> np.ndarray | None:
    """The first `most` tokens of what a run could read, the stages before it included: its articles, or the beginnings that the
    original report's way takes of them; None of one that was not trained here.

    Raises:
        EngineError: as `seen`.
    """
    settings = run.settings
    if settings.method == IMPORTED:
        return None
    # Of the first windows' length of each article where that is all that is read.
    longest = (settings.sequence_length or LONGEST_AUTOMATIC_SEQUENCE) + 1 if settings.method == FIRST_TOKENS else most
    taken: list[np.ndarray] = []
    left = most
    for r in could_read(run):
        stream, starts = r.corpus.tokens("train", r.first, r.last), r.corpus.starts("train", r.first, r.last)
        if longest >= left:
            taken.append(np.asarray(stream[:left]))
            left -= len(taken[-1])
        else:
            for first, last in itertools.pairwise(starts.tolist()):
                taken.append(np.asarray(stream[first : min(last, first + longest, first + left)]))
                left -= len(taken[-1])
                if left <= 0:
                    break
        if left <= 0:
            break
    return np.concatenate(taken)


def could_read(run: Run) -> tuple[Range, ...]:
    """The articles that a run and the stages before it were given, whichever of them they have come to."""
    s = run.settings
    tokenizer = catalogue.tokenizer(catalogue.find(s.preset))
    found = [_whole(corpus_of(s.articles, tokenizer), s.first_article, s.last_article)]
    for stage in run.config.get("lineage", []):
        with contextlib.suppress(EngineError):
            prepared = corpus_of(stage["articles"], tokenizer)
            found.append(_whole(prepared, stage["first_article"], stage["last_article"]))
    return tuple(_merged(found))


def corpus_of(articles: str, tokenizer: Tokenizer, prepare: Prepare = preparation.prepare) -> Corpus:
    """The prepared corpus of a run's `articles`; a small source is prepared again where it is gone.

    Raises:
        ArticlesError: it is not prepared any more.
    """
    path = articles_path(articles)
    found = lookup.find(path, tokenizer)
    if found is None and on_disk.total_bytes(path) <= _AT_ONCE_BYTES:
        found = prepare(path, tokenizer)
    if found is None:
        raise ArticlesError(
            "{articles} is not prepared any more: prepare it under Library › Articles, with the vocabulary of this run.",
            articles=articles,
        )
    return found


def _merged(wanted: list[Range]) -> list[Range]:
    """The same tokens as ranges that do not overlap."""
    by_corpus: dict[str, list[Range]] = {}
    for r in wanted:
        by_corpus.setdefault(corpus_key(r.corpus), []).append(r)
    found: list[Range] = []
    for ranges in by_corpus.values():
        ranges.sort(key=lambda r: r.first)
        merged = [ranges[0]]
        for r in ranges[1:]:
            former = merged[-1]
            if r.first > former.last + 1:
                merged.append(r)
                continue
            both = Range(former.corpus, former.first, max(former.last, r.last))
            joined = _joined(np.concatenate([former.tokens_read(), r.tokens_read()]))
            merged[-1] = both if joined.tolist() == [[*both.bounds()]] else replace(both, stretches=joined)
        found += merged
    return found


def corpus_key(prepared: Corpus) -> str:
    """The content of a corpus and where its training articles begin: what an index of them is kept under."""
    return f"{prepared.content_hash[:16]}-{prepared.card['splits']['train']['first']}"

"""Which articles a run has read, the stages before it included."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.articles import on_disk
from engine.core.errors import ArticlesError, EngineError
from engine.corpus import lookup, preparation
from engine.corpus.store import Corpus
from engine.presets import catalogue
from engine.presets.tokenizers import Tokenizer
from engine.runs import checkpoints
from engine.runs.folder import Run
from engine.runs.inputs import LONGEST_AUTOMATIC_SEQUENCE, articles_path
from engine.runs.settings import FIRST_TOKENS, IMPORTED

_AT_ONCE_BYTES = 8 << 20  # a source this small is prepared again where its corpus is gone


Prepare = Callable[[Path, Tokenizer], Corpus | None]


@dataclass(frozen=True)
class Range:
    """Training articles `first` to `last` (from 1, both included) of a corpus."""

    corpus: Corpus
    first: int
    last: int


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
        """How many articles that is."""
        return sum(r.last - r.first + 1 for r in self.ranges)


def seen(run: Run, prepare: Prepare = preparation.prepare) -> Seen:
    """The training articles of a run and of the stages before it.

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
    wanted = [(own, settings.first_article, settings.last_article)]
    lost: list[EngineError] = []
    for stage in run.config.get("lineage", []):
        try:
            prepared = corpus_of(stage["articles"], tokenizer, prepare)
            wanted.append((prepared, stage["first_article"], stage["last_article"]))
        except EngineError as error:
            lost.append(error)
    return Seen(tokenizer, tuple(_merged(wanted)), tuple(lost))


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
    for r in seen(run).ranges:
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


def _merged(wanted: list[tuple[Corpus, int | None, int | None]]) -> list[Range]:
    """The same articles as ranges that do not overlap."""
    by_corpus: dict[str, list[Range]] = {}
    for prepared, first, last in wanted:
        whole = Range(prepared, first or 1, last or prepared.articles("train"))
        by_corpus.setdefault(corpus_key(prepared), []).append(whole)
    found: list[Range] = []
    for ranges in by_corpus.values():
        ranges.sort(key=lambda r: r.first)
        merged = [ranges[0]]
        for r in ranges[1:]:
            if r.first <= merged[-1].last + 1:
                merged[-1] = Range(r.corpus, merged[-1].first, max(merged[-1].last, r.last))
            else:
                merged.append(r)
        found += merged
    return found


def corpus_key(prepared: Corpus) -> str:
    """The content of a corpus and where its training articles begin: what an index of them is kept under."""
    return f"{prepared.content_hash[:16]}-{prepared.card['splits']['train']['first']}"

"""A model and a split of articles → every figure of it, and where in the articles it comes from, in one streaming pass.

What is kept of a token are sums: by article, section, place in the window, kind of token and confidence. Memory grows
by some numbers an article, not with the tokens.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from engine.articles.article import KINDS as SECTION_KINDS
from engine.articles.article import TITLE
from engine.core.progress import OnProgress, Phase, Progress, ignore
from engine.corpus import windows
from engine.corpus.baselines import Baselines
from engine.corpus.store import Corpus
from engine.corpus.token_kinds import KINDS as TOKEN_KINDS
from engine.corpus.token_kinds import TokenKinds
from engine.evaluation import intervals
from engine.presets.tokenizers import Tokenizer

SUMS = ("tokens", "bytes", "loss", "top_1", "top_5", "top_10")
SECTIONS = ("abstract", "introduction", "methods", "results", "discussion", "other")
CONFIDENCE_BINS = 15  # of equal width, as in Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2
PADDED_LENGTH = 128  # the original report's windows; shorter where the pass's own are
PADDED_WINDOWS = 16  # at most, of each way of cutting: a figure, not a survey
CHECKED_TARGETS = 4096  # of the first windows: their sums are given by themselves, to be compared with Keras's
SHORTEST_PARAGRAPH = 8  # tokens: a heading is none


class TokenScorer(Protocol):
    """What scores a batch: `engine.evaluation.scoring.Scorer`."""

    def tokens(self, batch: windows.Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Losses, ranks and confidences, (batch, length)."""


class _Groups:
    """Sums over the tokens of each of some groups."""

    def __init__(self, count: int) -> None:
        self.sums = np.zeros((len(SUMS), count))

    def add(self, groups: np.ndarray, values: list[np.ndarray]) -> None:
        """Adds tokens: their group, and their values in the order of SUMS."""
        low = int(groups.min())  # articles come in order: only a few of them are in a batch
        for row, value in zip(self.sums, values, strict=True):
            found = np.bincount(groups - low, weights=value)
            row[low : low + len(found)] += found

    def named(self, names: tuple[str, ...] | list[str]) -> list[dict[str, Any]]:
        """Name, tokens and figures of each group that has tokens."""
        return [
            {"name": name, "tokens": int(sums["tokens"]), **_figures(sums)}
            for name, column in zip(names, self.sums.T, strict=True)
            if (sums := dict(zip(SUMS, column.tolist(), strict=True)))["tokens"]
        ]

    def columns(self) -> dict[str, list[float]]:
        """The sums of every group, those without tokens too."""
        whole = ("tokens", "bytes", "top_1", "top_5", "top_10")
        return {
            name: [int(x) for x in row] if name in whole else [round(x, 4) for x in row.tolist()]
            for name, row in zip(SUMS, self.sums, strict=True)
        }


def _figures(sums: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in intervals.figures_of(sums).items()}


@dataclass(frozen=True)
class Pass:
    """How a split is gone through.

    Attributes:
        length: targets of a window. stride: from one window's start to the next, at most `length`.
        batch_size: windows at a time. chosen: window numbers, None = all. scored: which articles are scored, None = all;
            `chosen` then holds windows alone in which there is something to score.
    """

    length: int
    stride: int
    batch_size: int
    chosen: np.ndarray | None = None
    scored: windows.ScoredArticles | None = None

    def count(self, stream: np.ndarray) -> int:
        """How many windows are scored."""
        return windows.count_sliding(len(stream), self.length, self.stride) if self.chosen is None else len(self.chosen)

    def batches(self, stream: np.ndarray) -> Iterator[tuple[np.ndarray, windows.Batch]]:
        """Where the windows of each batch start, and the batch, as `windows.sliding` gives them."""
        for starts, batch in windows.sliding(stream, self.length, self.stride, self.batch_size, self.chosen):
            yield starts, batch if self.scored is None else self.scored.weighed(starts, batch)

    def checked(self, stream: np.ndarray) -> int:
        """How many batches, from the first on, are summed by themselves."""
        return min(
            max(1, CHECKED_TARGETS // (self.batch_size * self.length)), -(-self.count(stream) // self.batch_size)
        )


def run(
    scorer: TokenScorer,
    corpus: Corpus,
    split: str,
    tokenizer: Tokenizer,
    kinds: TokenKinds,
    baselines: Baselines,
    way: Pass,
    on_progress: OnProgress = ignore,
) -> dict[str, Any]:
    """Scores a split and tells what it found; each token but the first is scored exactly once.

    Args:
        on_progress: called after each batch.

    Returns:
        The headline figures, `evaluated_tokens`, `intervals`, `by_article`, `by_section`, `by_position`, `by_kind`,
        `calibration`, `baselines`, `padding`, and `checked`: loss, accuracy and tokens of the first windows
        (`Pass.checked`). All as JSON knows them.
    """
    stream = corpus.tokens(split)
    article_starts = corpus.starts(split)
    section_starts, section_kinds = corpus.section_marks(split)
    of_section = np.array([SECTIONS.index(n) if n in SECTIONS else len(SECTIONS) - 1 for n in SECTION_KINDS])
    of_section[TITLE] = SECTIONS.index("other")
    by_article = _Groups(len(article_starts) - 1)
    by_section, by_kind = _Groups(len(SECTIONS)), _Groups(len(TOKEN_KINDS))
    bins = max(1, (way.length - 1).bit_length())  # of places: each twice as wide as the one before, the last to the end
    by_position = _Groups(bins)
    confident = np.zeros((3, CONFIDENCE_BINS))  # tokens, sum of confidences, right ones
    simple = {"most_frequent": np.zeros(2), "bigram": np.zeros(2)}  # loss, right ones
    padded = _padded_windows(corpus, split, tokenizer, min(PADDED_LENGTH, way.length))
    total = way.count(stream) + sum(len(batch.token_ids) for batch in padded.values())
    done = 0
    checked, to_check = np.zeros(3), way.checked(stream) * way.batch_size  # tokens, loss, right ones
    column = np.broadcast_to(np.arange(way.length), (way.batch_size, way.length))
    for starts, batch in way.batches(stream):
        losses, ranks, confidences = scorer.tokens(batch)
        real = batch.weights > 0
        rows = len(starts)
        at = (starts[:, None] + 1 + column[:rows])[real[:rows]]  # place in the stream
        loss, rank, targets = losses[real].astype(np.float64), ranks[real], batch.targets[real]
        right = rank == 0
        values = [np.ones(len(at)), tokenizer.token_bytes[targets], loss, right, rank < 5, rank < 10]
        by_article.add(np.searchsorted(article_starts, at, side="right") - 1, values)
        by_position.add(np.minimum(np.log2(column[real] + 1).astype(np.int64), bins - 1), values)
        by_kind.add(kinds.of_windows(stream, starts, way.length)[real[:rows]], values)
        section = np.searchsorted(section_starts, at, side="right") - 1
        of_token = of_section[np.minimum(section_kinds[section], TITLE)] if len(section_kinds) else np.zeros_like(at)
        # The mark that opens an article belongs to none of its sections.
        by_section.add(np.where(targets == tokenizer.end_of_text, len(SECTIONS) - 1, of_token), values)
        sure = np.minimum((confidences[real] * CONFIDENCE_BINS).astype(np.int64), CONFIDENCE_BINS - 1)
        for row, value in zip(confident, (values[0], confidences[real], right), strict=True):
            row += np.bincount(sure, weights=value, minlength=CONFIDENCE_BINS)
        for name, scored in (
            ("most_frequent", baselines.unigram(targets)),
            ("bigram", baselines.bigram(batch.token_ids[real], targets)),
        ):
            simple[name] += (scored.losses.sum(), scored.correct.sum())
        if done < to_check:
            checked += (len(loss), loss.sum(), right.sum())
        done += rows
        on_progress(Progress(done, total, Phase.EVALUATING))
    columns = by_article.columns()
    sums = {name: float(row.sum()) for name, row in zip(SUMS, by_article.sums, strict=True)}
    tokens, size = max(1.0, sums["tokens"]), max(1.0, sums["bytes"])
    paddings = []
    for way_of_cutting, batch in padded.items():
        paddings.append({"windows": way_of_cutting, **_padding(scorer, batch, way)})
        done += len(batch.token_ids)
        on_progress(Progress(done, total, Phase.EVALUATING))
    return {
        **_figures(sums),
        "evaluated_tokens": int(sums["tokens"]),
        "sequence_length": way.length,
        "stride": way.stride,
        "intervals": intervals.intervals(columns),
        "by_article": columns,
        "by_section": by_section.named(SECTIONS),
        "by_position": by_position.named([_between(b, bins, way.length) for b in range(bins)]),
        "by_kind": by_kind.named(TOKEN_KINDS),
        "calibration": _calibration(confident),
        "baselines": {
            "training_tokens": baselines.tokens,
            "counted_on": baselines.counted_on,
            "token": tokenizer.decode([baselines.most_frequent]),
            **{
                name: {
                    "accuracy": right / tokens,
                    "loss": loss / tokens,
                    "perplexity": math.exp(min(loss / tokens, 700.0)),
                    "bits_per_byte": loss / math.log(2) / size,
                }
                for name, (loss, right) in ((name, pair.tolist()) for name, pair in simple.items())
            },
        },
        "padding": paddings,
        "checked": {"tokens": int(checked[0]), "loss": checked[1] / checked[0], "accuracy": checked[2] / checked[0]},
    }


def _between(number: int, bins: int, length: int) -> str:
    """How many tokens stand before those of a bin: 1, 2–3, 4–7, …"""
    first, last = 1 << number, length if number == bins - 1 else (2 << number) - 1
    return str(first) if first == last else f"{first}–{last}"


def _calibration(confident: np.ndarray) -> dict[str, Any]:
    """The reliability diagram, and the expected calibration error: the mean distance of share right and confidence."""
    tokens, confidence, right = confident
    return {
        "error": float(np.abs(right - confidence).sum() / max(1.0, tokens.sum())),
        "bins": [
            {"tokens": int(n), "confidence": c / n, "accuracy": r / n}
            for n, c, r in zip(tokens.tolist(), confidence.tolist(), right.tolist(), strict=True)
            if n
        ],
    }


# Padding


def _padded_windows(corpus: Corpus, split: str, tokenizer: Tokenizer, length: int) -> dict[str, windows.Batch]:
    """PADDED_WINDOWS windows of `length` targets, cut in two ways, filled up with padding: an article each, from its first
    token on (as the report did), and a paragraph each."""
    lines = np.array(["\n" in piece for piece in tokenizer.pieces(range(tokenizer.vocabulary_size))])
    mark = [tokenizer.end_of_text]
    articles: list[np.ndarray] = []
    paragraphs: list[np.ndarray] = []
    for number in range(1, min(corpus.articles(split), PADDED_WINDOWS) + 1):
        ids = np.asarray(corpus.tokens(split, number, number), dtype=np.int64)
        articles.append(ids[: length + 1])
        ends = [0, *np.flatnonzero(lines[ids]).tolist(), len(ids)]
        for before, end in itertools.pairwise(ends):
            if end - before - 1 >= SHORTEST_PARAGRAPH and len(paragraphs) < PADDED_WINDOWS:
                # Between two marks, as keras-hub's preprocessor has it.
                paragraphs.append(np.concatenate([mark, ids[before + 1 : end], mark])[: length + 1])
    found = {"article": articles, "paragraph": paragraphs}
    return {name: _rows(pieces, length) for name, pieces in found.items() if pieces}


def _rows(pieces: list[np.ndarray], length: int) -> windows.Batch:
    rows = np.full((len(pieces), length + 1), windows.PADDING_ID, dtype=np.int32)
    weights = np.zeros((len(pieces), length), dtype=np.float32)
    for row, piece in enumerate(pieces):
        rows[row, : len(piece)] = piece
        weights[row, : len(piece) - 1] = 1
    return windows.Batch(rows[:, :-1], rows[:, 1:], weights)


def _padding(scorer: TokenScorer, batch: windows.Batch, way: Pass) -> dict[str, Any]:
    """Accuracy and loss of padded windows: padding not counted, counted, and counted by a model that has learnt it.

    Keras's mean is over all positions where a loss has no mask. A model that was trained so soon writes padding without a
    fault: `accuracy_learnt` is what it would be credited with, this model's accuracy on text unchanged.
    """
    length = batch.targets.shape[1]
    found: list[tuple[np.ndarray, ...]] = []
    for first in range(0, len(batch.token_ids), way.batch_size):
        rows = len(batch.token_ids[first : first + way.batch_size])
        # In the shape of the pass, which is compiled already: what stands behind a token changes nothing before it.
        fill = ((0, way.batch_size - rows), (0, way.length - length))
        ids, targets = (np.pad(a[first : first + rows], fill) for a in (batch.token_ids, batch.targets))
        scored = scorer.tokens(windows.Batch(ids, targets, np.ones(ids.shape, np.float32)))
        found.append(tuple(array[:rows, :length] for array in scored[:2]))
    losses, ranks = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    real, right = batch.weights > 0, ranks == 0
    share = 1 - float(real.mean())
    accuracy = float(right[real].mean())
    return {
        "count": len(batch.token_ids),
        "length": length,
        "padding_share": share,
        "accuracy": accuracy,
        "loss": float(losses[real].mean(dtype=np.float64)),
        "accuracy_with_padding": float(right.mean()),
        "loss_with_padding": float(losses.mean(dtype=np.float64)),
        "accuracy_learnt": accuracy * (1 - share) + share,
    }

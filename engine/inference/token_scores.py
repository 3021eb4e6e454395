"""What a model expected at each token of a text: probability, rank, entropy and the most probable alternatives."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.core.errors import EngineError
from engine.core.progress import OnProgress, Phase, Progress, ignore
from engine.corpus import windows
from engine.corpus.store import Corpus
from engine.evaluation.scoring import Scorer, batch_size
from engine.models import finite
from engine.models.backend import compiled, keras, tensor
from engine.models.compilation import FirstCalls
from engine.models.protocols import CausalLM, Tensor
from engine.presets import tokenizers
from engine.presets.tokenizers import Tokenizer

ALTERNATIVES = 10
MOST_TOKENS = 1024
_LENGTHS = (64, 256, 512, 1024)  # a compiled function for each: texts of all lengths share them
_NATS_PER_BIT = float(np.log(2))


@dataclass(frozen=True)
class Look:
    """What a model expected at each of n tokens, given those before it.

    Attributes:
        probabilities: float32 (n,), of the token that stands there.
        ranks: int32 (n,), its place among all, from 1.
        entropies: float32 (n,), of the whole distribution, in bits.
        alternatives: int32 (n, ALTERNATIVES), the most probable ids. shares: float32, their probabilities.
    """

    probabilities: np.ndarray
    ranks: np.ndarray
    entropies: np.ndarray
    alternatives: np.ndarray
    shares: np.ndarray


class Microscope:
    """Looks at texts with one model; keeps its compiled functions."""

    def __init__(self, model: CausalLM) -> None:
        self._context = model.backbone.max_sequence_length

        ops = keras.ops

        def look(token_ids: Tensor, targets: Tensor) -> tuple[Tensor, ...]:  # int32 (1, length) both
            inputs = {"token_ids": token_ids, "padding_mask": ops.ones_like(token_ids)}
            logits = ops.cast(model(inputs, training=False)[0], "float32")  # (length, vocabulary)
            logs = ops.log_softmax(logits)
            of_target = ops.take_along_axis(logs, targets[0][:, None], axis=-1)  # (length, 1)
            ranks = 1 + ops.sum(ops.cast(logs > of_target, "int32"), axis=-1)
            entropies = -ops.sum(ops.exp(logs) * logs, axis=-1) / _NATS_PER_BIT
            shares, ids = ops.top_k(logs, min(ALTERNATIVES, logits.shape[-1]))
            return ops.exp(of_target[:, 0]), ranks, entropies, ids, ops.exp(shares)

        self._look, self._first_calls = compiled(look, model), FirstCalls("look")

    def look(self, taken: "Passage") -> Look:
        """Looks at a passage, given what stands before it.

        What is longer than the context is looked at in windows that overlap by half: each token sees at least half a
        context before it, where there is as much.

        Raises:
            EngineError: the model computes no numbers.
        """
        ids = np.array([*taken.before, *taken.ids], dtype=np.int32)
        count = len(ids) - 1
        length = next((n for n in _LENGTHS if count <= n <= self._context), self._context)
        parts: list[list[np.ndarray]] = []
        done = 0
        while done < count:
            first = 0 if done == 0 else max(0, min(done - length // 2, count - length))
            piece = np.zeros(length + 1, dtype=np.int32)
            given = ids[first : first + length + 1]
            piece[: len(given)] = given
            with self._first_calls.timed(1, length):
                found = [np.asarray(part) for part in self._look(tensor(piece[None, :-1]), tensor(piece[None, 1:]))]
            # An entropy is made of all that the model computed there.
            finite.require(found[2][: len(given) - 1])
            parts.append([array[done - first : len(given) - 1] for array in found])
            done = first + len(given) - 1
        return Look(*(np.concatenate(arrays)[len(taken.before) - 1 :] for arrays in zip(*parts, strict=True)))


@dataclass(frozen=True)
class Passage:
    """Tokens to look at, and those before them that the model is given: at least the mark `<|endoftext|>`.

    Attributes:
        cut: whether the text went on behind them.
    """

    ids: list[int]
    before: list[int]
    cut: bool = False


def typed(tokenizer: Tokenizer, text: str) -> Passage:
    """A text of a person's own, opened by the mark as articles are in training; MOST_TOKENS of it.

    Raises:
        EngineError: it is empty.
    """
    ids = tokenizer.encode(text)
    if not text.strip():
        raise EngineError("There is no text to look at: type some, or choose an article.")
    return Passage(ids[:MOST_TOKENS], [tokenizer.end_of_text], len(ids) > MOST_TOKENS)


def of_article(corpus: Corpus, split: str, number: int, first: int, count: int) -> Passage:
    """`count` tokens of an article from its token `first` (from 1) on, with up to half of MOST_TOKENS before them.

    Raises:
        RangeError: no such article. EngineError: it is shorter than that.
    """
    stream = corpus.tokens(split, number, number)
    if not 1 <= first < len(stream):
        raise EngineError(
            "Article {number} has {tokens} tokens: there is none at {first}.",
            number=number,
            tokens=len(stream) - 1,
            first=first,
        )
    last = min(len(stream), first + max(1, min(count, MOST_TOKENS)))
    lead = max(0, first - MOST_TOKENS // 2)
    return Passage(stream[first:last].tolist(), stream[lead:first].tolist(), last < len(stream))


def pieces(tokenizer: Tokenizer, token_ids: list[int]) -> list[str]:
    """The pieces of a text, which joined are the text: a character split over tokens stands with the last of them."""
    return list(tokenizers.spans(tokenizer, token_ids))


@dataclass(order=True)
class Place:
    """Where one model expected a token or a sentence far better than another.

    Attributes:
        bits: how much better, a token: log2 of the ratio of the probabilities; of a sentence their mean.
        article: its number in the split, from 1. first, last: the tokens of the article, the mark before it being 0.
    """

    bits: float
    article: int
    first: int
    last: int


@dataclass
class _Most:
    """The places with the largest bits, a bounded number of them."""

    size: int
    _heap: list[Place] = field(default_factory=list)

    def add(self, place: Place) -> None:
        if len(self._heap) < self.size:
            heapq.heappush(self._heap, place)
        elif place > self._heap[0]:
            heapq.heapreplace(self._heap, place)

    def sorted(self) -> list[Place]:
        return sorted(self._heap, reverse=True)


def changes(
    scorers: tuple[Scorer, Scorer],
    corpus: Corpus,
    split: str,
    tokenizer: Tokenizer,
    length: int,
    most: int = 20,
    on_progress: OnProgress = ignore,
) -> dict[str, list[Place]]:
    """Where, in all articles of a split, the second of two models expects tokens and sentences better or worse than the first.

    Each article is scored by itself, in windows of `length` targets; memory does not grow with their number.

    Args:
        most: how many places of each kind. on_progress: called after each article.

    Returns:
        gained_tokens, lost_tokens, gained_sentences, lost_sentences, the largest change first; of what was lost, `bits`
        is how much worse.

    Raises:
        Cancelled: `on_progress` ended it.
    """
    found = {name: _Most(most) for name in ("gained_tokens", "lost_tokens", "gained_sentences", "lost_sentences")}
    pieces = _Pieces(tokenizer)
    rows = batch_size(length, tokenizer.vocabulary_size)
    total = corpus.articles(split)
    for number in range(1, total + 1):
        stream = corpus.tokens(split, number, number)
        bits = _bits(scorers[0], stream, length, rows) - _bits(scorers[1], stream, length, rows)  # of tokens 1, 2, …
        for at in np.argpartition(bits, -min(most, len(bits)))[-most:] if len(bits) else ():
            found["gained_tokens"].add(Place(float(bits[at]), number, int(at) + 1, int(at) + 2))
        for at in np.argpartition(-bits, -min(most, len(bits)))[-most:] if len(bits) else ():
            found["lost_tokens"].add(Place(float(-bits[at]), number, int(at) + 1, int(at) + 2))
        for start, end in sentences([pieces.of(int(token)) for token in stream[1:]]):
            mean = float(bits[start:end].mean())
            found["gained_sentences"].add(Place(mean, number, start + 1, end + 1))
            found["lost_sentences"].add(Place(-mean, number, start + 1, end + 1))
        on_progress(Progress(number, total, Phase.SCORING))
    return {name: largest.sorted() for name, largest in found.items()}


def _bits(scorer: Scorer, stream: np.ndarray, length: int, rows: int) -> np.ndarray:
    """The surprise of each token behind the mark, in bits."""
    found = []
    for batch in windows.in_order(stream, length, rows, None):
        losses, _ranks = scorer.batch(batch)
        found.append(losses[batch.weights > 0])
    return np.concatenate(found) / _NATS_PER_BIT if found else np.empty(0, np.float32)


class _Pieces:
    """The text of each id, decoded once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer, self._known = tokenizer, dict[int, str]()

    def of(self, token: int) -> str:
        if token not in self._known:
            self._known[token] = self._tokenizer.decode([token])
        return self._known[token]


_SHORTEST_SENTENCE = 6  # tokens: a heading or an abbreviation is none


def sentences(pieces: list[str]) -> Iterator[tuple[int, int]]:
    """(first, behind the last) token of each sentence: up to a full stop before a space, or the end of a line."""
    start = 0
    for at, piece in enumerate(pieces):
        following = pieces[at + 1] if at + 1 < len(pieces) else "\n"
        if "\n" in piece or "\n" in following or (piece.rstrip()[-1:] in tuple(".!?") and following[:1] == " "):
            if at + 1 - start >= _SHORTEST_SENTENCE:
                yield start, at + 1
            start = at + 1


def as_json(look: Look, tokenizer: Tokenizer) -> dict[str, Any]:
    """A look as the studio sends it: numbers rounded to what a screen shows, alternatives as text."""
    texts = {int(token): tokenizer.decode([int(token)]) for token in np.unique(look.alternatives)}
    return {
        "probabilities": [float(f"{p:.4g}") for p in look.probabilities],
        "ranks": look.ranks.tolist(),
        "entropies": [round(float(e), 2) for e in look.entropies],
        "alternatives": [
            [[texts[int(token)], float(f"{share:.3g}")] for token, share in zip(ids, shares, strict=True)]
            for ids, shares in zip(look.alternatives, look.shares, strict=True)
        ],
    }

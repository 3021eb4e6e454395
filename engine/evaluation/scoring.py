"""A model and a token stream → loss, accuracy, perplexity and bits per byte, summed token by token."""

import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import numpy as np

from engine.core.errors import ResourcesError
from engine.core.progress import OnProgress, Phase, Progress, ignore
from engine.corpus import windows
from engine.models import finite
from engine.models.backend import compiled, gpus, keras, tensor
from engine.models.compilation import FirstCalls
from engine.models.protocols import CausalLM, Tensor
from engine.presets import memory

# XLA makes a step of the mini model 1.3 to 1.4 times faster on a CPU (benchmarks/README.md); TensorFlow's Windows wheels
# are built without it.
JIT_COMPILE = sys.platform != "win32"
BATCH_TOKENS = 1024  # targets in a batch of evaluation: 2,048 took a fifth longer on the mini model (more misses),
BATCH_LOGITS = 1 << 26  # and at most so many logits (256 MB in float32)
GPU_BATCH_TOKENS, GPU_BATCH_LOGITS = 1 << 13, 1 << 29  # the same on a GPU, which small batches leave idle


@dataclass(frozen=True)
class Scores:
    """What was measured on a number of tokens.

    Attributes:
        loss: mean cross-entropy in nats a token: the sum over tokens divided by their number, not a mean of batch
            means (keras-hub#2958).
        accuracy: share of tokens that the model ranks first, 0..1.
        bits_per_byte: the loss in bits, over the bytes that the tokens stand for: comparable across vocabularies.
        evaluated_tokens: number of targets scored.
        by_article: where it was asked for, of each article of which something was scored its number from 1 and its sums:
            `article`, `tokens`, `bytes`, `loss`, `top_1`; what intervals are made of (engine.evaluation.intervals).
    """

    loss: float
    accuracy: float
    bits_per_byte: float
    evaluated_tokens: int
    by_article: dict[str, list[float]] | None = None

    @property
    def perplexity(self) -> float:
        """exp(loss)."""
        return math.exp(min(self.loss, 700.0))

    def to_json(self) -> dict[str, float]:
        """The figures as events, manifests and the command line give them; not the sums they are made of."""
        figures = asdict(self)
        del figures["by_article"]
        return {**figures, "perplexity": self.perplexity}


class Scorer:
    """Scores batches with one compiled function, kept as long as the model's shape is.

    The model's weights may change between calls; what is scored is always what it holds at the call.
    """

    def __init__(self, model: CausalLM, jit_compile: bool = JIT_COMPILE) -> None:
        ops = keras.ops

        def score(token_ids: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # int32 (batch, length) both
            inputs = {"token_ids": token_ids, "padding_mask": ops.ones_like(token_ids)}
            logits = ops.cast(model(inputs, training=False), "float32")  # (batch, length, vocabulary)
            # Cross-entropy written out: the largest logit and the sum serve the confidence too, in one reading each.
            of_target = ops.take_along_axis(logits, targets[..., None], axis=-1)  # (batch, length, 1)
            highest = ops.max(logits, axis=-1)
            log_sum = ops.log(ops.sum(ops.exp(logits - highest[..., None]), axis=-1))
            losses = log_sum + highest - of_target[..., 0]
            # A token is right when no other has a higher logit; of equal ones the lowest id counts, as in argmax.
            lower_id = ops.arange(logits.shape[-1]) < targets[..., None]
            before = (logits > of_target) | ((logits == of_target) & lower_id)
            ranks = ops.sum(ops.cast(before, "int32"), axis=-1)
            return losses, ranks, ops.exp(-log_sum)  # (batch, length): nats, rank from 0, 0..1

        self._score = compiled(score, model, jit_compile)
        self._first_calls = FirstCalls("score")
        self._rows = 0  # windows at a time since memory ran out; 0 = all

    def batch(self, batch: windows.Batch) -> tuple[np.ndarray, np.ndarray]:
        """Loss in nats and rank (from 0) of every target: float32 and int32, (batch, length); raises as `tokens`."""
        losses, ranks, _confidences = self.tokens(batch)
        return losses, ranks

    def tokens(self, batch: windows.Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Loss in nats and rank (from 0) of every target, and the probability of the most probable token in its place:
        float32, int32, float32, (batch, length).

        Where memory runs out, half as many windows are scored at a time: scoring changes nothing that could be harmed.

        Raises:
            ResourcesError: it runs out with one window. EngineError: the model computes no numbers.
        """
        rows = self._rows or len(batch.token_ids)
        while True:
            try:
                pieces = [
                    self._score_piece(batch.token_ids[i : i + rows], batch.targets[i : i + rows])
                    for i in range(0, len(batch.token_ids), rows)
                ]
                break
            except Exception as error:
                if not memory.ran_out(error):
                    raise
                if rows == 1:
                    raise ResourcesError(
                        "Memory ran out while one window of {length} tokens was scored: set sequence_length to {shorter} or "
                        "less, close other programs, or choose a smaller preset.",
                        length=batch.targets.shape[1],
                        shorter=batch.targets.shape[1] // 2,
                    ) from error
            self._rows = rows = rows // 2
        losses, ranks, confidences = (
            np.concatenate([np.asarray(p) for p in parts]) for parts in zip(*pieces, strict=True)
        )
        finite.require(losses)
        return losses, ranks, confidences

    def _score_piece(self, token_ids: np.ndarray, targets: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        with self._first_calls.timed(*token_ids.shape):
            scored: tuple[Tensor, Tensor, Tensor] = self._score(tensor(token_ids), tensor(targets))
        return scored


def evaluate(
    scorer: Scorer,
    stream: np.ndarray,
    token_bytes: np.ndarray,
    length: int,
    chosen: np.ndarray | None = None,
    on_progress: OnProgress = ignore,
    *,
    scored: windows.ScoredArticles | None = None,
    article_starts: np.ndarray | None = None,
) -> Scores:
    """Scores a stream in windows of `length` targets, stride equal to the window.

    Args:
        token_bytes: int32 (vocabulary,), bytes of text of each id.
        chosen: window numbers to score; None = all.
        on_progress: called after each batch.
        scored: which articles count; None = all. Something must be left to score.
        article_starts: int64 (articles + 1,), where each begins and the last ends: `by_article` is then told.

    Raises:
        Cancelled: `on_progress` ended it.
    """
    loss = correct = size = tokens = 0.0
    if scored is not None:
        chosen = scored.numbers(length, length, chosen)
    total = windows.count(len(stream), length) if chosen is None else len(chosen)
    rows = batch_size(length, len(token_bytes))
    sums = np.zeros((4, len(article_starts) - 1 if article_starts is not None else 0))
    for done, (starts, batch) in _counted(windows.sliding(stream, length, length, rows, chosen)):
        if scored is not None:
            batch = scored.weighed(starts, batch)
        losses, ranks = scorer.batch(batch)
        real = batch.weights > 0
        right, sizes = ranks[real] == 0, token_bytes[batch.targets[real]]
        if article_starts is not None:
            positions = (starts[:, None] + 1 + np.arange(length))[real[: len(starts)]]
            article = np.searchsorted(article_starts, positions, side="right") - 1
            for row, values in zip(sums, (np.ones(len(article)), sizes, losses[real], right), strict=True):
                row += np.bincount(article, weights=values, minlength=len(row))
        loss += float(losses[real].sum(dtype=np.float64))
        correct += int(right.sum())
        size += int(sizes.sum())
        tokens += batch.tokens
        on_progress(Progress(min(done, total), total, Phase.EVALUATING))
    by_article = None if article_starts is None else _by_article(sums)
    return Scores(loss / tokens, correct / tokens, loss / math.log(2) / max(1, size), int(tokens), by_article)


def _by_article(sums: np.ndarray) -> dict[str, list[float]]:
    scored = np.flatnonzero(sums[0])
    tokens, size, loss, right = sums[:, scored]
    whole = {"article": scored + 1, "tokens": tokens, "bytes": size, "top_1": right}
    return {name: [int(x) for x in values] for name, values in whole.items()} | {"loss": np.round(loss, 4).tolist()}


def batch_size(length: int, vocabulary_size: int) -> int:
    """Windows of `length` in a batch of evaluation."""
    tokens, logits = (GPU_BATCH_TOKENS, GPU_BATCH_LOGITS) if gpus() else (BATCH_TOKENS, BATCH_LOGITS)
    return max(1, min(tokens, logits // vocabulary_size) // length)


def _counted(
    batches: Iterable[tuple[np.ndarray, windows.Batch]],
) -> Iterator[tuple[int, tuple[np.ndarray, windows.Batch]]]:
    done = 0
    for starts, batch in batches:
        done += len(batch.token_ids)
        yield done, (starts, batch)


def part(stream: np.ndarray, length: int, tokens: int, seed: int) -> np.ndarray | None:
    """The window numbers of a fixed part of a stream of about `tokens` tokens; None where that is all of it.

    Drawn without replacement from `numpy.random.default_rng(seed)`: the same for the base and every checkpoint.
    """
    total, wanted = windows.count(len(stream), length), max(1, round(tokens / length))
    if not tokens or wanted >= total:
        return None
    return np.sort(np.random.default_rng(seed).choice(total, size=wanted, replace=False))

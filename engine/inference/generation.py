"""Prompts → samples: a cached decoding loop whose draws depend on the seed and the logits alone."""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as BeamSearch
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from engine.core.errors import EngineError, SettingsError
from engine.inference import batches, beam
from engine.inference.batches import Batch
from engine.inference.samples.streaming import MOST_BEAMS
from engine.inference.token_scores import Microscope
from engine.models import finite
from engine.models.backend import compiled, keras, tensor
from engine.models.compilation import FirstCalls
from engine.models.protocols import CausalLM, Tensor
from engine.presets.tokenizers import Tokenizer

Written: TypeAlias = tuple[Tensor, Tensor]  # two of: the logits behind each token, the cache
Step: TypeAlias = Callable[[Tensor, Tensor, Tensor], Written]

_LENGTHS = (128, 256, 512, 1024)  # a compiled function for each: prompts of all lengths share them
_PREFILL = 32  # prompts are fed in pieces of one shape, so that no prompt length compiles anew


@dataclass(frozen=True)
class Sampler:
    """How the next token is drawn.

    Attributes:
        temperature: divides the logits; 0 = always the most probable token (greedy).
        top_k: only the k most probable tokens; 0 = all (Fan et al. 2018).
        top_p: only the most probable tokens that together reach p; 1 = all (Holtzman et al. 2020).
    """

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 1.0

    def __post_init__(self) -> None:
        problems = []
        if not 0 <= self.temperature <= 10:
            problems.append(EngineError("The temperature must lie between 0 and 10; received {v}.", v=self.temperature))
        if self.top_k < 0:
            problems.append(EngineError("top_k must be 0 or more; received {v}.", v=self.top_k))
        if not 0 < self.top_p <= 1:
            problems.append(EngineError("top_p must be above 0 and at most 1; received {v}.", v=self.top_p))
        if problems:
            raise SettingsError(problems)

    def draw(self, logits: np.ndarray, rng: np.random.Generator) -> int:
        """The next token for logits of shape (vocabulary,)."""
        if self.temperature == 0:
            return int(logits.argmax())
        logits = logits.astype(np.float64) / self.temperature
        order = _largest(logits, self.top_k or len(logits))
        weights = np.exp(logits[order] - logits[order[0]])
        cumulated = np.cumsum(weights / weights.sum())
        if self.top_p < 1:
            count = int(np.searchsorted(cumulated, self.top_p)) + 1
            order, cumulated = order[:count], cumulated[:count] / cumulated[min(count, len(cumulated)) - 1]
        return int(order[min(int(np.searchsorted(cumulated, rng.random(), side="right")), len(order) - 1)])


def _largest(logits: np.ndarray, count: int) -> np.ndarray:
    """The ids of the largest, largest first, of equal ones the smaller id first; a vocabulary is not sorted for a few."""
    candidates = np.arange(len(logits))
    if count < len(logits):
        candidates = np.flatnonzero(logits >= np.partition(logits, -count)[-count])
    return candidates[np.argsort(-logits[candidates], kind="stable")][:count]


class Generator:
    """A model ready to continue prompts; keeps its compiled functions."""

    def __init__(self, model: CausalLM, tokenizer: Tokenizer) -> None:
        self._model, self.tokenizer = model, tokenizer
        self._steps: dict[int, Step] = {}
        self._decoders: dict[int, Step] = {}

    @cached_property
    def microscope(self) -> Microscope:
        """For looking at texts with the same model."""
        return Microscope(self._model)

    @property
    def precision(self) -> str:
        """The type in which the model computes."""
        return self._model.compute_dtype

    @cached_property
    def _beam_step(self) -> Callable[[Tensor, Tensor, Tensor, Tensor], Written]:
        """The compiled function of a beam search: one token of each hypothesis, whose parents' caches it takes."""
        model = self._model

        def step(
            token_ids: Tensor, cache: Tensor, parents: Tensor, index: Tensor
        ) -> Written:  # int32 (n, 1), (m, layers, 2, length, …), int32 (n,), int32 ()
            logits, _, cache = model.call_with_cache(token_ids, keras.ops.take(cache, parents, axis=0), index)
            return keras.ops.cast(logits[:, 0], "float32"), cache  # (n, vocabulary)

        return compiled(step, model)

    def _step(self, length: int) -> Step:
        """The compiled function for a cache of `length` positions."""
        if length not in self._steps:
            model = self._model

            def step(token_ids: Tensor, cache: Tensor, index: Tensor) -> Written:
                # int32 (1, piece), (1, layers, 2, length, heads, head_dim), int32 ()
                logits, _, cache = model.call_with_cache(token_ids, cache, index)
                return keras.ops.cast(logits[0], "float32"), cache  # (piece, vocabulary)

            first_calls, compiled_step = FirstCalls("generate"), compiled(step, model)

            def timed(token_ids: Tensor, cache: Tensor, index: Tensor) -> Written:
                with first_calls.timed(token_ids.shape[1], length):
                    written: Written = compiled_step(token_ids, cache, index)
                return written

            self._steps[length] = timed
        return self._steps[length]

    def decoder(self, length: int) -> Step:
        """The compiled function of a turn of several texts, with caches of `length` places and a spare one."""
        if length not in self._decoders:
            first_calls = FirstCalls("generate together")
            step = compiled(functools.partial(batches.decode, self._model), self._model)

            def timed(token_ids: Tensor, cache: Tensor, places: Tensor) -> Written:
                with first_calls.timed(token_ids.shape[0], length):
                    written: Written = step(token_ids, cache, places)
                return written

            self._decoders[length] = timed
        return self._decoders[length]

    def prompt_ids(self, prompt: str, max_new_tokens: int) -> tuple[list[int], int]:
        """The ids that a prompt gives the model, and how many tokens of its beginning found no room.

        The prompt is opened by `<|endoftext|>`, as articles are in training. Where it is too long for the model's
        context beside the new tokens, its end is kept.
        """
        ids = [self.tokenizer.end_of_text, *self.tokenizer.encode(prompt)]
        end = ids[-(self._model.backbone.max_sequence_length - self.room(max_new_tokens)) :]
        return end, len(ids) - len(end)

    def room(self, max_new_tokens: int) -> int:
        """The most tokens that are written: the context has to hold a token of the prompt too."""
        return max(1, min(max_new_tokens, self._model.backbone.max_sequence_length - 1))

    def cache_length(self, ids: list[int], room: int) -> int:
        """How many places the cache of a text has."""
        context = self._model.backbone.max_sequence_length
        pieces = math.ceil(len(ids) / _PREFILL)
        needed = max(pieces * _PREFILL, len(ids) + room)
        return next((n for n in _LENGTHS if needed <= n <= context), None) or max(context, pieces * _PREFILL)

    def begin(self, ids: list[int], room: int) -> Written:
        """Feeds the prompt: the cache, with a spare place behind all others, and the logits behind it."""
        backbone = self._model.backbone
        context, length = backbone.max_sequence_length, self.cache_length(ids, room)
        step = self._step(length)
        shape = (1, backbone.num_layers, 2, length + 1, backbone.num_heads, backbone.hidden_dim // backbone.num_heads)
        cache = keras.ops.zeros(shape, dtype=self._model.compute_dtype)
        for first in range(0, len(ids), _PREFILL):
            piece = ids[first : first + _PREFILL]
            padded = piece + [0] * (_PREFILL - len(piece))  # what lies behind is overwritten before it is looked at
            if first + _PREFILL > context:  # positions end at the context: feed the rest one by one
                for offset, token in enumerate(piece):
                    logits, cache = step(_ids([[token]]), cache, _ids(first + offset))
                last = logits[0]
            else:
                logits, cache = step(_ids([padded]), cache, _ids(first))
                last = logits[len(piece) - 1]
        return cache, last

    def stream(self, prompt: str, max_new_tokens: int, sampler: Sampler = Sampler(), seed: int = 1) -> Iterator[int]:
        """Yields the new token ids one by one; ends at `<|endoftext|>` or after `max_new_tokens`.

        Raises:
            EngineError: the model computes no numbers.
        """
        batch = Batch(self)
        text = batch.add(prompt, max_new_tokens, sampler, seed)
        while not text.ended:
            written = len(text.ids)
            for _text in batch.turn():
                yield from text.ids[written:]
        if text.error is not None:
            raise text.error

    def search(self, prompt: str, max_new_tokens: int, beams: int) -> BeamSearch[int, None, list[int]]:
        """Beam search (`engine.inference.beam`): yields how many tokens are decided, returns the new token ids.

        Raises:
            SettingsError: fewer than 1 or more than MOST_BEAMS beams. EngineError: the model computes no numbers.
        """
        if not 1 <= beams <= MOST_BEAMS:
            problem = EngineError("The beams must be 1 to {most}; received {v}.", most=MOST_BEAMS, v=beams)
            raise SettingsError([problem])
        ids, _ = self.prompt_ids(prompt, max_new_tokens)
        room = self.room(max_new_tokens)
        cache, last = self.begin(ids, room)
        index = len(ids)

        def advance(parents: np.ndarray, tokens: np.ndarray) -> np.ndarray:
            nonlocal cache, index
            logits, cache = self._beam_step(_ids(tokens[:, None]), cache, _ids(parents), _ids(index))
            index += 1
            return finite.require(np.asarray(logits))

        return beam.search(finite.require(np.asarray(last)), advance, beams, self.tokenizer.end_of_text, room)

    def generate(self, prompt: str, max_new_tokens: int, sampler: Sampler = Sampler(), seed: int = 1) -> str:
        """The continuation as text, without the prompt."""
        (text,) = self.texts([prompt], max_new_tokens, sampler, seed)
        return text

    def texts(self, prompts: Sequence[str], max_new_tokens: int, sampler: Sampler, seed: int) -> list[str]:
        """The continuations of several prompts, written together, each as `generate` gives it.

        Raises:
            EngineError: the model computes no numbers.
        """
        batch = Batch(self)
        written = [batch.add(prompt, max_new_tokens, sampler, seed) for prompt in prompts]
        while not all(text.ended for text in written):
            for _text in batch.turn():
                pass
        for text in written:
            if text.error is not None:
                raise text.error
        return [self.tokenizer.decode(text.ids) for text in written]


def _ids(values: object) -> Any:
    """Whole numbers as the framework's array of int32."""
    return tensor(np.asarray(values, dtype=np.int32))

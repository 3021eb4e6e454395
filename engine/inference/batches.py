"""Texts that one model writes together, a token each at a turn, every one as it would be written alone.

Sums are rounded by how many rows a product has: a call takes a fixed number of rows, whether each is a text or none, and each
row keeps its tokens at places of its own. So a text does not depend on what is written beside it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from engine.core.errors import EngineError
from engine.models import finite
from engine.models.backend import gpus, keras, tensor
from engine.models.protocols import CausalLM, Tensor
from engine.presets.tokenizers import Tokenizer

# Four rows take a CPU hardly longer than one, whose time goes into reading the weights, and sixteen a GPU.
CPU_ROWS, GPU_ROWS = 4, 16


class Sampler(Protocol):
    """How the next token is drawn (`engine.inference.generation.Sampler`)."""

    def draw(self, logits: np.ndarray, rng: np.random.Generator) -> int:
        """The next token for logits of shape (vocabulary,)."""


class Reader(Protocol):
    """A model that reads prompts (`engine.inference.generation.Generator`).

    Attributes:
        tokenizer: of its preset.
    """

    tokenizer: Tokenizer

    def prompt_ids(self, prompt: str, max_new_tokens: int) -> tuple[list[int], int]:
        """The ids that a prompt gives the model, and how many found no room."""

    def room(self, max_new_tokens: int) -> int:
        """The most tokens that are written."""

    def cache_length(self, ids: list[int], room: int) -> int:
        """How many places the cache of a text has."""

    def begin(self, ids: list[int], room: int) -> tuple[Tensor, Tensor]:
        """The cache behind a prompt, and the logits."""

    def decoder(self, length: int) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
        """`decode`, compiled for caches of so many places."""


def rows() -> int:
    """How many texts one call takes: the same number on the same kind of device."""
    return GPU_ROWS if gpus() else CPU_ROWS


@dataclass(eq=False)
class Text:
    """A text that is being written.

    Attributes:
        prompt_ids: what it continues. room: the most new tokens. ids: the new tokens so far, without the end.
        ended: whether it is complete, or was given up. error: why it cannot go on.
    """

    prompt_ids: list[int]
    room: int
    sampler: Sampler
    rng: np.random.Generator
    ids: list[int] = field(default_factory=list)
    ended: bool = False
    error: EngineError | None = None

    def take(self, logits: np.ndarray, end: int) -> None:
        """Draws its next token."""
        try:
            token = self.sampler.draw(finite.require(logits), self.rng)
        except EngineError as error:
            self.error, self.ended = error, True
            return
        if token == end:
            self.ended = True
            return
        self.ids.append(token)
        self.ended = len(self.ids) >= self.room


class Batch:
    """The texts of one model: they come and go between two turns."""

    def __init__(self, generator: Reader) -> None:
        self._generator = generator
        self._new: list[Text] = []
        self._chunks: list[_Chunk] = []

    def add(self, prompt: str, max_new_tokens: int, sampler: Sampler, seed: int) -> Text:
        """A text more, which gets its first token in the next turn."""
        ids, _ = self._generator.prompt_ids(prompt, max_new_tokens)
        text = Text(ids, self._generator.room(max_new_tokens), sampler, np.random.default_rng(seed))
        self._new.append(text)
        return text

    def turn(self) -> Iterator[Text]:
        """Gives each text that has not ended a token, and yields it as soon as it has that, or has ended without."""
        former = [chunk for chunk in self._chunks if chunk.tidy()]
        begun: tuple[list[int], int, Tensor, Tensor] | None = None
        self._chunks = list(former)
        new, self._new = self._new, []
        for text in new:
            if text.ended:
                continue
            length = self._generator.cache_length(text.prompt_ids, text.room)
            if begun is None or begun[:2] != (text.prompt_ids, length):  # samples of one prompt share its reading
                begun = text.prompt_ids, length, *self._generator.begin(text.prompt_ids, text.room)
            _ids, _length, cache, logits = begun
            text.take(np.asarray(logits), self._generator.tokenizer.end_of_text)
            if not text.ended:
                self._chunk(length).put(text, cache)
            yield text
        for chunk in former:
            yield from chunk.turn()

    def _chunk(self, length: int) -> "_Chunk":
        """One with room for a text whose cache has so many places."""
        found = next((chunk for chunk in self._chunks if chunk.length == length and chunk.has_room()), None)
        if found is None:
            found = _Chunk(self._generator, length)
            self._chunks.append(found)
        return found


class _Chunk:
    """As many texts as one call takes, with caches of the same length."""

    def __init__(self, generator: Reader, length: int) -> None:
        self.length, self._generator = length, generator
        self._texts: list[Text | None] = [None] * rows()
        self._fed = [0] * len(self._texts)  # of each text's new tokens, how many the model has read
        self._cache: Any = None

    def has_room(self) -> bool:
        """Whether a row is free."""
        return None in self._texts

    def tidy(self) -> bool:
        """Frees the rows of texts that have ended; whether any is left."""
        self._texts = [None if text is None or text.ended else text for text in self._texts]
        return any(self._texts)

    def put(self, text: Text, cache: Tensor) -> None:
        """Takes a text in, with what the model remembers of its prompt: (1, layers, 2, places, heads, head_dim)."""
        row = self._texts.index(None)
        if self._cache is None:
            self._cache = keras.ops.zeros((len(self._texts), *cache.shape[1:]), dtype=cache.dtype)
        self._cache = keras.ops.slice_update(self._cache, [row, 0, 0, 0, 0, 0], cache)
        self._texts[row], self._fed[row] = text, 0

    def turn(self) -> Iterator[Text]:
        """As `Batch.turn`. A text that comes in meanwhile waits for the next one."""
        own = list(enumerate(self._texts))
        tokens = np.zeros((len(own), 1), np.int32)
        places = np.zeros(len(own), np.int32)
        for row, text in own:
            if text is not None:
                tokens[row], places[row] = text.ids[self._fed[row]], len(text.prompt_ids) + self._fed[row]
                self._fed[row] += 1
        step = self._generator.decoder(self.length)
        logits, self._cache = step(tensor(tokens), self._cache, tensor(places))
        found = np.asarray(logits)
        for row, text in own:
            if text is not None and not text.ended:
                text.take(found[row], self._generator.tokenizer.end_of_text)
                yield text


def decode(model: CausalLM, token_ids: Tensor, cache: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """The logits behind one more token of each text, and the cache with it.

    keras-hub writes all rows of a cache at one place. Here its last place takes the new token of each row, from where it is
    moved to the row's own.

    Args:
        token_ids: int32 (rows, 1). places: int32 (rows,), where each stands in its text.
        cache: (rows, layers, 2, places + 1, heads, head_dim).

    Returns:
        float32 (rows, vocabulary), and the cache.
    """
    ops, backbone = keras.ops, model.backbone
    spare = cache.shape[3] - 1
    x = backbone.token_embedding(token_ids)
    positions = ops.take(backbone.position_embedding.position_embeddings, places, axis=0)[:, None]
    x = backbone.embeddings_add((x, ops.cast(positions, x.dtype)))  # (rows, 1, hidden_dim)
    every = ops.arange(spare + 1)[None]
    seen = ops.logical_or(every < places[:, None], every == spare)[:, None]  # (rows, 1, places + 1)
    new = []
    for number, layer in enumerate(backbone.transformer_layers):
        x, written = layer(
            x,
            decoder_attention_mask=seen,
            self_attention_cache=cache[:, number],
            self_attention_cache_update_index=spare,
        )
        new.append(written[:, :, spare:])
    here = (every == places[:, None])[:, None, None, :, None, None]
    cache = ops.where(here, ops.stack(new, axis=1), cache)
    logits = backbone.token_embedding(backbone.layer_norm(x), reverse=True)
    return ops.cast(logits[:, 0], "float32"), cache

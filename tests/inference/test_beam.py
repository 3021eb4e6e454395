"""Beam search: exhaustive with enough beams, greedy with one, and on a real model the same as decoding from scratch."""

import itertools

import numpy as np
import pytest

from engine.core.errors import SettingsError
from engine.inference import beam
from engine.inference.generation import Generator, Sampler
from engine.models import loading
from engine.runs import references

END, LETTERS, LENGTH = 0, 4, 4


def finished(search) -> tuple[list[int], list[int]]:
    """What a search reported, and its result."""
    progress = []
    while True:
        try:
            progress.append(next(search))
        except StopIteration as stop:
            return progress, stop.value


class Language:
    """Logits of the next letter, another random vector behind every text."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._logits = {
            text: rng.normal(0, 2, LETTERS).astype(np.float32)
            for length in range(LENGTH + 1)
            for text in itertools.product(range(LETTERS), repeat=length)
        }

    def logits(self, text) -> np.ndarray:
        return self._logits[tuple(text)]

    def log_probability(self, text, ends: bool) -> float:
        total = 0.0
        for place, letter in enumerate([*text, END] if ends else text):
            logits = self.logits(text[:place]).astype(np.float64)
            total += logits[letter] - np.log(np.exp(logits).sum())
        return total

    def search(self, beams: int, length: int = LENGTH) -> list[int]:
        texts: list[list[int]] = [[]]

        def advance(parents, tokens):
            texts[:] = [[*texts[parent], int(token)] for parent, token in zip(parents, tokens, strict=True)]
            return np.array([self.logits(text) for text in texts])

        return finished(beam.search(self.logits([]), advance, beams, END, length))[1]

    def best(self) -> list[int]:
        """By trying everything: all texts that end within LENGTH tokens, and all that were cut off there."""
        letters = [letter for letter in range(LETTERS) if letter != END]
        ended = [(t, True) for n in range(LENGTH) for t in itertools.product(letters, repeat=n)]
        cut = [(t, False) for t in itertools.product(letters, repeat=LENGTH)]
        return list(max(ended + cut, key=lambda text: self.log_probability(*text))[0])

    def greedy(self) -> list[int]:
        text: list[int] = []
        while len(text) < LENGTH and (letter := int(self.logits(text).argmax())) != END:
            text.append(letter)
        return text


@pytest.mark.parametrize("seed", range(30))
def test_enough_beams_find_the_most_probable_text_and_one_is_greedy(seed):
    language = Language(seed)
    assert language.search(LETTERS**LENGTH) == language.best()
    assert language.search(1) == language.greedy()


def test_beams_find_what_greedy_misses():
    assert any(
        language.search(3) == language.best() != language.greedy()
        for language in (Language(seed) for seed in range(30))
    )


def test_equal_scores_are_settled_by_order():
    flat = np.zeros(5, dtype=np.float32)
    search = beam.search(flat, lambda parents, tokens: np.array([flat] * len(tokens)), 2, 4, 3)
    assert finished(search) == ([1, 2, 3], [0, 0, 0])


@pytest.mark.slow
def test_on_a_model_the_hypotheses_keep_their_own_caches(tiny_preset):
    """The search with caches gathered for each beam gives what the model without a cache gives."""
    model, tokenizer = loading.load(references.resolve(str(tiny_preset)))
    rng = np.random.default_rng(5)
    model.backbone.set_weights([w + rng.normal(0, 0.2, w.shape) for w in model.backbone.get_weights()])
    generator = Generator(model, tokenizer)
    prompt, length = "the cells were treated", 12

    def expected(beams: int) -> list[int]:
        texts = [[tokenizer.end_of_text, *tokenizer.encode(prompt)]]

        def logits() -> np.ndarray:
            ids = np.array(texts)
            inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
            return np.asarray(model(inputs, training=False))[:, -1]

        def advance(parents, tokens):
            texts[:] = [[*texts[parent], int(token)] for parent, token in zip(parents, tokens, strict=True)]
            return logits()

        found = finished(beam.search(logits()[0], advance, beams, tokenizer.end_of_text, length))[1]
        return found

    progress, four = finished(generator.search(prompt, length, 4))
    assert progress == list(range(1, length + 1))
    assert four == expected(4)
    assert finished(generator.search(prompt, length, 4))[1] == four
    greedy = list(generator.stream(prompt, length, Sampler(temperature=0)))
    assert finished(generator.search(prompt, length, 1))[1] == greedy != four
    with pytest.raises(SettingsError, match="1 to 8"):
        generator.search(prompt, length, 9)

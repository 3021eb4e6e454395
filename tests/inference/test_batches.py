"""Texts that are written together: each to the bit what it is alone, whatever is written beside it and since when."""

import numpy as np
import pytest

from engine.inference import batches
from engine.inference.batches import Batch, Text
from engine.inference.generation import Generator, Sampler
from engine.models import loading
from engine.runs import references

pytestmark = pytest.mark.slow
PROMPTS = ("", "the cells", "the cells were treated with the drug and", "in this study we show that", "a", "of", "we")
HOT = Sampler(temperature=1.2, top_k=0)


@pytest.fixture(scope="module")
def generator(tiny_preset):
    model, tokenizer = loading.load(references.resolve(str(tiny_preset)))
    rng = np.random.default_rng(5)
    model.backbone.set_weights([w + rng.normal(0, 0.2, w.shape) for w in model.backbone.get_weights()])
    return Generator(model, tokenizer)


@pytest.fixture
def seen(monkeypatch):
    """The logits that each text was given."""
    found: dict[Text, list[np.ndarray]] = {}
    take = Text.take

    def note(self, logits, end):
        found.setdefault(self, []).append(np.array(logits))
        take(self, logits, end)

    monkeypatch.setattr(Text, "take", note)
    return found


def finish(batch):
    turns = 0
    while list(batch.turn()):
        turns += 1
    return turns


def test_a_text_is_the_same_to_the_bit_in_any_company(generator, seen):
    alone = []
    for number, prompt in enumerate(PROMPTS):
        batch = Batch(generator)
        alone.append(batch.add(prompt, 8 + number, HOT, number))
        finish(batch)
    together = Batch(generator)
    beside = [together.add(prompt, 8 + number, HOT, number) for number, prompt in enumerate(PROMPTS[:5])]
    for _ in range(3):
        list(together.turn())
    beside += [together.add(prompt, 13 + number, HOT, 5 + number) for number, prompt in enumerate(PROMPTS[5:])]
    beside[1].ended = True  # somebody hung up
    finish(together)
    for number, (one, other) in enumerate(zip(alone, beside, strict=True)):
        compared = seen[one][: len(seen[other])] if number == 1 else seen[one]
        assert len(compared) == len(seen[other]) and all(map(np.array_equal, compared, seen[other])), PROMPTS[number]
        assert other.ids == one.ids[: len(other.ids)]
    assert len({tuple(text.ids) for text in alone}) == len(PROMPTS)


def test_so_many_texts_as_a_call_takes_cost_one_call_a_token_and_one_reading_of_their_prompt(generator, monkeypatch):
    calls = {"begin": 0, "decode": 0}
    begin, decoder = Generator.begin, Generator.decoder

    def counted(self, length):
        step = decoder(self, length)

        def call(*arguments):
            calls["decode"] += 1
            return step(*arguments)

        return call

    def read(self, ids, room):
        calls["begin"] += 1
        return begin(self, ids, room)

    monkeypatch.setattr(Generator, "begin", read)
    monkeypatch.setattr(Generator, "decoder", counted)
    batch = Batch(generator)
    written = [batch.add("the cells", 6, Sampler(temperature=0), seed) for seed in range(batches.CPU_ROWS)]
    finish(batch)
    assert calls == {"begin": 1, "decode": 5}
    assert all(text.ids == written[0].ids for text in written) and len(written[0].ids) == 6


def test_the_samples_of_a_run_are_written_as_each_alone(generator):
    together = generator.texts(PROMPTS[:3], 10, HOT, 7)
    assert together == [generator.generate(prompt, 10, HOT, 7) for prompt in PROMPTS[:3]]


def test_a_few_of_a_vocabulary_are_chosen_as_if_it_were_sorted():
    logits = np.random.default_rng(0).integers(0, 9, 500).astype(np.float32)  # many are equal
    for k in (1, 5, 40, 499, 500, 600):
        drawn = [Sampler(0.9, k).draw(logits, np.random.default_rng(seed)) for seed in range(30)]
        order = np.argsort(-logits, kind="stable")[:k]
        weights = np.cumsum(np.exp((logits[order] - logits[order[0]]) / 0.9))
        expected = [order[np.searchsorted(weights / weights[-1], np.random.default_rng(s).random(), "right")]
                    for s in range(30)]  # fmt: skip
        assert drawn == expected

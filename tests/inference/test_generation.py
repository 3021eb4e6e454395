"""Generating: the same text for the same seed, any prompt continued, samplers that allow exactly what they say."""

import json

import numpy as np
import pytest

from engine import __main__ as cli
from engine.core.errors import SettingsError
from engine.inference.generation import Generator, Sampler
from engine.models import loading
from engine.runs import references

pytestmark = pytest.mark.slow


def test_same_seed_same_sample_and_greedy_is_keras_own(tiny_preset):
    model, tokenizer = loading.load(references.resolve(str(tiny_preset)))
    generator = Generator(model, tokenizer)
    hot = Sampler(temperature=1.0, top_k=0)
    assert generator.generate("the cells", 20, hot, seed=3) == generator.generate("the cells", 20, hot, seed=3)
    assert generator.generate("the cells", 20, hot, seed=3) != generator.generate("the cells", 20, hot, seed=4)
    ids = [tokenizer.end_of_text, *tokenizer.encode("the cells")]
    padded = np.zeros((1, 64), dtype=np.int32)
    padded[0, : len(ids)] = ids
    mask = np.zeros((1, 64), dtype=np.int32)
    mask[0, : len(ids)] = 1
    model.compile(sampler="greedy")
    keras_ids = np.asarray(
        model.generate({"token_ids": padded, "padding_mask": mask}, stop_token_ids=None)["token_ids"]
    )[0]
    ours = list(generator.stream("the cells", 20, Sampler(temperature=0)))
    assert ours == keras_ids[len(ids) : len(ids) + len(ours)].tolist()


def test_the_command_says_what_it_leaves_out_of_a_prompt(tiny_preset, capsys):
    def said(prompt: str) -> tuple[dict, str]:
        command = ["generate", "--checkpoint", str(tiny_preset), "--max-new-tokens", "4", "--json", "--prompt", prompt]
        assert cli.main(command) == 0
        captured = capsys.readouterr()
        notices = [line for line in captured.err.splitlines() if line.startswith("engine: The ")]
        return json.loads(captured.out), "\n".join(notices)

    plain, nothing = said("the cells")
    assert nothing == "" and plain["dropped_tokens"] == 0
    blank, notices = said("the cells \t ")
    assert notices.startswith("engine: The blank at the prompt's end was left out")
    assert (blank["prompt"], blank["text"]) == ("the cells", plain["text"])
    long, notices = said("the cells " * 200)
    assert long["dropped_tokens"] > 300
    assert notices.splitlines()[1] == (
        f"engine: The prompt is longer than the context: its first {long['dropped_tokens']:,} tokens were left out."
    )


@pytest.mark.parametrize("prompt", ["", "the cells " * 200, "細胞 😀 <b>bold</b>", "the"])
def test_any_prompt_is_continued(tiny_preset, prompt):
    generator = Generator(*loading.load(references.resolve(str(tiny_preset))))
    assert 0 < len(list(generator.stream(prompt, 10, Sampler(temperature=1.0)))) <= 10


def test_samplers_allow_exactly_what_they_say():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    rng = np.random.default_rng(0)

    def drawn(sampler):
        return {sampler.draw(logits, rng) for _ in range(300)}

    assert drawn(Sampler(temperature=0)) == {0}
    assert drawn(Sampler(1.0, 2, 1.0)) == {0, 1}
    assert drawn(Sampler(1.0, 0, 0.9)) == {0, 1, 2}
    assert drawn(Sampler(1.0, 0, 0.5)) == {0}
    assert drawn(Sampler(1.0, 0, 1.0)) == {0, 1, 2, 3}
    with pytest.raises(SettingsError) as caught:
        Sampler(-1, -1, 0)
    assert len(caught.value.problems) == 3

"""Pretraining from nothing: what is held out is never seen, and an interrupted or a longer run ends as an undisturbed one."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from engine.core.errors import SettingsError
from engine.presets import tokenizers
from engine.training import pretraining, schedules
from engine.training.pretraining import Settings

pytestmark = pytest.mark.usefixtures("without_xla")

SMALL = Settings(
    tokens=40 * 2 * 16,
    vocabulary_size=300,
    num_layers=1,
    num_heads=2,
    hidden_dim=16,
    sequence_length=16,
    batch_size=2,
    warmup_steps=4,
    hold_out=("held",),
    checkpoint_steps=10,
)


class Killed(Exception):
    """The process ends here."""


@pytest.fixture
def books(tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    rng = np.random.default_rng(3)
    words = ["the", "sea", "rose", "and", "old", "captain", "spoke", "slowly", "of", "home"]
    for name in ("one", "two", "held"):
        lines = (" ".join(rng.choice(words, 9)) + ".\n" for _ in range(60))
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    with (folder / "held.txt").open("a", encoding="utf-8") as file:
        file.write("zyzzyva " * 40)
    return folder


def weights(preset):
    found = {}
    with h5py.File(preset / "model.weights.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def same(first, second):
    first, second = weights(first), weights(second)
    assert first.keys() == second.keys()
    return all(np.array_equal(first[name], second[name]) for name in first)


def killed_at(step):
    def report(figures):
        if figures.get("held_out") and figures["step"] == step:
            raise Killed

    return report


def test_an_interrupted_pretraining_ends_with_the_same_weights(books, tmp_path):
    pretraining.pretrain(books, tmp_path / "whole", SMALL)
    with pytest.raises(Killed):
        pretraining.pretrain(books, tmp_path / "cut", SMALL, killed_at(20))
    figures = pretraining.pretrain(books, tmp_path / "cut", SMALL)
    assert same(tmp_path / "whole", tmp_path / "cut")
    assert figures["tokens"] == SMALL.tokens
    assert not list(tmp_path.glob(".*.pretraining"))


def test_a_run_can_be_made_longer_before_its_rate_falls_and_not_after(books, tmp_path):
    longer = replace(SMALL, tokens=60 * 2 * 16)
    pretraining.pretrain(books, tmp_path / "longer", longer)
    with pytest.raises(Killed):
        pretraining.pretrain(books, tmp_path / "extended", SMALL, killed_at(30))
    pretraining.pretrain(books, tmp_path / "extended", longer)
    assert same(tmp_path / "longer", tmp_path / "extended")
    with pytest.raises(Killed):
        pretraining.pretrain(books, tmp_path / "late", longer, killed_at(50))
    with pytest.raises(SettingsError, match="falls towards 1920 tokens at step 50 already"):
        pretraining.pretrain(books, tmp_path / "late", SMALL)


def test_held_out_books_give_the_figures_and_are_not_in_the_vocabulary(books, tmp_path):
    seen = []
    figures = pretraining.pretrain(books, tmp_path / "preset", SMALL, seen.append)
    tokenizer = tokenizers.load(tmp_path / "preset")
    held_out = tokenizer.encode((books / "held.txt").read_text(encoding="utf-8"))
    assert figures["evaluated_tokens"] == len(held_out)
    assert len(tokenizer.encode(" zyzzyva")) > 4  # eight times more frequent than a merge needs, had it been read
    assert [f["step"] for f in seen if f.get("held_out")] == [10, 20, 30]


def test_the_rate_is_constant_until_it_falls():
    rates = [schedules.warmup_constant_decay(step, 1.0, 4, 10, 40) for step in range(41)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[5:31] == [1.0] * 26
    assert rates[31:] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    assert schedules.warmup_constant_decay(20, 1.0, 4, 10, 400) == rates[20]

"""A run on a GPU: its shape by its context and its articles, how much is worked on at a time, and what does not fit."""

import pytest
from training_helpers import settings_of

from engine.core import machine
from engine.core.errors import ResourcesError
from engine.presets import memory
from engine.runs import gpu_room, inputs, lifecycle
from engine.runs.folder import Run

GIGA = 1 << 30


class Base:
    """GPT-2 base's size."""

    parameters, hidden_dim, num_layers, num_heads, vocabulary_size = 124_439_808, 768, 12, 12, 50_257
    max_sequence_length, title = 1024, "GPT-2 base"


@pytest.fixture
def card(monkeypatch):
    """A machine with one GPU of so much memory."""

    def put(size: int) -> None:
        monkeypatch.setattr(machine, "gpus", lambda: ("a GPU",))
        monkeypatch.setattr(machine, "gpu_problem", lambda: None)
        monkeypatch.setattr(machine, "gpu_memory", lambda number: (size, size))
        monkeypatch.setattr(gpu_room.catalogue, "find", lambda name: Base)

    return put


def on_a_gpu(**changes):
    return settings_of("gpt2", "articles", device="gpu:0", sequence_length=0, batch_size=0, **changes)


def test_windows_are_of_the_context_and_an_epoch_of_few_articles_is_still_many_steps(card):
    card(80 * GIGA)
    assert inputs.window_shape(on_a_gpu(), 1024, 50_257) == (1024, 16)
    assert inputs.window_shape(on_a_gpu(), 1024, 50_257, tokens=3_000_000) == (1024, 16)
    assert inputs.window_shape(on_a_gpu(), 1024, 50_257, tokens=200_000) == (1024, 4)
    assert inputs.window_shape(on_a_gpu(), 1024, 50_257, tokens=10_000) == (1024, 1)
    assert inputs.window_shape(on_a_gpu(method="first-tokens"), 1024, 50_257) == (256, 5), (
        "the report's way takes its own"
    )
    assert inputs.window_shape(settings_of("gpt2", "a", sequence_length=0, batch_size=0), 1024, 50_257) == (256, 5)


def test_a_run_that_has_begun_keeps_its_shape_on_another_machine(root, tiny_preset, sample_folder):
    run = Run(
        lifecycle.create(settings_of(tiny_preset, sample_folder, sequence_length=0, batch_size=0), {}, root).folder
    )
    assert inputs.shape_of(run, 64, 400) == (64, 32), "one of an earlier version, by the rule that it knew"
    run.change_config(shape={"sequence_length": 48, "batch_size": 7, "dropout": 0.0})
    assert inputs.shape_of(run, 64, 400) == (48, 7)


def test_the_base_fits_a_card_of_sixteen_gigabytes_in_fewer_windows_at_a_time():
    """A T4: float16, attention that is not fused. Measured on an H200: 8.6 GB for all sixteen where it is."""
    unfused = memory.gpu_micro_batch(Base, 1024, 16, 0, False, False, 15 * GIGA)
    assert 1 <= unfused < 16
    assert memory.gpu_bytes(Base, 1024, unfused, sums=True) <= 15 * GIGA
    assert memory.gpu_micro_batch(Base, 1024, 16, 0, False, True, 15 * GIGA) == 16
    assert 8.6e9 < memory.gpu_bytes(Base, 1024, 16, fused=True) < 1.3 * 8.6e9


def test_a_window_that_cannot_fit_is_refused_with_what_would(card):
    card(int(3.7 * GIGA))
    with pytest.raises(ResourcesError, match=r"^One window of 1024 tokens needs about \d+ MB on gpu:0, which has 3788 MB: set "
                       r"sequence_length to (512|256|128|64) or less"):  # fmt: skip
        gpu_room.check(on_a_gpu(precision="float32"))
    card(int(2.6 * GIGA))
    with pytest.raises(ResourcesError, match="train LoRA adapters"):
        gpu_room.check(on_a_gpu())
    card(GIGA)
    with pytest.raises(ResourcesError, match="choose a smaller preset, or cpu"):
        gpu_room.check(on_a_gpu())
    card(80 * GIGA)
    gpu_room.check(on_a_gpu())


@pytest.mark.parametrize("text", ["8 GB", "-1", "0", "٨٠٠٠", "1e3"])
def test_a_limit_that_is_no_number_is_said(monkeypatch, text):
    monkeypatch.setenv(machine.GPU_MEGABYTES, text)
    with pytest.raises(ResourcesError, match="write a whole number of megabytes"):
        machine.gpu_limit_bytes()


def test_a_limit_counts_in_every_estimate(monkeypatch):
    monkeypatch.setattr(machine, "card_memory", lambda number: (24 * GIGA, 20 * GIGA))
    assert machine.gpu_memory(0) == (24 * GIGA, 20 * GIGA)
    monkeypatch.setenv(machine.GPU_MEGABYTES, "8192")
    assert machine.gpu_memory(0) == (8 * GIGA, 8 * GIGA)

"""What a run will need, estimated from its settings before it begins: steps, learning rate, memory, disk."""

import contextlib
import math
from dataclasses import dataclass

from engine.core import machine
from engine.core.errors import EngineError
from engine.corpus import lookup, windows
from engine.presets import catalogue, memory
from engine.runs.inputs import articles_path, on_gpu, window_shape
from engine.runs.settings import FIRST_TOKENS, RunSettings
from engine.runs.spacing import expected_saves

LORA_RATE_FACTOR, MOST_LORA_RATE = 15, 3e-2


@dataclass(frozen=True)
class Estimate:
    """What a run will need, estimated before it starts.

    Attributes:
        memory_bytes: of the trainer. checkpoint_bytes: of one checkpoint on disk. checkpoints: how many stand there at
            most at a time.
        step_tokens: useful targets of a full step.
    """

    memory_bytes: int
    checkpoint_bytes: int
    checkpoints: int
    step_tokens: int


def peak_learning_rate(settings: RunSettings, hidden_dim: int) -> float:
    """The learning rate with the automatic value filled in: 2e-3 at a width of 192, falling with its square; LoRA's higher.

    With 2e-3 the mini model reaches the figures of benchmarks/README.md; the square law gives GPT-2 base 1.25e-4, within
    the usual range for fine-tuning it. LoRA's factor is measured on the mini model alone: of 3e-3, 1e-2, 3e-2 and 1e-1,
    60 steps with 3e-2 end best at rank 8, and as good as with 1e-1 at rank 4 (benchmarks/lora_rates.py). It agrees with
    what is reported of large models: about ten times the rate of full fine-tuning, fifteen in short runs, whatever the
    rank (Schulman et al. 2025, "LoRA Without Regret").
    """
    automatic = 2e-3 * (192 / hidden_dim) ** 2
    if settings.lora_rank:
        automatic = min(LORA_RATE_FACTOR * automatic, MOST_LORA_RATE)
    return settings.learning_rate or automatic


def estimate(settings: RunSettings) -> Estimate:
    """Memory and disk of a run.

    Raises:
        PresetError: no such preset.
    """
    preset = catalogue.find(settings.preset)
    length, batch_size = window_shape(settings, preset.max_sequence_length, preset.vocabulary_size)
    size = checkpoint_bytes(preset.parameters, settings.lora_rank)
    if on_gpu(settings):
        needed = memory.beside_gpu_bytes(preset)
    else:
        whole_logits = settings.method == FIRST_TOKENS
        needed = memory.training_bytes(preset, length, batch_size, settings.lora_rank, whole_logits)
    saves = expected_saves(settings, steps_of(settings, preset, length, batch_size), size)
    if settings.keep_checkpoints:  # the best beside the newest, and one that is written before another goes
        saves = min(saves, settings.keep_checkpoints + 2)
    return Estimate(needed, size, saves, length * batch_size)


def checkpoint_bytes(parameters: int, lora_rank: int) -> int:
    """The size of a checkpoint: the weights in float32, and AdamW's two moments of all that is trained; adapters are small."""
    return 4 * parameters * (1 if lora_rank else 3)


def steps_of(settings: RunSettings, preset: catalogue.Preset, length: int, batch_size: int) -> int | None:
    """How many steps a run takes; None where that is known only when it has begun."""
    if settings.steps is not None:
        return settings.steps
    if settings.epochs is None or preset.folder is None:
        return None
    with contextlib.suppress(EngineError):  # `check` says what is wrong with the articles
        prepared = lookup.find(articles_path(settings.articles), catalogue.tokenizer(preset))
        if prepared is not None:
            chosen = "train", settings.first_article, settings.last_article
            first_tokens = settings.method == FIRST_TOKENS
            found = (
                len(prepared.starts(*chosen)) if first_tokens else windows.count(len(prepared.tokens(*chosen)), length)
            )
            return steps_of_epochs(settings.epochs, found / batch_size)
    return None


def steps_of_epochs(epochs: float, steps_per_epoch: float) -> int:
    """How many steps so many epochs take: a batch that is begun is taken whole, so that every window is visited."""
    return max(1, math.ceil(round(epochs * steps_per_epoch, 6)))


def steps(settings: RunSettings, preset: catalogue.Preset) -> int | None:
    """How many steps a run will take; None where that is known only when it has begun.

    Raises:
        EngineError: its articles are gone.
    """
    return steps_of(settings, preset, *window_shape(settings, preset.max_sequence_length, preset.vocabulary_size))


def works_in_pieces(settings: RunSettings) -> bool:
    """Whether a batch that does not fit is worked off in pieces from the start: where the estimate is of the device."""
    return settings.method != FIRST_TOKENS and machine.resolve_device(settings.device) == "cpu"


def micro_batch(settings: RunSettings, available_bytes: int) -> tuple[int, int]:
    """(windows to work on at a time, windows in a batch) in so much memory.

    Raises:
        ResourcesError: not even one window fits; says what to change and by how much.
    """
    preset = catalogue.find(settings.preset)
    length, batch_size = window_shape(settings, preset.max_sequence_length, preset.vocabulary_size)
    return memory.micro_batch(preset, length, batch_size, settings.lora_rank, available_bytes), batch_size

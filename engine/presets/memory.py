"""What a run does when memory is short: which part of a batch is worked on at a time, and what to change where even one
window is too much. No TensorFlow here.
"""

import os
import sys
from typing import NoReturn

from engine.core import machine, paths
from engine.core.errors import EngineError, ResourcesError
from engine.core.files import is_full
from engine.core.machine import FRAMEWORK_BYTES
from engine.presets import catalogue
from engine.presets.catalogue import Preset

_SIGNS = ("OOM when allocating", "Out of memory", "RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY")
# That a step works on at a time (engine.training.chunked_loss): 64 MB in float32 (benchmarks/README.md, "The loss in chunks").
CHUNK_LOGITS = 1 << 24
LARGE_PARAMETERS = 50_000_000  # of a model for which memory is worth more than speed (docs/decisions/0011-memory.md)
SHORTEST = 8  # tokens in a window that settings allow
GPU_CHUNK_LOGITS = 1 << 27  # worked on at a time on a GPU, which small matrix products leave idle (benchmarks/gpu.py)
GPU_FRAMEWORK_BYTES = 1 << 30  # of a GPU, for CUDA's libraries and what they work in


class RestartNeeded(Exception):
    """Memory ran out in a step. The run waits in the queue with a smaller micro-batch; this process must end.

    After a failed step XLA's variables hold whatever came into their memory since, and freeing them breaks the heap
    (docs/decisions/0011-memory.md). Whoever catches this calls `leave` inside the `except` block, where the traceback
    still keeps them.
    """


def leave(code: int) -> NoReturn:
    """Ends the process without freeing anything."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def ran_out(error: BaseException | None) -> bool:
    """Whether an error of Python, TensorFlow or XLA says that memory ran out; TensorFlow says the same of a full disk."""
    return not (error is not None and is_full(error)) and (
        isinstance(error, MemoryError)
        or type(error).__name__ == "ResourceExhaustedError"
        or any(sign in str(error) for sign in _SIGNS)
    )


def micro_batch(preset: Preset, length: int, batch_size: int, lora_rank: int, available_bytes: int) -> int:
    """How many windows of a batch to work on at a time: all of them, or half as often as the estimate demands.

    Raises:
        ResourcesError: not even one fits; says what to change and by how much.
    """
    rows = batch_size
    while _bytes(preset, length, rows, batch_size, lora_rank) > available_bytes:
        if rows == 1:
            raise _too_large(preset, length, lora_rank, available_bytes)
        rows //= 2
    return rows


def _bytes(preset: Preset, length: int, rows: int, batch_size: int, lora_rank: int) -> int:
    """A trainer's memory with so many windows at a time; the sum of the gradients is one more copy of the weights."""
    sums = 0 if lora_rank or rows == batch_size else 4 * preset.parameters
    return training_bytes(preset, length, rows, lora_rank) + sums


def _too_large(preset: Preset, length: int, lora_rank: int, available_bytes: int) -> ResourcesError:
    values = {
        "length": length,
        "needed": training_bytes(preset, length, 1, lora_rank) >> 20,
        "available": available_bytes >> 20,
    }
    shorter = length // 2
    while shorter >= SHORTEST:
        needed = training_bytes(preset, shorter, 1, lora_rank)
        if needed <= available_bytes:
            return ResourcesError(
                "One window of {length} tokens alone needs about {needed} MB of memory and {available} MB are free: set "
                "sequence_length to {shorter} or less (about {less} MB), or close other programs.",
                **values,
                shorter=shorter,
                less=needed >> 20,
            )
        shorter //= 2
    with_lora = training_bytes(preset, length, 1, 1)
    if not lora_rank and with_lora <= available_bytes:
        return ResourcesError(
            "One window of {length} tokens alone needs about {needed} MB of memory and {available} MB are free: train "
            "LoRA adapters (lora_rank 4, about {less} MB), or close other programs.",
            **values,
            less=with_lora >> 20,
        )
    if (nothing := nothing_trains(machine.look(paths.checkpoints_root()))) is not None:
        return nothing
    return ResourcesError(
        "One window of {length} tokens alone needs about {needed} MB of memory and {available} MB are free: close other "
        "programs, wait for the run or the samples under way to end, or choose a smaller preset than {preset}, whose "
        "{parameters} million parameters take most of it.",
        **values,
        preset=preset.title,
        parameters=round(preset.parameters / 1e6),
    )


def nothing_trains(found: machine.Machine) -> ResourcesError | None:
    """Why not even the smallest training fits here, whatever is closed or set: the mini model, short windows, adapters
    alone. None where it does."""
    try:
        needed = training_bytes(catalogue.find(paths.MINI_PRESET), SHORTEST, 1, 1)
    except EngineError:  # its folder is gone: TensorFlow alone takes nearly as much
        needed = machine.FRAMEWORK_BYTES
    return machine.never(needed, found) if needed > found.usable_bytes else None


def one_window_too_large(preset: Preset, length: int, lora_rank: int) -> ResourcesError:
    """The sentence for memory that ran out in earnest with one window at a time, whatever the estimate had said."""
    whole, half = (training_bytes(preset, n, 1, lora_rank) for n in (length, length // 2))
    values = {"length": length, "shorter": length // 2, "less": max(1, (whole - half) >> 20), "preset": preset.title}
    if lora_rank:
        return ResourcesError(
            "Memory ran out with one window of {length} tokens at a time: set sequence_length to {shorter} or less (about "
            "{less} MB less), or choose a smaller preset than {preset}.",
            **values,
        )
    return ResourcesError(
        "Memory ran out with one window of {length} tokens at a time: set sequence_length to {shorter} or less (about "
        "{less} MB less), train LoRA adapters (lora_rank 4, about {lora} MB less), or choose a smaller preset than "
        "{preset}.",
        **values,
        lora=(whole - training_bytes(preset, length, 1, 1)) >> 20,
    )


def training_bytes(
    preset: Preset, sequence_length: int, batch_size: int, lora_rank: int = 0, whole_logits: bool = False
) -> int:
    """An estimate of a trainer's memory.

    Weights, gradients and AdamW's two moments are 16 bytes a parameter in float32 (4 with LoRA, whose adapters weigh
    nothing); a step keeps about 30 activations of the hidden size a layer and token, and four copies of the logits, of
    which a chunk is there at a time, and with them the embedding's gradient twice over.

    Args:
        whole_logits: all logits of a step are there at a time, as Keras `fit` holds them.
    """
    weights = preset.parameters * (4 if lora_rank else 16)
    tokens = sequence_length * batch_size
    activations = tokens * 4 * (30 * preset.hidden_dim + 3 * preset.num_heads * sequence_length) * preset.num_layers
    logits = tokens * preset.vocabulary_size
    if not whole_logits:
        logits = min(logits, CHUNK_LOGITS)
    embedding = 0 if lora_rank else 2 * 4 * preset.vocabulary_size * preset.hidden_dim
    return FRAMEWORK_BYTES + weights + activations + 4 * 4 * logits + embedding


def gpu_micro_batch(
    preset: Preset, length: int, batch_size: int, lora_rank: int, wide: bool, fused: bool, free_bytes: int
) -> int:
    """How many windows of a batch a GPU works on at a time: all of them, or half as often as the estimate demands; at least 1.

    Args:
        wide, fused: as for `gpu_bytes`. free_bytes: of its memory.
    """
    rows = batch_size
    while rows > 1 and gpu_bytes(preset, length, rows, lora_rank, wide, fused, rows < batch_size) > free_bytes:
        rows //= 2
    return rows


def gpu_bytes(
    preset: Preset,
    length: int,
    rows: int,
    lora_rank: int = 0,
    wide: bool = False,
    fused: bool = False,
    sums: bool = False,
) -> int:
    """An estimate of the memory of a GPU that a training takes (benchmarks/gpu.py holds it against the peak).

    Weights, gradients and AdamW's moments are 16 bytes a parameter, and a copy of the weights in 16 bits 2 more; a block
    keeps 17 values of the hidden size for each token, and attention that is not fused four of each pair of positions; of
    the logits one chunk is held, in float32 and in 16 bits, and what it gives the embedding.

    Args:
        rows: windows at a time. wide: whether activations are float32 rather than 16 bits.
        fused: whether attention is. sums: whether gradients of several pieces are summed up.
    """
    size, tokens = 4 if wide else 2, rows * length
    weights = preset.parameters * ((6 if lora_rank else 18) + (4 if sums else 0))
    pairs = 0 if fused else 4 * preset.num_heads * length
    activations = size * tokens * preset.num_layers * (17 * preset.hidden_dim + pairs)
    logits = min(tokens * preset.vocabulary_size, GPU_CHUNK_LOGITS) * (8 + 2 * size)
    embedding = 8 * preset.vocabulary_size * preset.hidden_dim
    return GPU_FRAMEWORK_BYTES + weights + activations + logits + embedding


def beside_gpu_bytes(preset: Preset) -> int:
    """An estimate of the machine's own memory that a trainer takes whose model is on a GPU: weights that are read and
    moments that are saved."""
    return FRAMEWORK_BYTES + GPU_FRAMEWORK_BYTES + 12 * preset.parameters

"""Whether a GPU has room for a run, before anything is loaded."""

from engine.core import machine
from engine.core.errors import ResourcesError
from engine.presets import catalogue, memory
from engine.runs.inputs import on_gpu, window_shape
from engine.runs.settings import RunSettings


def check(settings: RunSettings) -> None:
    """Makes sure that a GPU has room for one window, before anything is loaded.

    Raises:
        ResourcesError: it has not; says what would fit.
    """
    if not on_gpu(settings):
        return
    device = machine.resolve_device(settings.device)
    of_card = machine.gpu_memory(int(device.partition(":")[2]))
    if of_card is None:
        return
    preset = catalogue.find(settings.preset)
    length, _ = window_shape(settings, preset.max_sequence_length, preset.vocabulary_size)
    wide = settings.precision == "float32"

    def needed(length: int, lora_rank: int = settings.lora_rank) -> int:
        return memory.gpu_bytes(preset, length, 1, lora_rank, wide)

    if needed(length) <= of_card[0]:
        return
    values = {"device": device, "needed": needed(length) >> 20, "total": of_card[0] >> 20, "length": length}
    shorter = length // 2
    while shorter >= memory.SHORTEST and needed(shorter) > of_card[0]:
        shorter //= 2
    if shorter >= memory.SHORTEST:
        raise ResourcesError(
            "One window of {length} tokens needs about {needed} MB on {device}, which has {total} MB: set sequence_length to "
            "{shorter} or less.",
            **values,
            shorter=shorter,
        )
    if not settings.lora_rank and needed(memory.SHORTEST, 4) <= of_card[0]:
        raise ResourcesError(
            "{preset} needs about {needed} MB on {device}, which has {total} MB: train LoRA adapters (lora_rank 4) with "
            "short windows, or choose cpu.",
            **values,
            preset=preset.title,
        )
    raise ResourcesError(
        "{preset} needs about {needed} MB on {device}, which has {total} MB: choose a smaller preset, or cpu.",
        **values,
        preset=preset.title,
    )

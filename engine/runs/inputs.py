"""What a run reads: where its articles lie, and how long and how many the windows of a step are."""

from pathlib import Path

from engine.articles import hub
from engine.core import machine, paths
from engine.core.errors import EngineError
from engine.runs.folder import Run
from engine.runs.settings import PACKED, RunSettings

LONGEST_AUTOMATIC_SEQUENCE = 256
STEP_TOKENS = 2048  # an automatic batch size makes about so many targets a step,
STEP_LOGITS = 1 << 26  # and at most so many logits (256 MB in float32), of which a step holds several copies
# On a GPU windows are as long as the context and a step has more of them: small ones leave it idle (benchmarks/gpu.py).
GPU_STEP_TOKENS = 16_384
GPU_STEPS_AN_EPOCH = 40  # at least, so that an epoch of few articles is still training
SHAPE = "shape"  # of config.json: what was taken for the automatic values when the run began


def on_gpu(settings: RunSettings) -> bool:
    """Whether a run of these settings would train on a GPU here now."""
    try:
        return settings.method == PACKED and machine.resolve_device(settings.device) != "cpu"
    except EngineError:  # a GPU that is not there
        return False


def window_shape(
    settings: RunSettings, context: int, vocabulary_size: int, gpu: bool | None = None, tokens: int = 0
) -> tuple[int, int]:
    """(sequence_length, batch_size) with the automatic values filled in.

    Args:
        context: of the preset, 0 = not known. gpu: whether a GPU trains; None = where it would train now.
        tokens: of the training articles; 0 = not known yet: then as for many.
    """
    if gpu if gpu is not None else on_gpu(settings):
        length = settings.sequence_length or context or LONGEST_AUTOMATIC_SEQUENCE
        step_tokens = min(GPU_STEP_TOKENS, tokens // GPU_STEPS_AN_EPOCH) if tokens else GPU_STEP_TOKENS
        return length, settings.batch_size or max(1, step_tokens // length)
    length = settings.sequence_length or min(context or LONGEST_AUTOMATIC_SEQUENCE, LONGEST_AUTOMATIC_SEQUENCE)
    return length, settings.batch_size or max(1, min(STEP_TOKENS, STEP_LOGITS // max(1, vocabulary_size)) // length)


def shape_of(run: Run, context: int, vocabulary_size: int) -> tuple[int, int]:
    """(sequence_length, batch_size) of a run that has begun; earlier versions knew one rule for all devices."""
    if (found := run.config.get(SHAPE)) is not None:
        return found["sequence_length"], found["batch_size"]
    return window_shape(run.settings, context, vocabulary_size, gpu=False)


def articles_path(articles: str) -> Path:
    """The file or folder that a run's `articles` mean: a path, or what was fetched of a hub's data set.

    Raises:
        ArticlesError: the data set has not been fetched yet.
    """
    return hub.local(articles) if hub.is_name(articles) else paths.locate(articles)

"""The settings of a run that a person chooses beside articles and length: one table for the command line and forms."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from engine.runs.settings import (
    BOUNDS,
    CHECKPOINT_FORMATS,
    COMPILATIONS,
    INITIAL_WEIGHTS,
    NEAR_COPIES,
    PATIENCE,
    PRECISIONS,
    RESULTS,
    RunSettings,
)

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(RunSettings)}


@dataclass(frozen=True)
class Field:
    """A setting.

    Attributes:
        name: of RunSettings. kind: what its text becomes. help: a sentence for the command line.
        choices: all values that it may have; None = any.
        singular: what one of several values is called, where several may be given; "" = it is one value.
    """

    name: str
    kind: type
    help: str
    choices: tuple[str, ...] | None = None
    singular: str = ""

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return self.singular or self.name

    @property
    def default(self) -> Any:
        """What a run has where nothing is given."""
        return _DEFAULTS[self.name]

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest value of a number that has both."""
        return BOUNDS[self.name]


FIELDS = (
    Field("device", str, "auto, cpu or gpu:N"),
    Field("devices", int, "that share each batch of a run, which stays as large as on one (JAX alone)"),
    Field(
        "initial_weights",
        str,
        "of a run that starts from no checkpoint: the preset's, or random ones, which know nothing",
        INITIAL_WEIGHTS,
    ),
    Field("precision", str, "of the arithmetic; auto = by the device", PRECISIONS),
    Field("sequence_length", int, "targets in a window; 0 = the context, on a CPU 256 at most"),
    Field("batch_size", int, "windows a step; 0 = about 2,048 tokens, on a GPU up to 16,384"),
    Field(
        "learning_rate",
        float,
        "peak; 0 = by the model's width: 2e-3 for the mini model, 1.25e-4 for GPT-2 base; with LoRA 15 times that",
    ),
    Field(
        "warmup_steps",
        int,
        f"steps in which the learning rate rises to its peak; a new run has {_DEFAULTS['warmup_steps']}",
    ),
    Field(
        "weight_decay",
        float,
        f"AdamW's, on the kernels of attention and feed-forward layers; a new run has {_DEFAULTS['weight_decay']}",
    ),
    Field("dropout", float, "share of activations dropped while training; a new run has the preset's own"),
    Field(
        "lora_rank",
        int,
        "train LoRA adapters of this rank on the query and value matrices of each attention, and these two's biases; "
        "all else stays as it is; 0 = every weight",
    ),
    Field("evaluate_tokens", int, "limit of the evaluations at the end; 0 = all"),
    Field(
        "near_copies",
        str,
        "articles that are nearly the same text as a training article: reported, or left out of the figures",
        NEAR_COPIES,
    ),
    Field("evaluate_steps", int, "steps between checkpoints; 0 = a tenth of the run, at least 10 s with --minutes"),
    Field(
        "result",
        str,
        "the checkpoint that figures, exports and continuations take; auto = the best of a run in minutes or epochs, the "
        "last of one in steps",
        RESULTS,
    ),
    Field(
        "patience",
        int,
        f"measurements without a better one that end a run early; 0 = never; a run in minutes or epochs has {PATIENCE}",
    ),
    Field("prompts", str, "what a sample continues; may be given several times", singular="prompt"),
    Field("seed", int, "of order, dropout and samples"),
    Field(
        "compilation",
        str,
        "by XLA: steps are faster, the first one waits for it; auto = not for a minute of a small model on a CPU",
        COMPILATIONS,
    ),
    Field("checkpoint_format", str, "of the weights", CHECKPOINT_FORMATS),
    Field("keep_checkpoints", int, "the newest N, the best and the pinned; 0 = all"),
)
BY_NAME = {field.name: field for field in FIELDS}

"""What a run's settings are called on pages, in the language of the session."""

from engine.core import machine
from engine.core.errors import EngineError
from engine.runs import inputs
from ui import words
from ui.i18n import _


def title(setting: str) -> str:
    """The name of a setting of `engine.runs.settings.RunSettings`; one that is not known stays as it is written."""
    return {
        "preset": _("Base model"),
        "articles": _("Articles"),
        "name": _("Name"),
        "first_article": _("First article"),
        "last_article": _("Last article"),
        "steps": _("Steps"),
        "epochs": _("Epochs"),
        "minutes": _("Minutes"),
        "minutes_of": _("What the minutes count"),
        "parent": _("Start from"),
        "after": _("Waits for"),
        "plan": _("Plan"),
        "method": _("Method"),
        "device": _("Device"),
        "devices": _("Devices that share it"),
        "precision": _("Precision"),
        "sequence_length": _("Window, in tokens"),
        "batch_size": _("Windows a batch"),
        "learning_rate": _("Learning rate"),
        "warmup_steps": _("Warm-up steps"),
        "warmup_share": _("Warm-up, as a share of the run"),
        "weight_decay": _("Weight decay"),
        "lora_rank": _("LoRA rank"),
        "dropout": _("Dropout"),
        "evaluate_steps": _("Steps between checkpoints"),
        "interval_tokens": _("Tokens of each interim evaluation"),
        "evaluate_tokens": _("Tokens of the final evaluation"),
        "near_copies": _("Near-copies"),
        "sample_tokens": _("Tokens of a sample"),
        "prompts": _("Prompts"),
        "seed": _("Seed"),
        "result": _("Which checkpoint is the result"),
        "compilation": _("Compiled by XLA"),
        "patience": _("Patience, in measurements"),
        "checkpoint_format": _("Checkpoint format"),
        "keep_checkpoints": _("Checkpoints kept"),
    }.get(setting, setting)


def batch_label(device: str) -> str:
    """What the number of windows a step is called in a form, with the automatic size that it has on a device."""
    try:
        on_gpu = machine.resolve_device(device) != "cpu"
    except EngineError:  # a GPU that is not there any more
        on_gpu = False
    if on_gpu:
        return _("Batch size (0 = up to {tokens} tokens)", tokens=words.grouped(inputs.GPU_STEP_TOKENS))
    return _("Batch size (0 = about {tokens} tokens)", tokens=words.grouped(inputs.STEP_TOKENS))

"""What a run's settings and their values are called on pages, in the language of the session."""

import re
from typing import Any

from engine.core import numbers
from engine.runs import settings
from ui import words
from ui.i18n import _

_DEVICE = re.compile(r"(?:/device:)?\b(cpu|gpu)\b(?::(\d+))?", re.IGNORECASE)


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
        "initial_weights": _("Weights it begins with"),
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
        "warmup_share": _("Warm-up, at most this share of the run"),
        "weight_decay": _("Weight decay"),
        "lora_rank": _("LoRA rank"),
        "dropout": _("Dropout"),
        "evaluate_steps": _("Steps between checkpoints"),
        "interval_tokens": _("Tokens of each interim evaluation"),
        "evaluate_tokens": _("Tokens of the final evaluation"),
        "near_copies": _("Near-copies"),
        "sample_tokens": _("Tokens of a sample"),
        "sample_temperature": _("Temperature of the samples"),
        "prompts": _("Prompts"),
        "seed": _("Seed"),
        "result": _("Which checkpoint is the result"),
        "compilation": _("Compiled by XLA"),
        "patience": _("Patience, in measurements"),
        "checkpoint_format": _("Checkpoint format"),
        "keep_checkpoints": _("Checkpoints kept"),
    }.get(setting, setting)


def value(setting: str, value: Any) -> str:
    """The value of a setting in words; one that is a name, or is not known, stays as it is written."""
    if not value and not isinstance(value, bool):
        return _unset(setting, value)
    if isinstance(value, list | tuple):
        return " | ".join(map(str, value))
    if setting == "seed" or isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return words.grouped(value) if isinstance(value, int) else words.shortest(value)
    if setting == "device":
        return device(value)
    name: str = _choices(setting).get(value, value)
    return name


def device(code: str) -> str:
    """A device by its code: auto, cpu or gpu:N, or as TensorFlow calls it; several are parted by commas. A name stays."""
    if code == settings.AUTO:
        return _("automatic")
    return _DEVICE.sub(lambda found: found[1].upper() + (f"\u00a0{found[2]}" if found[2] else ""), code)


def _unset(setting: str, value: Any) -> str:
    """What no value, or 0, of a setting means."""
    nothing = {
        "first_article": _("from the start"),
        "last_article": _("to the end"),
        "parent": _("the base model itself"),
        "dropout": _("the model's own"),
        "patience": _("automatic"),
    }
    zero = {
        **dict.fromkeys(("sequence_length", "batch_size", "learning_rate", "evaluate_steps"), _("automatic")),
        **dict.fromkeys(("evaluate_tokens", "keep_checkpoints"), _("all")),
        "lora_rank": _("every weight is trained"),
        "patience": _("never ends early"),
        "sample_temperature": _("always the likeliest token"),
    }
    if not isinstance(value, int | float):
        return nothing.get(setting, numbers.NO_NUMBER)
    return zero.get(setting, words.shortest(value))


def _choices(setting: str) -> dict[str, str]:
    """The names of the values that a setting may have."""
    automatic = {settings.AUTO: _("automatic")}
    return {
        "method": {
            settings.PACKED: _("windows over all of the text"),
            settings.FIRST_TOKENS: _("the first tokens of each article, the original report's way"),
            settings.IMPORTED: _("not trained here"),
        },
        "minutes_of": {
            settings.TRAINING: _("training alone"),
            settings.EVERYTHING: _("everything, from the request to the result"),
        },
        "precision": {
            **automatic,
            "mixed_bfloat16": _("bfloat16, mixed"),
            "mixed_float16": _("float16, mixed"),
        },
        "near_copies": {
            settings.KEPT_IN: _("report them"),
            settings.LEFT_OUT: _("leave them out of the figures"),
        },
        "result": {**automatic, settings.BEST: _("the best on validation"), settings.LAST: _("the last one")},
        "compilation": {**automatic, settings.ON: _("on"), settings.OFF: _("off")},
    }.get(setting, {})

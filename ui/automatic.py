"""Number inputs that may stay empty: what a run takes then stands in them, faint."""

from typing import Any

from streamlit.delta_generator import DeltaGenerator

from engine.core.errors import EngineError
from engine.presets import catalogue
from engine.runs import fields, inputs, needs
from engine.runs.settings import BOUNDS, RunSettings
from ui import words
from ui.i18n import _


def taken(preset: str, device: str, sequence_length: int = 0, lora_rank: int = 0) -> dict[str, str]:
    """What a run takes for the settings that are left to it, in words, by their names.

    Args:
        preset: its base model. sequence_length, lora_rank: as far as they are chosen; they decide on the others.
    """
    automatic = _("automatic")
    found = {
        "sequence_length": automatic,
        "batch_size": automatic,
        "learning_rate": automatic,
        "evaluate_steps": _("a tenth of the run"),
        "evaluate_tokens": _("all"),
        "keep_checkpoints": _("all"),
        "lora_rank": _("every weight is trained"),
        "dropout": _("the model's own"),
        "first_article": _("from the start"),
        "last_article": _("to the end"),
    }
    try:
        base = catalogue.find(preset)
        chosen = RunSettings(
            preset,
            articles="-",
            name="any",
            steps=1,
            device=device,
            sequence_length=sequence_length,
            lora_rank=lora_rank,
        )
    except EngineError:  # no such preset, or numbers that the form says are wrong
        return found
    if not base.hidden_dim:  # a name that has not been fetched
        return found
    length, batch = inputs.window_shape(chosen, base.max_sequence_length, base.vocabulary_size)
    rate = needs.peak_learning_rate(chosen, base.hidden_dim)
    numbers = {"sequence_length": words.grouped(length), "learning_rate": words.shortest(rate, 3)}
    if inputs.on_gpu(chosen):  # there the articles decide too
        found["batch_size"] = _("automatic: up to {n} tokens", n=words.grouped(inputs.GPU_STEP_TOKENS))
    else:
        numbers["batch_size"] = words.grouped(batch)
    return found | {name: _("automatic: {n}", n=n) for name, n in numbers.items()}


def number(
    column: DeltaGenerator, label: str, name: str, shown: dict[str, str], value: Any = None, **more: Any
) -> float | None:
    """An input of a setting that may stay empty; None where it does.

    Args:
        shown: what `taken` says. value: of the input at first; 0, like None, leaves it empty. more: bounds and what
            else `number_input` takes; whole numbers without bounds of their own have those of the setting.
            Its key is the setting's unless it is given: without one Streamlit tells an input by what stands faintly in
            it, and would empty it whenever another choice changes that.
    """
    if name in fields.BY_NAME and "max_value" not in more and name in BOUNDS:
        more = {**dict(zip(("min_value", "max_value"), fields.BY_NAME[name].bounds, strict=True)), **more}
    found: float | None = column.number_input(
        label, value=value or None, placeholder=shown[name], **{"min_value": 0, "key": f"tune_{name}", **more}
    )
    return found

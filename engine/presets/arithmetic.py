"""What a Hugging Face configuration says that a GPT-2 computes, against what is computed here: one table.

Dropout, caches and heads of other tasks are none of it, nor `reorder_and_upcast_attn`, which is the same product in more bits.
"""

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from engine.core.errors import EngineError, sentence


class _Key(NamedTuple):
    """A key, what GPT-2 has where it is absent, and which values mean the same."""

    name: str
    wanted: Any
    same: Callable[[Any], bool]


_GELU = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_python_tanh")  # one function, which GPT-2 has
_EPSILON = 1e-5


def _is(truth: bool) -> Callable[[Any], bool]:
    return lambda value: bool(value) is truth


def _is_epsilon(value: Any) -> bool:
    return type(value) in (int, float) and math.isclose(value, _EPSILON, rel_tol=1e-6)  # also as a float32 writes it


_TABLE = (
    _Key("model_type", "gpt2", lambda value: value == "gpt2"),
    _Key("activation_function", _GELU[0], lambda value: value in _GELU),
    _Key("layer_norm_epsilon", _EPSILON, _is_epsilon),
    _Key("scale_attn_weights", True, _is(True)),
    _Key("scale_attn_by_inverse_layer_idx", False, _is(False)),
    _Key("tie_word_embeddings", True, _is(True)),
    _Key("add_cross_attention", False, _is(False)),
    _Key("is_encoder_decoder", False, _is(False)),
    _Key("pruned_heads", None, _is(False)),
    _Key("quantization_config", None, _is(False)),  # its numbers are not the weights
    _Key("auto_map", None, _is(False)),  # a program beside the weights computes
)
_SENTENCE = sentence(
    "By its {file} it computes something else than GPT-2 does, which is not read here: {key} is {value}, GPT-2's is {wanted}."
)


def check(config: dict[str, Any], file: str, kind: type[EngineError]) -> None:
    """Looks whether a configuration is that of a GPT-2 as it is computed here; keys that are absent are GPT-2's own.

    Args:
        kind: of the error that is raised where it is not.
    """
    width = config.get("n_embd", config.get("hidden_size"))
    inner = 4 * width if type(width) is int else None
    for key in (*_TABLE, _Key("n_inner", inner, lambda value: inner is None or value in (None, inner))):
        if not key.same(config.get(key.name, key.wanted)):
            values = {"key": key.name, "value": _shown(config[key.name]), "wanted": _shown(key.wanted)}
            raise kind(_SENTENCE, file=file, **values)


def _shown(value: Any) -> str:
    return value[:100] if isinstance(value, str) else json.dumps(value)[:100]

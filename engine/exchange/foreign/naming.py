"""GPT-2's weights under the names of other programs → the names and shapes of keras-hub's, still unread.

    Hugging Face, torch        transformer.h.0.attn.c_attn.weight      (d, 3 d); or without `transformer.`
    Hugging Face, tf_model.h5  transformer/tfgpt2lm_head_model/transformer/h_._0/attn/c_attn/weight:0
    OpenAI, TensorFlow 1       model/h0/attn/c_attn/w                  (1, d, 3 d); gpt-2-simple adds Adam's moments

All of them keep query, key and value side by side in one matrix, and none says how many heads share it.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import CheckpointError
from engine.exchange.foreign.hdf5 import Array
from engine.exchange.foreign.layout import HUGGING_FACE, KERAS, OPENAI
from engine.presets import arithmetic

_CONFIGS = ("config.json", "hparams.json")
_HEADS = ("n_head", "num_attention_heads")  # which transformers takes for the same
_LARGEST_CONFIG_BYTES = 1 << 20
_MOST_HEADS = 256
_BLOCK = re.compile(r"h_?(\d{1,4})")
_NORMS = {"ln_1": "self_attention_layer_norm", "ln_2": "feedforward_layer_norm", "ln_f": "layer_norm"}
_DENSE = {
    ("attn", "c_proj"): "attention_output",
    ("mlp", "c_fc"): "feedforward_intermediate_dense",
    ("mlp", "c_proj"): "feedforward_output_dense",
}
_MATRIX = {"weight": "kernel", "w": "kernel", "bias": "bias", "b": "bias"}
_NORM = {"weight": "gamma", "gamma": "gamma", "g": "gamma", "bias": "beta", "beta": "beta", "b": "beta"}
_EMBEDDINGS = {"wte": "token_embedding", "wpe": "position_embedding", "lm_head": "token_embedding"}
_NOT_WEIGHTS = {"Adam", "Adam_1", "masked_bias"}  # TensorFlow 1's optimizer, and a constant of older versions


def translated(found: dict[str, Array], folder: Path, presets: list[dict[str, int]]) -> tuple[dict[str, Array], str]:
    """The arrays under keras-hub's names, where they have others, and whose names they had.

    Args:
        folder: where a configuration may stand beside them. presets: the sizes of those that they may fit, which tell
            the heads where no configuration does.

    Raises:
        CheckpointError: adapters of PEFT, which are no whole model; a model that is no GPT-2.
    """
    if any("lora_A" in name or "lora_B" in name for name in found):
        raise CheckpointError(
            "It holds LoRA adapters of PEFT: merge them first (model = model.merge_and_unload(); "
            "model.save_pretrained(FOLDER)), and import that folder."
        )
    seen = {name: place for name in found if (place := _see(name))}
    if not any(owner == "token_embedding" for _block, owner, _leaf in seen.values()):
        return found, KERAS
    program = OPENAI if any(name.startswith("model/") for name in seen) else HUGGING_FACE
    width = next((found[name].shape[-1:] for name, place in seen.items() if place[1] == "token_embedding"), ())
    heads = _heads_of(folder, width) or _heads_of_presets(found, seen, presets)
    arrays = {name: array for name, array in found.items() if name not in seen and not _is_no_weight(name)}
    for name, (block, owner, leaf) in seen.items():
        inside = f"{name}/" + ("" if block is None else f"transformer_layer_{block}/")
        if owner == "c_attn":
            for part, of in enumerate(("query", "key", "value")):
                arrays[f"{inside}{of}/{leaf}"] = _third(found[name], part, heads, leaf)
        else:
            arrays[f"{inside}{owner}/{leaf}"] = _plain(found[name], owner, leaf, heads)
    return arrays, program


def _is_no_weight(name: str) -> bool:
    tokens = re.split(r"[/.]", name)
    return tokens[-1] in _NOT_WEIGHTS or tokens[-2:] == ["attn", "bias"]  # the causal mask, kept beside the weights


def _see(name: str) -> tuple[int | None, str, str] | None:
    """(block, owner, leaf) of a name of one of those programs."""
    tokens = [token for token in re.split(r"[/.]", name.removesuffix(":0")) if token]
    tokens = re.sub(r"h_/_(\d+)", r"h_\1", "/".join(tokens)).split("/")
    if tokens[-1] in _EMBEDDINGS:  # model/wte
        return None, _EMBEDDINGS[tokens[-1]], "embeddings"
    if len(tokens) < 2:
        return None
    parent, leaf = tokens[-2], tokens[-1]
    if parent in _EMBEDDINGS and leaf in ("weight", "embeddings"):
        return None, _EMBEDDINGS[parent], "embeddings"
    if parent == "ln_f" and leaf in _NORM:
        return None, "layer_norm", _NORM[leaf]
    block = _number(tokens)
    if block is None:
        return None
    if parent in _NORMS and leaf in _NORM:
        return block, _NORMS[parent], _NORM[leaf]
    inner = tuple(tokens[-3:-1])
    if leaf in _MATRIX and inner == ("attn", "c_attn"):
        return block, "c_attn", _MATRIX[leaf]
    if leaf in _MATRIX and inner in _DENSE:
        return block, _DENSE[inner], _MATRIX[leaf]
    return None


def _number(tokens: list[str]) -> int | None:
    for before, token in zip(["", *tokens], tokens, strict=False):
        if match := _BLOCK.fullmatch(token):
            return int(match[1])
        if before == "h" and token.isdecimal() and len(token) <= 4:
            return int(token)
    return None


def _heads_of(folder: Path, width: tuple[int, ...]) -> int | None:
    """The number of attention heads that the file beside the weights says: of all that stands there, this one number.

    Raises:
        CheckpointError: it says that the model computes something else than GPT-2 does, or no number that can be.
    """
    for name in _CONFIGS:
        path = folder / name
        if not path.is_file() or path.stat().st_size > _LARGEST_CONFIG_BYTES:
            continue
        try:
            config = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            continue
        if not isinstance(config, dict):
            continue
        arithmetic.check(config, name, CheckpointError)
        for key in _HEADS:
            if key not in config:
                continue
            if type(heads := config[key]) is not int or not 0 < heads <= _MOST_HEADS:
                raise CheckpointError(
                    "By its {file} {key} is {value}, and should be the number of attention heads: correct it there.",
                    **{"file": name, "key": key, "value": json.dumps(heads)[:100]},
                )
            if any(of % heads for of in width):
                raise CheckpointError(
                    "By its {file} {key} is {value}, which does not fit the weights: their width of {width} does not part "
                    "into so many heads. Take the file that belongs to them.",
                    **{"file": name, "key": key, "value": heads, "width": width[0]},
                )
            return heads
    return None


def _heads_of_presets(found: dict[str, Array], seen: dict[str, Any], presets: list[dict[str, int]]) -> int:
    """The heads of the preset of the same sizes; GPT-2's own 64 numbers a head where there is none."""
    shapes = {seen[name][1]: found[name].shape for name in seen if seen[name][0] is None}
    token, position = shapes.get("token_embedding", (0, 0)), shapes.get("position_embedding", (0, 0))
    layers = len({block for block, *_ in seen.values() if block is not None})
    for sizes in presets:
        same = (sizes["vocabulary_size"], sizes["hidden_dim"]) == token and sizes["num_layers"] == layers
        if same and sizes["max_sequence_length"] == position[0]:
            return sizes["num_heads"]
    return max(1, token[-1] // 64)


def _whole(array: Array) -> np.ndarray:
    parts = list(array.rows())
    return np.concatenate(parts) if parts else np.zeros(array.shape, np.float32)


def _shaped(array: Array, shape: tuple[int, ...], change: Callable[[np.ndarray], np.ndarray]) -> Array:
    """An array of another shape that is read, whole, when it is needed."""

    def rows() -> Iterator[np.ndarray]:
        yield change(_whole(array)).reshape(shape)

    return Array(shape, array.is_float, rows)


def _flat(array: Array, dimensions: int) -> tuple[int, ...]:
    """The shape without the ones in front that TensorFlow's convolutions of width 1 have."""
    shape = array.shape
    while len(shape) > dimensions and shape[0] == 1:
        shape = shape[1:]
    return shape


def _third(array: Array, part: int, heads: int, leaf: str) -> Array:
    shape = _flat(array, 2 if leaf == "kernel" else 1)
    width = shape[-1] // 3 if shape else 0
    if len(shape) != (2 if leaf == "kernel" else 1) or shape[-1] != 3 * width or width % heads:
        return array  # which is of no shape that a GPT-2 has there: that is said
    target = (*shape[:-1], heads, width // heads)
    return _shaped(array, target, lambda values: values.reshape(shape)[..., part * width : (part + 1) * width])


def _plain(array: Array, owner: str, leaf: str, heads: int) -> Array:
    if leaf == "embeddings":
        return array  # the large one, which is read piece by piece
    shape = _flat(array, 2 if leaf == "kernel" else 1)
    if owner == "attention_output" and leaf == "kernel" and len(shape) == 2 and shape[0] % heads == 0:
        shape = (heads, shape[0] // heads, shape[1])
    if math.prod(shape) != math.prod(array.shape):
        return array
    return _shaped(array, shape, lambda values: values)

"""Causal self-attention that needs no mask, so that a GPU's fused kernel can work it out (JAX alone)."""

import functools
from typing import Any

from engine.core import framework
from engine.models.backend import keras
from engine.models.protocols import Backbone


def fuse(backbone: Backbone) -> None:
    """Lets each layer say that it is causal instead of handing over a mask of all pairs of positions.

    keras-hub always makes the mask, of padding and of order: with it cuDNN's kernel reads it as a bias. Windows here are
    full, and what stands behind a text is never looked at. Steps with a cache of former positions keep their mask.
    TensorFlow has no such kernel, and its results stay what they were.
    """
    if not framework.uses_jax():
        return
    for layer in backbone.transformer_layers:
        attention = layer._self_attention_layer
        layer._compute_self_attention_mask = functools.partial(_mask, layer._compute_self_attention_mask)
        attention._compute_attention = functools.partial(_attend, attention, attention._compute_attention)


def _mask(original: Any, **arguments: Any) -> Any:
    return None if arguments["self_attention_cache"] is None else original(**arguments)


def _attend(attention: Any, original: Any, **arguments: Any) -> Any:
    if arguments.get("attention_mask") is not None:
        return original(**arguments)
    if attention._dropout and arguments.get("training"):
        # Keras's own way to a causal mask is a running sum, which XLA works out while it compiles, for minutes.
        rows, columns = (keras.ops.arange(arguments[name].shape[1]) for name in ("query", "key"))
        return original(**{**arguments, "attention_mask": (rows[:, None] >= columns)[None]})
    query, key, value = (arguments[name] for name in ("query", "key", "value"))
    attended = keras.ops.dot_product_attention(query, key, value, scale=attention._inverse_sqrt_key_dim, is_causal=True)
    return attended, None

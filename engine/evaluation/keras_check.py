"""What Keras's own `evaluate` says, as the original project measured."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from engine.core import framework
from engine.corpus import windows
from engine.models import finite
from engine.models.backend import keras
from engine.models.protocols import CausalLM

# What `fit` and `evaluate` take: inputs by their names, targets, weights, each (windows, length).
Triple: TypeAlias = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]


def evaluate(model: CausalLM, stream: np.ndarray, starts: np.ndarray, length: int, batch_size: int) -> dict[str, float]:
    """Keras `evaluate` with SparseCategoricalCrossentropy on the first `length` targets of each article.

    Returns:
        loss in nats and accuracy a token, padding not counted; `loss_with_padding` and `accuracy_with_padding` count it,
        as a loss without a mask does.
    """
    articles = windows.FirstTokens(stream, starts, length, batch_size, 0)

    def batches() -> Iterator[windows.Batch]:
        for first in range(0, articles.windows, batch_size):
            yield articles.of(np.arange(first, min(first + batch_size, articles.windows)))

    def padding_counted() -> Iterator[windows.Batch]:
        for batch in batches():
            yield replace(batch, weights=np.ones_like(batch.weights))

    count = -(-articles.windows // batch_size)
    own, padded = evaluate_batches(model, batches, count), evaluate_batches(model, padding_counted, count)
    return {
        **own,
        "loss_with_padding": padded["loss"],
        "accuracy_with_padding": padded["accuracy"],
        "targets": padded["tokens"],
    }


def compile_to_evaluate(model: CausalLM) -> None:
    """Compiles a model that is not to be trained with what the original project measured by."""
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,  # compiling would take longer than the few batches that are asked for
    )


def evaluate_batches(model: CausalLM, batches: Callable[[], Iterator[windows.Batch]], count: int) -> dict[str, float]:
    """Keras `evaluate` of a compiled model on `count` batches of equally long windows.

    Raises:
        EngineError: the model computes no numbers.

    Returns:
        loss in nats and accuracy a token, and the tokens: targets of weight 0 are not counted.
    """
    tokens = targets = 0

    def draw() -> Iterator[Triple]:
        nonlocal tokens, targets
        for batch in batches():
            tokens, targets = tokens + batch.tokens, targets + batch.weights.size
            yield inputs(batch), batch.targets, batch.weights

    # On JAX the generator itself: TensorFlow, whose data sets these are, need not be installed there.
    given = {"x": draw(), "steps": count} if framework.uses_jax() else {"x": dataset_of(draw, count)}
    logs = keras.Model.evaluate(model, **given, verbose=0, return_dict=True)
    finite.require(np.array([logs["loss"]], np.float64))
    # Keras divides the sum of the losses by all targets, those of weight 0 included.
    return {"loss": float(logs["loss"]) * targets / tokens, "accuracy": float(logs["accuracy"]), "tokens": tokens}


def inputs(batch: windows.Batch) -> dict[str, np.ndarray]:
    """What a GPT-2 of keras-hub takes: int32 (windows, length) of token ids, and a mask that hides none of them."""
    return {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}


def dataset_of(draw: Callable[[], Iterator[Triple]], steps: int) -> Any:
    """`steps` triples of inputs, targets and weights, as Keras's `fit` and `evaluate` take them."""
    import tensorflow as tf  # whose data sets Keras `fit` takes

    ids = tf.TensorSpec((None, None), tf.int32)
    signature = {"token_ids": ids, "padding_mask": ids}
    dataset = tf.data.Dataset.from_generator(
        draw, output_signature=(signature, ids, tf.TensorSpec((None, None), tf.float32))
    )
    # Of unknown size it would leave the optimizer's count of steps one too high.
    return dataset.apply(tf.data.experimental.assert_cardinality(steps))

"""The original project's way to train and measure: Keras `fit` on a data set, Keras `evaluate`.

For comparison with the packed way: the model, the optimizer and the order of the data are the same, so that what
differs is what each article contributes (its first tokens here, all of them there).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import tensorflow as tf

from engine import windows
from engine.backend import keras

AfterStep = Callable[[float, float, windows.Batch, float], None]


def fit(
    model,
    batches: windows.Batches,
    first_step: int,
    last_step: int,
    learning_rate: Callable[[int], float],
    after_step: AfterStep,
) -> None:
    """Keras `fit` over steps `first_step` to `last_step`, counted from 0, the last excluded.

    Args:
        after_step: called with the step's loss and accuracy as Keras reports them, its batch and its seconds; what it
            raises ends the training.
    """
    taken: list[windows.Batch] = []  # drawn by Keras ahead of the step under way

    def draw() -> Iterator[tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]]:
        for step in range(first_step, last_step):
            batch = batches.batch(step)
            taken.append(batch)
            yield _inputs(batch), batch.targets, batch.weights

    class Reports(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            model.optimizer.learning_rate = learning_rate(first_step + batch)
            model.reset_metrics()  # else Keras reports the mean since the epoch's beginning
            self.started = time.monotonic()

        def on_train_batch_end(self, batch, logs=None):
            after_step(float(logs["loss"]), float(logs["accuracy"]), taken.pop(0), time.monotonic() - self.started)

    # GPT2CausalLM.fit would take the strings' path through keras-hub's preprocessor.
    keras.Model.fit(
        model,
        _dataset(draw, last_step - first_step),
        steps_per_epoch=last_step - first_step,
        epochs=1,
        shuffle=False,  # the batches come in their shuffled order
        verbose=0,
        callbacks=[Reports()],
    )


def evaluate(model, stream: np.ndarray, starts: np.ndarray, length: int, batch_size: int) -> dict[str, float]:
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


def compile_to_evaluate(model) -> None:
    """Compiles a model that is not to be trained with what the original project measured by."""
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,  # compiling would take longer than the few batches that are asked for
    )


def evaluate_batches(model, batches: Callable[[], Iterator[windows.Batch]], count: int) -> dict[str, float]:
    """Keras `evaluate` of a compiled model on `count` batches of equally long windows.

    Returns:
        loss in nats and accuracy a token, and the tokens: targets of weight 0 are not counted.
    """
    tokens = targets = 0

    def draw() -> Iterator:
        nonlocal tokens, targets
        for batch in batches():
            tokens, targets = tokens + batch.tokens, targets + batch.weights.size
            yield _inputs(batch), batch.targets, batch.weights

    logs = keras.Model.evaluate(model, _dataset(draw, count), verbose=0, return_dict=True)
    # Keras divides the sum of the losses by all targets, those of weight 0 included.
    return {"loss": float(logs["loss"]) * targets / tokens, "accuracy": float(logs["accuracy"]), "tokens": tokens}


def _inputs(batch: windows.Batch) -> dict[str, np.ndarray]:
    return {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}


def _dataset(draw: Callable[[], Iterator], steps: int) -> tf.data.Dataset:
    ids = tf.TensorSpec((None, None), tf.int32)
    inputs = {"token_ids": ids, "padding_mask": ids}
    dataset = tf.data.Dataset.from_generator(
        draw, output_signature=(inputs, ids, tf.TensorSpec((None, None), tf.float32))
    )
    # Of unknown size it would leave the optimizer's count of steps one too high.
    return dataset.apply(tf.data.experimental.assert_cardinality(steps))

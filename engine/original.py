"""The original project's way to train and measure: Keras `fit` on a data set, Keras `evaluate`.

For comparison with the packed way: the model, the optimizer and the order of the data are the same, so that what
differs is what each article contributes (its first tokens here, all of them there).
"""

import time
from collections.abc import Callable, Iterator

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
            inputs = {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}
            yield inputs, batch.targets, batch.weights

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
    figures: dict[str, float] = {}
    tokens = targets = 0
    for padded in (False, True):

        def draw(padded: bool = padded) -> Iterator:
            nonlocal tokens, targets
            for first in range(0, articles.windows, batch_size):
                batch = articles.of(np.arange(first, min(first + batch_size, articles.windows)))
                inputs = {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}
                tokens += 0 if padded else batch.tokens
                targets += batch.weights.size if padded else 0
                yield inputs, batch.targets, np.ones_like(batch.weights) if padded else batch.weights

        steps = -(-articles.windows // batch_size)
        logs = keras.Model.evaluate(model, _dataset(draw, steps), verbose=0, return_dict=True)
        suffix = "_with_padding" if padded else ""
        figures |= {f"loss{suffix}": float(logs["loss"]), f"accuracy{suffix}": float(logs["accuracy"])}
    # Keras divides the sum of the losses by all targets, those of weight 0 included.
    figures["loss"] *= targets / tokens
    return {**figures, "tokens": tokens, "targets": targets}


def _dataset(draw: Callable[[], Iterator], steps: int) -> tf.data.Dataset:
    ids = tf.TensorSpec((None, None), tf.int32)
    inputs = {"token_ids": ids, "padding_mask": ids}
    dataset = tf.data.Dataset.from_generator(
        draw, output_signature=(inputs, ids, tf.TensorSpec((None, None), tf.float32))
    )
    # Of unknown size it would leave the optimizer's count of steps one too high.
    return dataset.apply(tf.data.experimental.assert_cardinality(steps))

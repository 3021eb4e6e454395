"""The original project's way to train: Keras `fit` on a data set.

For comparison with the packed way: the model, the optimizer and the order of the data are the same, so that what
differs is what each article contributes (its first tokens here, all of them there).
"""

import time
from collections.abc import Callable, Iterator

import numpy as np

from engine.corpus import windows
from engine.evaluation.keras_check import dataset_of, inputs
from engine.models.backend import keras
from engine.models.protocols import CausalLM

AfterStep = Callable[[float, float, windows.Batch, float], None]


def fit(
    model: CausalLM,
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
            yield inputs(batch), batch.targets, batch.weights

    class Reports(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
            model.optimizer.learning_rate = learning_rate(first_step + batch)
            model.reset_metrics()  # else Keras reports the mean since the epoch's beginning
            self.started = time.monotonic()

        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            after_step(float(logs["loss"]), float(logs["accuracy"]), taken.pop(0), time.monotonic() - self.started)

    # GPT2CausalLM.fit would take the strings' path through keras-hub's preprocessor.
    keras.Model.fit(
        model,
        dataset_of(draw, last_step - first_step),
        steps_per_epoch=last_step - first_step,
        epochs=1,
        shuffle=False,  # the batches come in their shuffled order
        verbose=0,
        callbacks=[Reports()],
    )

"""The ways to make a training step of a batch: whole, in pieces, or by Keras `fit`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import tensorflow as tf

from engine.core.errors import ResourcesError
from engine.corpus import windows
from engine.models.compilation import FirstCalls
from engine.models.protocols import CausalLM
from engine.presets import memory
from engine.training import accumulation, keras_fit

APART_PARAMETERS = 50_000_000  # of a model from which on memory is worth more than a fused update (base_memory.py)
LearningRate = Callable[[int], float]


@dataclass(frozen=True)
class Outcome:
    """What a step gave.

    Attributes:
        loss: nats a token. accuracy: 0..1. tokens: useful targets. seconds: of the step.
    """

    loss: float
    accuracy: float
    tokens: int
    seconds: float


@dataclass(frozen=True)
class Course:
    """What a training goes through.

    Attributes:
        batches: by the number of their step. learning_rate: by the number of the step.
        first_step: counted from 0. last_step: excluded, asked before each step; 0 = not known yet.
        after_step: called after each; what it raises ends the training.
    """

    batches: windows.Batches
    first_step: int
    last_step: Callable[[], int]
    learning_rate: LearningRate
    after_step: Callable[[Outcome], None]


class OutOfMemory(Exception):
    """Memory ran out in a step. What the step has left of the variables is not to be trusted."""


class NonFiniteLoss(Exception):
    """The loss became infinite, or no number."""

    def __init__(self, step: int) -> None:
        """
        Args:
            step: counted from 1.
        """
        super().__init__(step)
        self.step = step


class Stepper(Protocol):
    """A way to train."""

    def train(self, course: Course) -> None:
        """Trains from the first step of a course to its last.

        Raises:
            NonFiniteLoss: the loss is no number any more. OutOfMemory: memory ran out where half as much at a time may
                fit. ResourcesError: where it cannot.
        """


class Packed:
    """Trains on packed windows, a batch at a time, worked off in pieces where memory wants it.

    Attributes:
        rows: windows in a piece; those of a whole batch where it fits.
    """

    def __init__(self, model: CausalLM, rows: int, jit_compile: bool) -> None:
        self._model, self.rows, self._first_calls = model, rows, FirstCalls("train")
        apart = model.count_params() > APART_PARAMETERS and not tf.config.list_logical_devices("GPU")
        self._accumulator = accumulation.Accumulator(model, rows, jit_compile, update_apart=apart)

    def step(self, batch: windows.Batch, learning_rate: float) -> dict[str, float]:
        """Makes a step; `loss` and `accuracy` as Keras gives them."""
        self._model.optimizer.learning_rate = learning_rate
        with self._first_calls.timed(*batch.token_ids.shape):
            return self._accumulator.step(batch)

    def train(self, course: Course) -> None:
        """As `Stepper.train`."""
        step = course.first_step
        while not course.last_step() or step < course.last_step():
            batch, rate = course.batches.batch(step), course.learning_rate(step)
            started = time.monotonic()
            try:
                logs = self.step(batch, rate)
            except Exception as error:
                if memory.ran_out(error):
                    raise OutOfMemory from error
                raise
            seconds = time.monotonic() - started
            loss = _per_token(logs["loss"], batch, step + 1)
            step += 1
            course.after_step(Outcome(loss, logs["accuracy"], batch.tokens, seconds))


class KerasFit:
    """Trains by Keras `fit`, the original report's way."""

    def __init__(self, model: CausalLM, batch_size: int) -> None:
        self._model, self._batch_size = model, batch_size

    def train(self, course: Course) -> None:
        """As `Stepper.train`."""
        step, last_step = course.first_step, course.last_step()

        def take(loss: float, accuracy: float, batch: windows.Batch, seconds: float) -> None:
            nonlocal step
            in_nats = _per_token(loss, batch, step + 1)
            step += 1
            course.after_step(Outcome(in_nats, accuracy, batch.tokens, seconds))

        if step >= last_step:
            return
        try:
            keras_fit.fit(self._model, course.batches, course.first_step, last_step, course.learning_rate, take)
        except Exception as error:
            if not memory.ran_out(error):
                raise
            raise ResourcesError(
                "Memory ran out with batches of {batch_size} windows. The original report's way takes them whole: set "
                "batch_size to {half} or less, which is another training, or choose the packed method, which works a "
                "batch off in pieces.",
                batch_size=self._batch_size,
                half=max(1, self._batch_size // 2),
            ) from error


def _per_token(keras_loss: float, batch: windows.Batch, step: int) -> float:
    """The loss of a step in nats a token. Keras divides by all targets of the batch, padding included.

    Raises:
        NonFiniteLoss: it is no number any more.
    """
    loss = keras_loss * batch.weights.size / batch.tokens
    if not np.isfinite(loss):
        raise NonFiniteLoss(step)
    return loss

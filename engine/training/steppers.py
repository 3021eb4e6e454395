"""The ways to make a training step of a batch: whole, in pieces, or by Keras `fit`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from engine.core import framework
from engine.core.errors import ResourcesError
from engine.corpus import windows
from engine.models.backend import gpus
from engine.models.compilation import FirstCalls
from engine.models.protocols import CausalLM
from engine.presets import memory

AHEAD_SECONDS = 0.5  # of steps that a GPU is given before anybody waits for it
MOST_AHEAD = 1000  # steps
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


@dataclass(frozen=True)
class Course:
    """What steps are made of, and who is told of them.

    Attributes:
        batches: of the training. first_step: to train, counted from 0.
        last_step: asked before each step; the first one not to train; 0 = not known yet.
        due: asked before each step; that many steps done, something else is to be done first.
        learning_rate: of a step.
        after_steps: called after one step or several; what it raises ends the training.
    """

    batches: windows.Batches
    first_step: int
    last_step: Callable[[], int]
    due: Callable[[], int]
    learning_rate: LearningRate
    after_steps: Callable[[list[Outcome]], None]


class Stepper(Protocol):
    """A way to train."""

    def train(self, course: Course) -> None:
        """Trains to the last step.

        Raises:
            NonFiniteLoss: the loss is no number any more. OutOfMemory: memory ran out where half as much at a time may
                fit. ResourcesError: where it cannot.
        """

    def settle(self) -> None:
        """Gives the model what the steps so far have made of it: needed before anybody else looks at it."""


class Packed:
    """Trains on packed windows, a batch at a time, worked off in pieces where memory wants it.

    A GPU is given steps for half a second before anybody waits for it; on a CPU each step is waited for.

    Attributes:
        rows: windows in a piece; those of a whole batch where it fits.
    """

    def __init__(self, model: CausalLM, rows: int, jit_compile: bool, devices: Sequence[str] = ()) -> None:
        """
        Args:
            devices: that share each batch, by TensorFlow's names; several on JAX alone.
        """
        self.rows, self._first_calls = rows, FirstCalls("train")
        self._ahead_seconds = AHEAD_SECONDS if gpus() else 0.0
        self._accumulator = _accumulator(model, rows, jit_compile, devices)

    def step(self, batch: windows.Batch, learning_rate: float) -> dict[str, float]:
        """Makes a step; `loss` and `accuracy` as Keras gives them."""
        with self._first_calls.timed(*batch.token_ids.shape):
            ((loss, right, counted),) = self._accumulator.figures([self._accumulator.dispatch(batch, learning_rate)])
        self._accumulator.settle()
        return {"loss": float(loss), "accuracy": float(right) / float(counted) if counted else 0.0}

    def train(self, course: Course) -> None:
        """As `Stepper.train`."""
        step, pace = course.first_step, 0.0
        while not course.last_step() or step < course.last_step():
            count = 1
            if pace and self._ahead_seconds:
                most = min(MOST_AHEAD, course.due() - step, (course.last_step() or step + MOST_AHEAD) - step)
                count = max(1, min(most, int(self._ahead_seconds / pace)))
            batches = []
            started = time.monotonic()
            try:
                with self._first_calls.timed(0):
                    dispatched = []
                    for number in range(step, step + count):
                        batches.append(course.batches.batch(number))
                        dispatched.append(self._accumulator.dispatch(batches[-1], course.learning_rate(number)))
                    figures = self._accumulator.figures(dispatched)
            except Exception as error:
                if memory.ran_out(error):
                    raise OutOfMemory from error
                raise
            seconds = (time.monotonic() - started) / count
            outcomes = []
            for batch, (loss, right, counted) in zip(batches, figures.tolist(), strict=True):
                step += 1
                accuracy = right / counted if counted else 0.0
                outcomes.append(Outcome(_per_token(loss, batch, step), accuracy, batch.tokens, seconds))
            pace = seconds if step > course.first_step + 1 else 0.0  # the first step compiles
            course.after_steps(outcomes)

    def settle(self) -> None:
        """As `Stepper.settle`."""
        self._accumulator.settle()


def _accumulator(model: CausalLM, rows: int, jit_compile: bool, devices: Sequence[str]) -> Any:
    """What makes the steps on the framework that computes."""
    chunk_logits = memory.GPU_CHUNK_LOGITS if gpus() else memory.CHUNK_LOGITS
    if framework.uses_jax():
        from engine.training import step_jax

        return step_jax.Accumulator(model, rows, chunk_logits, devices)
    from engine.training import step_tensorflow

    apart = model.count_params() > memory.LARGE_PARAMETERS and not gpus()
    return step_tensorflow.Accumulator(model, rows, jit_compile, chunk_logits, update_apart=apart)


class KerasFit:
    """Trains by Keras `fit`, the original report's way."""

    def __init__(self, model: CausalLM, batch_size: int) -> None:
        self._model, self._batch_size = model, batch_size

    def train(self, course: Course) -> None:
        """As `Stepper.train`."""
        from engine.training import keras_fit  # which needs TensorFlow

        step = course.first_step

        def take(loss: float, accuracy: float, batch: windows.Batch, seconds: float) -> None:
            nonlocal step
            in_nats = _per_token(loss, batch, step + 1)
            step += 1
            course.after_steps([Outcome(in_nats, accuracy, batch.tokens, seconds)])

        if course.first_step >= course.last_step():
            return
        try:
            keras_fit.fit(
                self._model, course.batches, course.first_step, course.last_step(), course.learning_rate, take
            )
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

    def settle(self) -> None:
        """Nothing: the model's variables are what is trained."""


def _per_token(keras_loss: float, batch: windows.Batch, step: int) -> float:
    """The loss of a step in nats a token. Keras divides by all targets of the batch, padding included.

    Raises:
        NonFiniteLoss: it is no number any more.
    """
    loss = keras_loss * batch.weights.size / batch.tokens
    if not np.isfinite(loss):
        raise NonFiniteLoss(step)
    return loss

"""Steps one after the other: counted, reported, and at each interval measured and saved. What a run and a pretraining share."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from engine.core.progress import Cancelled, OnProgress, Phase
from engine.corpus.windows import Batches
from engine.training.progress import Training
from engine.training.state import TrainingState
from engine.training.steppers import Course, LearningRate, Outcome, Stepper

REPORT_SECONDS = 1.0  # the shortest time between two reports of the training figures


@dataclass
class Sums:
    """What the steps since the last report add up to.

    Attributes:
        loss: nats. correct: targets ranked first. tokens: useful targets. seconds: of training.
    """

    loss: float = 0.0
    correct: float = 0.0
    tokens: int = 0
    seconds: float = 0.0

    def add(self, outcome: Outcome, seconds: float) -> None:
        """Adds a step, of which so many seconds are training time."""
        self.loss += outcome.loss * outcome.tokens
        self.correct += outcome.accuracy * outcome.tokens
        self.tokens += outcome.tokens
        self.seconds += seconds


class Recorder(Protocol):
    """What is done beside the steps."""

    def due(self) -> int:
        """So many steps done, something is to be done beside them; more steps than that are not made at once."""

    def after_steps(self) -> None:
        """Follows steps, once they are counted."""

    def report(self, sums: Sums) -> None:
        """Writes the training figures since the last report."""

    def interval_ends(self) -> bool:
        """Whether the step that is done is one to measure at; the last one always is."""

    def measure(self) -> None:
        """Measures the model; raises Cancelled where that is ended."""

    def worth_saving(self) -> bool:
        """Whether to save after this measurement."""

    def save(self) -> None:
        """Writes a checkpoint of the step that is done."""

    def ends_early(self) -> bool:
        """Whether what was measured last is a reason to end here."""

    def training_continues(self) -> None:
        """Follows each measurement but the last one."""


class _EndsEarly(Exception):
    """The training ends at a measurement before its last step."""


@dataclass
class Loop:
    """Trains to the last step.

    Attributes:
        state: where the training stands; changed as it goes.
        batches, stepper, learning_rate: what each step is made of and by.
        recorder: what is done beside the steps.
        on_progress: called before the first step and after each.
    """

    state: TrainingState
    batches: Batches
    stepper: Stepper
    learning_rate: LearningRate
    recorder: Recorder
    on_progress: OnProgress
    _sums: Sums = field(default_factory=Sums)
    _last: Sums = field(default_factory=Sums)  # of the last report
    _reported: float = 0.0
    _measured_at: int = -1  # by this process

    def run(self) -> None:
        """Trains from the step that is done to the last one, and measures and saves there.

        Raises:
            Cancelled: `on_progress` ended it; a checkpoint of the step that is done is written.
            NonFiniteLoss, OutOfMemory, ResourcesError: as the stepper raises them.
        """
        self._restart_report()
        with self.saved_if_cancelled():
            self._say()
        try:
            self.stepper.train(
                Course(
                    self.batches,
                    self.state.step,
                    lambda: self.state.steps,
                    self.recorder.due,
                    self.learning_rate,
                    self._after_steps,
                )
            )
        except _EndsEarly:
            return
        with self.saved_if_cancelled():
            self._measure_and_save()

    def _after_steps(self, outcomes: list[Outcome]) -> None:
        with self.saved_if_cancelled():
            self._count(outcomes)

    def _count(self, outcomes: list[Outcome]) -> None:
        state = self.state
        for outcome in outcomes:
            self._sums.add(outcome, state.count(outcome))
        self.recorder.after_steps()
        if time.monotonic() - self._reported >= REPORT_SECONDS or state.step == 1 or state.finished:
            self.recorder.report(self._sums)
            self._restart_report()
        if state.finished:
            return
        if self.recorder.interval_ends():
            self._measure_and_save()
            if self.recorder.ends_early():
                self.recorder.save()
                raise _EndsEarly
            self.recorder.training_continues()
            self._reported = time.monotonic()
        self._say()

    def _measure_and_save(self) -> None:
        self.stepper.settle()
        if self._measured_at != self.state.step:  # a plan that follows a measurement may end there
            self.recorder.measure()
            self._measured_at = self.state.step
        if self.recorder.worth_saving():
            self.recorder.save()

    @contextlib.contextmanager
    def saved_if_cancelled(self) -> Iterator[None]:
        """Loses no step since the last checkpoint where the block is cancelled."""
        try:
            yield
        except Cancelled:
            self.stepper.settle()
            self.recorder.save()
            raise

    def _say(self) -> None:
        state, last = self.state, self._last
        self.on_progress(
            Training(
                state.step,
                state.steps,
                Phase.TRAINING,
                last.loss / last.tokens if last.tokens else None,
                last.tokens / last.seconds if last.seconds else None,
                state.micro_batch,
            )
        )

    def _restart_report(self) -> None:
        self._last, self._sums, self._reported = self._sums, Sums(), time.monotonic()

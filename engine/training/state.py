"""Where a training stands: what a checkpoint keeps of it beside the weights."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.runs.checkpoints import Checkpoint
from engine.training.steppers import Outcome
from engine.training.timetable import Timetable

_SAVED = ("base_loss", "best_loss", "best_step", "measurements", "worse", "measured_at_seconds", "elapsed")


@dataclass
class TrainingState:
    """Where a training stands.

    Attributes:
        step: training steps done. steps: the last one; 0 until a run given in minutes has been measured.
        tokens: useful targets trained on. seconds: time in training steps alone, without the first of a process, which
            compiles.
        micro_batch: windows worked on at a time since memory ran out; 0 = a whole batch at once.
        metrics: what was measured at this very step, by split.
        timetable: of a run in minutes, as it was decided last.
        base_loss: of the base on the part of validation that is measured at each interval; None until it is known.
        best_loss, best_step: the lowest of the run there, and where; None and 0 until it was measured.
        measurements: of the run, so far. worse: those since the best. measured_at_seconds: of training, at the last.
        elapsed: seconds since the run was asked for, as of the last checkpoint.
        step_seconds: of each step of this process, the first included.
    """

    step: int = 0
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    micro_batch: int = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    timetable: Timetable | None = None
    base_loss: float | None = None
    best_loss: float | None = None
    best_step: int = 0
    measurements: int = 0
    worse: int = 0
    measured_at_seconds: float = 0.0
    elapsed: float = 0.0
    step_seconds: list[float] = field(default_factory=list)

    @classmethod
    def of_checkpoint(cls, checkpoint: Checkpoint) -> "TrainingState":
        """Where the training stood when a checkpoint was written; its micro-batch is settled by who goes on."""
        facts = checkpoint.manifest
        progress = facts.get("progress", {})  # earlier versions kept none
        found = cls(checkpoint.step, facts["steps"], facts["tokens"], facts["seconds"], metrics=facts["metrics"])
        for name in _SAVED:
            setattr(found, name, progress.get(name, getattr(found, name)))
        if progress.get("plan"):
            found.timetable = Timetable.from_json(progress["plan"])
        return found

    def to_json(self) -> dict[str, Any]:
        """What a checkpoint's manifest says of it, the step apart."""
        return {
            "steps": self.steps,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "micro_batch": self.micro_batch,
            "metrics": self.metrics,
            "progress": {
                "plan": self.timetable.to_json() if self.timetable else None,
                **{name: getattr(self, name) for name in _SAVED},
            },
        }

    def take_loss(self, loss: float) -> None:
        """Notes a measurement of the run on validation."""
        if self.best_loss is None or loss < self.best_loss:
            self.best_loss, self.best_step, self.worse = loss, self.step, 0
        else:
            self.worse += 1

    @property
    def finished(self) -> bool:
        """Whether the last step is done."""
        return bool(self.steps) and self.step >= self.steps

    @property
    def median_step_seconds(self) -> float:
        """Of the steps of this process, the first, which compiles, left out where there are others."""
        return float(np.median(self.step_seconds[1:] or self.step_seconds))

    def count(self, outcome: Outcome) -> float:
        """Counts a step; the seconds of it that are training time."""
        compiles = not self.step_seconds
        self.step += 1
        self.tokens += outcome.tokens
        self.metrics = {}  # what was measured is of the step before
        self.step_seconds.append(outcome.seconds)
        trained = 0.0 if compiles else outcome.seconds
        self.seconds += trained
        return trained

"""In which states a run may be, and what is kept of the one in which it is."""

from dataclasses import dataclass
from typing import Any

from engine.core import checked
from engine.core.errors import EngineError, sentence

QUEUED, RUNNING, PAUSED, FINISHED, FAILED, STOPPED, INTERRUPTED = checked.STATES


# Why a run failed whose loss became no number: before its first checkpoint, and behind one.
NO_NUMBER = sentence(
    "The loss became infinite or no number at step {step}: the learning rate {rate} is too high for this model."
)
NO_NUMBER_BEHIND = sentence(
    "The loss became infinite or no number at step {step}: the learning rate {rate} is too high for this model. The result is "
    "the checkpoint of step {saved}, the last one before."
)
COPIED, BROKEN = "copied", "broken"  # never written: what a copy's folder reads as, and what was damaged by hand


@dataclass(frozen=True)
class State:
    """Where a run stands.

    Attributes:
        state: queued, running, paused, finished, failed, stopped or interrupted; copied and broken are read, never written:
            a folder that says queued or running and is a copy of the run that waits or works, and a damaged one.
        since: Unix time of the last change of `state`.
        step, steps: the step reached and the last one; steps is 0 until it is known.
        phase: what a running trainer is doing: loading, preparing, compiling, evaluating, training, finishing.
        phase_since: Unix time of its beginning; 0 = not known.
        compiling: which function is compiled at this moment, by its name; "" = none. compiling_since: Unix time of its beginning.
        ends_at: Unix time at which the trainer expects the result of a run that counts everything; 0 = not known.
        reason: template and values of the sentence that says why it ended, or None.
        starts: trainers started without a new checkpoint in between.
        queued_at: Unix time that orders the queue.
        result: the step of the checkpoint that is the run's result; 0 = none is settled: it is the best so far, or the newest.
    """

    state: str
    since: float
    step: int = 0
    steps: int = 0
    phase: str = ""
    reason: dict[str, Any] | None = None
    starts: int = 0
    queued_at: float = 0.0
    result: int = 0
    phase_since: float = 0.0
    compiling: str = ""
    compiling_since: float = 0.0
    ends_at: float = 0.0

    @property
    def ended_early(self) -> bool:
        """Whether it is finished before its last step, and could go on."""
        return self.state == FINISHED and 0 < self.step < self.steps

    @property
    def error(self) -> EngineError | None:
        """The reason as an error, which pages show in the language of the session."""
        return EngineError(self.reason["template"], **self.reason["values"]) if self.reason else None

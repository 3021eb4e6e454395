"""Writes how a training comes on into its run: the figures of its steps, a line about every second."""

import psutil

from engine.runs.folder import Run
from engine.training.loop import Sums
from engine.training.state import TrainingState


def write(run: Run, state: TrainingState, sums: Sums, steps_per_epoch: float, learning_rate: float) -> None:
    """Writes the means of the steps since the last report.

    Args:
        learning_rate: of the last of them.
    """
    run.append_event(
        "step",
        step=state.step,
        tokens=state.tokens,
        seconds=round(state.seconds, 3),
        epoch=state.step / steps_per_epoch,
        loss=sums.loss / sums.tokens,
        accuracy=sums.correct / sums.tokens,
        learning_rate=learning_rate,
        tokens_per_second=sums.tokens / sums.seconds if sums.seconds else None,
        memory_bytes=psutil.Process().memory_info().rss,
    )

"""Has runs trained on this machine, one after the other on each device: a process starts their trainers (engine.services.dispatcher)."""

from pathlib import Path

from engine.runs.folder import Run
from engine.services import dispatcher


def start(root: Path) -> None:
    """Makes sure that what waits is started."""
    dispatcher.ensure(root)


wake = tend = start


def work_left(root: Path) -> bool:
    """Whether there is anything to start, or a trainer that died."""
    return dispatcher.work_left(root)


def cancel(run: Run) -> None:
    """Does nothing more: a run that waits has been taken from the queue, and a trainer sees that it is to end."""

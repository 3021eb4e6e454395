"""Ending a run's trainer by force, for one that is frozen: only where it is certain which process that is."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from engine.core import checked
from engine.core.errors import RunError, SchedulerError
from engine.runs import attempts, states
from engine.runs.folder import OWNER, Run
from engine.services import dispatcher
from engine.services.launchers import scheduler

TRAINERS = {"engine.services.worker", "engine.trainer"}  # as it is started, and as earlier versions called it
CLOCK_SECONDS = 2.0  # by which the time of a process's creation may be off: Linux counts it from a boot time in seconds


def kill_trainer(run: Run) -> None:
    """Kills the process that holds the run's lock, also a stopped one. The run is stopped or paused where that was asked
    before; else the dispatcher puts it back into the queue.

    Raises:
        RunError: nobody works on it, or the process that does cannot be told for certain.
    """
    if run.state().state != states.RUNNING:
        raise RunError("No trainer works on the run {name}.", name=run.name)
    if run.scheduled:
        _end_job(run)
        return
    owner = checked.read_if_whole(run.folder / OWNER, checked.OWNER)
    process = _process(run, owner)
    if process is None:
        raise RunError(
            "The run {name} names process {pid} as its trainer, and that is not certain to be it, so nothing was ended. "
            "End the trainer yourself; the run then goes on by itself.",
            name=run.name,
            pid=owner.get("pid", "?"),
        )
    try:
        process.kill()
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied as error:
        raise RunError(
            "Process {pid}, the trainer of {name}, belongs to somebody else: no rights to end it.",
            pid=process.pid,
            name=run.name,
        ) from error
    if run.control():
        dispatcher.settle(run, None)
    else:  # for the dispatcher to find: one that had started it would take a run in the queue for one that cannot start
        dispatcher.ensure(run.folder.parent)


def _end_job(run: Run) -> None:
    """Has Slurm end the job of a run, and start it again where nobody asked the run to end. A page waits for no scheduler, so
    a thread asks; a command ends when that has been answered."""
    if job := attempts.facts(run.folder).get("job"):
        threading.Thread(target=_ask, args=(scheduler.cancel if run.control() else scheduler.requeue, job)).start()


def _ask(ask: Callable[[str], None], job: str) -> None:
    try:
        ask(job)
    except SchedulerError as error:
        print(error, file=sys.stderr)


def _process(run: Run, owner: dict[str, Any]) -> psutil.Process | None:
    """The trainer that wrote `owner.json`, or None where its number may by now be another process's."""
    try:
        process = psutil.Process(owner["pid"])
        started, command = process.create_time(), process.cmdline()
        noted = owner["since"]
    except (KeyError, ValueError, OverflowError, psutil.Error):
        return None
    folder = run.folder.resolve()
    if not TRAINERS.isdisjoint(command):
        trains = any(Path(argument).resolve() == folder for argument in command)
    else:  # python -m engine train, which names a run only where its user did
        trains = ["-m", "engine", "train"] in [command[i : i + 3] for i in range(len(command))]
    return process if trains and started <= noted + CLOCK_SECONDS else None

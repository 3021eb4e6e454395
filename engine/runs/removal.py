"""Deleting a whole run, once nothing needs it any more."""

import contextlib
import os
from dataclasses import dataclass

from engine.core import files
from engine.core.errors import EngineError, RunError
from engine.runs import checkpoints, lifecycle, retention, states
from engine.runs.folder import Run


@dataclass(frozen=True)
class Loss:
    """What goes with a run: its checkpoints, how many of them are pinned, and the bytes of all its files."""

    checkpoints: int
    pinned: int
    bytes: int


def loss(run: Run) -> Loss:
    """What would be lost."""
    return Loss(len(checkpoints.of_run(run)), len(retention.pinned(run)), files.size(run.folder))


def children(run: Run) -> list[str]:
    """The runs that started from a checkpoint of this one, or wait for it."""
    found = []
    for other in lifecycle.all_runs(run.folder.parent):
        with contextlib.suppress(EngineError):
            settings = other.settings
            if run.name in ((settings.parent or "").partition("/")[0], settings.after):
                found.append(other.name)
    return sorted(found)


def check(run: Run) -> None:
    """Makes sure that a run may be deleted.

    Raises:
        RunError: it ships with the project, it works, waits or is about to go on, or other runs came from it.
    """
    if run.alive() or run.orphaned():
        raise _at_work(run)
    _check_at_rest(run)


def _check_at_rest(run: Run) -> None:
    if run.recorded:
        raise RunError("The run {name} ships with Atelier and is kept.", name=run.name)
    if run.state().state in (states.RUNNING, states.QUEUED):
        raise _at_work(run)
    if others := children(run):
        raise RunError(
            "Other runs came from {name}, and their history shows it: {others}. Delete those first.",
            name=run.name,
            others=", ".join(others),
        )


def _at_work(run: Run) -> RunError:
    return RunError("The run {name} works or waits: stop it first, then delete it.", name=run.name)


def remove(run: Run) -> None:
    """Deletes a run with everything in its folder, its name first, so that it never exists in part.

    Raises:
        RunError: it may not be deleted (`check`). StorageError: no rights.
    """
    check(run)
    if (run.folder / "lock").is_dir():  # damaged by hand: nobody can hold that
        lifecycle.take_away(run)
        return
    with run.taken() as mine:
        if not mine:
            raise _at_work(run)
        _check_at_rest(run)  # nobody can start it from here on
        if os.name != "nt":
            lifecycle.take_away(run)
            return
    lifecycle.take_away(run)  # Windows moves no folder in which a file is open

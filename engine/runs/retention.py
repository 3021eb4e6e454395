"""Which checkpoints of a run are kept: the newest, the best, the pinned, those others came from, and never none."""

import os
from pathlib import Path

from engine.core import checked, files
from engine.core.errors import EngineError, RunError, sentence
from engine.core.files import write_json
from engine.core.locks import Lock
from engine.runs import checkpoints, lifecycle
from engine.runs.checkpoints import Checkpoint
from engine.runs.folder import Run

PINS = "pins.json"
_PINNING, _PINNING_SECONDS = "pins.lock", 10.0
_NO_ROOM = sentence(
    "The next checkpoint needs {needed} MB and {free} MB of disk are free: free some space and resume; the former "
    "checkpoint is whole."
)


def pinned(run: Run) -> set[int]:
    """The steps whose checkpoints a person pinned; all of them where that cannot be read, so that none is lost."""
    path = os.path.join(run.folder, PINS)  # which few runs have; asked of hundreds at each drawing
    if not os.path.lexists(path):
        return set()
    try:
        return set(checked.read(Path(path), checked.PINS)["steps"])
    except RunError:
        if not os.path.lexists(path):  # it was taken away between the two looks
            return set()
        return {checkpoint.step for checkpoint in checkpoints.of_run(run)}


def pin(checkpoint: Checkpoint, on: bool) -> None:
    """Pins a checkpoint, so that neither retention nor a deletion takes it, or lets it go.

    Raises:
        StorageError: no rights or no space.
    """
    run = Run(checkpoint.folder.parent)
    with Lock(run.folder / _PINNING) as lock:  # not the run's own, which its trainer holds for hours
        lock.acquire(_PINNING_SECONDS)
        steps = pinned(run) | {checkpoint.step} if on else pinned(run) - {checkpoint.step}
        write_json(run.folder / PINS, {"steps": sorted(steps)})


def parents(root: Path) -> set[str]:
    """The checkpoints that runs started from."""
    found = set()
    for run in lifecycle.all_runs(root):
        try:
            found.add(run.settings.parent)
        except EngineError:
            continue
    return {reference for reference in found if reference}


def superfluous(run: Run, newest: int) -> list[Checkpoint]:
    """The checkpoints that may go when the newest so many are kept; 0 keeps all.

    Kept are the best, the pinned, and what other runs started from as well, and whatever `newest_verified` would fall
    back on: the newest verified checkpoint is never among them.
    """
    found = checkpoints.of_run(run)
    if newest <= 0 or len(found) <= newest:
        return []
    needed = {c.step for c in found[-newest:]} | pinned(run)
    for special in (checkpoints.best(found), checkpoints.newest_verified(run)):
        if special is not None:
            needed.add(special.step)
    started_from = parents(run.folder.parent)
    return [c for c in found if c.step not in needed and c.reference not in started_from]


def apply(run: Run, newest: int) -> list[int]:
    """Deletes what is superfluous; the steps that went."""
    gone = superfluous(run, newest)
    for checkpoint in gone:
        run.require_mine()
        checkpoints.delete(checkpoint)
    return [checkpoint.step for checkpoint in gone]


def require_space(folder: Path, needed: int) -> None:
    """Makes sure that a checkpoint of so many bytes fits, before a byte of it is written.

    Raises:
        StorageError: it does not.
    """
    files.require_space(folder, needed, _NO_ROOM)

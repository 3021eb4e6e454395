"""The queue: which runs wait, in which order; moving, cloning and extending them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import checkpoints, paths, runs, submission
from engine.errors import RunError
from engine.locks import Lock
from engine.runs import Run
from engine.settings import IMPORTED, PACKED

_LENGTHS = ("steps", "epochs", "minutes")


def waiting(root: Path | None = None) -> list[Run]:
    """The runs in the queue, the next one first; those that wait for another run keep their place."""
    queued = [(run.state(), run) for run in runs.all_runs(root)]
    queued = [(state, run) for state, run in queued if state.state == runs.QUEUED]
    return [run for _, run in sorted(queued, key=lambda pair: (pair[0].queued_at, pair[1].name))]


def move(run: Run, places: int) -> list[Run]:
    """Moves a waiting run by so many places, forwards where negative, as far as there are places; the new order.

    Raises:
        RunError: it does not wait (any more).
    """
    order = waiting(run.folder.parent)
    names = [other.name for other in order]
    if run.name not in names:
        raise RunError("The run {name} is not waiting: only waiting runs can be moved.", name=run.name)
    times = [other.state().queued_at for other in order]
    moved = order.pop(names.index(run.name))
    order.insert(max(0, min(len(order), names.index(run.name) + places)), moved)
    for number, (other, former) in enumerate(zip(order, times, strict=True)):
        with Lock(other.folder / "lock") as lock:
            # Two that asked in the same moment must differ to have an order; one that has just started needs none.
            if lock.acquire(patience_seconds=1) and other.state().state == runs.QUEUED:
                other.write_state(queued_at=former + number * 1e-6)
    return waiting(run.folder.parent)


def clone(run: Run, name: str = "", root: Path | None = None, **changes: Any) -> Run:
    """A new run with the settings of another and some of them changed; a given length replaces whatever it had.

    Raises:
        SettingsError: what stands against it. RunError: the name is taken.
    """
    settings = run.settings
    if settings.method == IMPORTED:  # it was not trained here; what goes on from it is
        changes.setdefault("method", PACKED)
    if any(changes.get(length) is not None for length in _LENGTHS):
        changes = {**dict.fromkeys(_LENGTHS), **changes}
    root = root or run.folder.parent
    fresh = {"name": name or runs.fresh_name(run.name[:40], root), "after": None, "plan": ""}
    return submission.submit(replace(settings, **{**changes, **fresh}), root)


def extend(reference: str, name: str = "", root: Path | None = None, **changes: Any) -> Run:
    """A new run that goes on from a checkpoint RUN[/STEP] with its run's settings and the changes; lineage is kept.

    Raises:
        RunError, CheckpointError: no such checkpoint. SettingsError: what stands against the settings.
    """
    root = root or paths.checkpoints_root()
    checkpoint = checkpoints.find(reference, root)
    return clone(runs.find(checkpoint.run, root), name, root, **{**changes, "parent": checkpoint.reference})

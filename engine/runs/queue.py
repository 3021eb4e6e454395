"""The queue: which runs wait, in which order and until when; entering it, moving, cloning and extending runs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.core import paths
from engine.core.errors import EngineError, RunError, TakenError
from engine.core.files import read_json
from engine.core.locks import Lock
from engine.runs import checkpoints, devices, durations, lifecycle, plans, states, submission
from engine.runs.folder import OWNER, Run
from engine.runs.settings import FROM_PRESET, IMPORTED, LENGTHS, PACKED, RunSettings

UNNAMED = "unnamed"  # what settings are called until the queue names their run
Admit = Callable[[RunSettings, list[Run]], object]


@dataclass(frozen=True)
class Entry:
    """What became of a request: its run, and whether that waited already for somebody with the same request."""

    run: Run
    joined: bool


@dataclass(frozen=True)
class Position:
    """Where a run waits.

    Attributes:
        position, of: counted from 1 on. seconds: about how long until it starts, from what was measured; None = unknown.
    """

    run: Run
    position: int
    of: int
    seconds: float | None


def waiting(root: Path | None = None) -> list[Run]:
    """The runs in the queue of this machine, the next one first; those that wait for another run keep their place. Those that
    Slurm trains wait in its queue."""
    return [run for run in queued(root) if not run.scheduled]


def queued(root: Path | None = None) -> list[Run]:
    """All runs that wait, here or in Slurm's queue, the first that was asked for first."""
    found = [(run.state(), run) for run in lifecycle.all_runs(root)]
    found = [(state, run) for state, run in found if state.state == states.QUEUED]
    return [run for _, run in sorted(found, key=lambda pair: (pair[0].queued_at, pair[1].name))]


def positions(root: Path | None = None) -> list[Position]:
    """Estimates the positions of all runs that wait, the next one first, as if each took the first device that comes free."""
    every, order = lifecycle.all_runs(root), waiting(root)
    root = root or paths.checkpoints_root()
    free: dict[str, float | None] = {}  # seconds from now on
    ends: dict[str, float | None] = {}
    for run in every if order else ():
        if (state := run.state()).state == states.RUNNING and not run.scheduled:
            ends[run.name] = end = _attempt(durations.left, run, state, every)
            for device in devices.parted(str(read_json(run.folder / OWNER).get("device", devices.CPU))):
                free[device] = end
    found = []
    for position, run in enumerate(order, start=1):
        start = _attempt(_start, run, free, ends)
        end = None
        if start is not None:
            takes = _attempt(_takes, run, every)
            end = None if takes is None else start + takes
        ends[run.name] = end
        for device in _attempt(_devices, run, free) or ():
            free[device] = end
        found.append(Position(run, position, len(order), start))
    return found


def _attempt(tell: Callable[..., Any], *arguments: Any) -> Any:
    """What `tell` tells; None where a run's configuration cannot be read, or was just deleted."""
    try:
        return tell(*arguments)
    except EngineError:
        return None


def _settings(run: Run) -> RunSettings:
    return run.settings


def _takes(run: Run, every: list[Run]) -> float | None:
    return durations.whole(run.settings, every)


def _devices(run: Run, free: dict[str, float | None]) -> list[str]:
    """The devices that come free first for a run; those of which nothing is known come last."""
    suiting, count = devices.suiting(run.settings)
    return sorted(suiting, key=lambda name: (free.get(name, 0.0) is None, free.get(name, 0.0) or 0.0))[:count]


def _start(run: Run, free: dict[str, float | None], ends: dict[str, float | None]) -> float | None:
    known = [when for when in (free.get(name, 0.0) for name in _devices(run, free)) if when is not None]
    at = max(known) if len(known) == len(_devices(run, free)) else None
    if (first := run.waits_for()) is None:
        return at
    parent_ends = ends.get(first)
    return None if at is None or parent_ends is None else max(at, parent_ends)


def place(run: Run) -> Position | None:
    """Where a run waits; None where it does not."""
    return next((found for found in positions(run.folder.parent) if found.run.name == run.name), None)


def _nobody_refused(settings: RunSettings, waiting_runs: list[Run]) -> None:
    """Admits everything."""


def enter(
    settings: RunSettings,
    stem: str = "",
    join: bool = False,
    root: Path | None = None,
    admit: Admit = _nobody_refused,
    facts: dict[str, Any] | None = None,
) -> Entry:
    """Queues a run. Of thirty threads and several servers that ask at the same instant each has a run of its own, or
    where they ask for the same and `join`, all have one.

    Args:
        stem: opens the name that the run is given; "" = it has the settings' own.
        join: whether a request that is equal, but for the name, to a run that waits joins it. For requests of pages, where
            nobody chose a name: whoever chose one, or typed a command, means a run of their own.
        admit: asked with the checked settings and the runs that wait, while nobody else enters the queue; raises an
            EngineError where the run may not enter. Whoever joins a run is not asked.
        facts: what is recorded beside the settings: that a visitor asked for it, and the time it may take.

    Raises:
        SettingsError: everything that stands against it. TakenError: the name is taken. StorageError: the disk refuses.
    """
    checked = submission.check(settings)
    root = root or paths.checkpoints_root()
    with lifecycle.naming(root):
        order = queued(root)
        if join and (twin := _twin([checked], settings.name, order)):
            return Entry(twin[0], True)
        admit(checked, order)
        if not stem:
            return Entry(submission.make(checked, root, facts), False)
        return Entry(_named(stem, root, lambda name: submission.make(replace(checked, name=name), root, facts)), False)


def enter_stages(
    stages: list[RunSettings], prefix: str, stem: str = "", join: bool = False, root: Path | None = None
) -> list[Entry]:
    """Queues the runs of a plan's stages, as `enter` does with one; all of them join, or none.

    Args:
        prefix: what opens the names of `stages`. stem: opens what replaces it; "" = it stays.
    """
    checked = plans.check(stages)
    root = root or paths.checkpoints_root()
    with lifecycle.naming(root):
        if join and (twins := _twin(checked, prefix, queued(root))):
            return [Entry(run, True) for run in twins]
        if not stem:
            return [Entry(run, False) for run in plans.make(checked, root)]
        made = _named(stem, root, lambda name: plans.make([_renamed(s, prefix, name) for s in checked], root))
        return [Entry(run, False) for run in made]


def _named(stem: str, root: Path, make: Callable[[str], Any]) -> Any:
    """What `make` makes of a name that nobody has; whoever does not enter the queue (an import, a command with a name) may
    take one between the look and the making."""
    while True:
        try:
            return make(lifecycle.fresh_name(stem, root))
        except TakenError:
            continue


def _renamed(stage: RunSettings, former: str, prefix: str) -> RunSettings:
    """A stage whose name, and that of the stage it waits for, begin with another prefix."""
    renamed = replace(stage, name=prefix + stage.name.removeprefix(former))
    if stage.after and stage.after.startswith(former):
        parent = prefix + stage.after.removeprefix(former)
        renamed = replace(renamed, after=parent, parent=parent)
    return renamed


def _twin(stages: list[RunSettings], prefix: str, order: list[Run]) -> list[Run] | None:
    """The waiting runs that are equal to `stages` but for the beginning of their names, or None."""
    by_name = {run.name: _attempt(_settings, run) for run in order}
    ending = stages[0].name.removeprefix(prefix)
    for name in by_name:
        if name.endswith(ending):
            wanted = [_renamed(stage, prefix, name.removesuffix(ending)) for stage in stages]
            if all(by_name.get(settings.name) == settings for settings in wanted):
                return [run for settings in wanted for run in order if run.name == settings.name]
    return None


def move(run: Run, by: int) -> list[Run]:
    """Moves a waiting run by so many places, forwards where negative, as far as there are places; the new order.

    Raises:
        RunError: it does not wait (any more).
    """
    with lifecycle.naming(run.folder.parent):  # of two who move at once, the second moves what the first left
        _move(run, by)
    return waiting(run.folder.parent)


def _move(run: Run, by: int) -> None:
    order = waiting(run.folder.parent)
    names = [other.name for other in order]
    if run.name not in names:
        raise RunError("The run {name} is not waiting: only waiting runs can be moved.", name=run.name)
    times = [other.state().queued_at for other in order]
    moved = order.pop(names.index(run.name))
    order.insert(max(0, min(len(order), names.index(run.name) + by)), moved)
    for number, (other, former) in enumerate(zip(order, times, strict=True)):
        with Lock(other.folder / "lock") as lock:
            # Two that asked in the same moment must differ to have an order; one that has just started needs none.
            if lock.acquire(patience_seconds=1) and other.state().state == states.QUEUED:
                other.write_state(queued_at=former + number * 1e-6)


def again(run: Run, **changes: Any) -> RunSettings:
    """The settings of another run with some of them changed; a given length replaces whatever it had.

    Raises:
        SettingsError: what is wrong with them.
    """
    settings = run.settings
    if settings.method == IMPORTED:  # it was not trained here; what goes on from it is
        changes.setdefault("method", PACKED)
    if changes.get("parent") is not None:
        changes.setdefault("initial_weights", FROM_PRESET)
    if any(changes.get(length) is not None for length in LENGTHS):
        changes = {**dict.fromkeys(LENGTHS), **changes}
    return replace(settings, **{"name": UNNAMED, "after": None, "plan": "", **changes})


def from_checkpoint(reference: str, root: Path | None = None, **changes: Any) -> RunSettings:
    """The settings of a run that goes on from a checkpoint RUN[/STEP] with its run's settings and the changes.

    Raises:
        RunError, CheckpointError: no such checkpoint. SettingsError: what is wrong with the settings.
    """
    checkpoint = checkpoints.find(reference, root)
    return again(lifecycle.find(checkpoint.run, root), **{**changes, "parent": checkpoint.reference})


def stem_of(run_name: str) -> str:
    """What opens the names of runs that were made from another."""
    return run_name[:40]


def clone(run: Run, name: str = "", root: Path | None = None, **changes: Any) -> Run:
    """A new run with the settings of another and some of them changed.

    Raises:
        SettingsError: what stands against it. TakenError: the name is taken.
    """
    settings = again(run, **changes, **({"name": name} if name else {}))
    return enter(settings, "" if name else stem_of(run.name), root=root or run.folder.parent).run


def extend(reference: str, name: str = "", root: Path | None = None, **changes: Any) -> Run:
    """A new run that goes on from a checkpoint RUN[/STEP] with its run's settings and the changes; lineage is kept.

    Raises:
        RunError, CheckpointError: no such checkpoint. SettingsError: what stands against the settings.
    """
    root = root or paths.checkpoints_root()
    settings = from_checkpoint(reference, root, **changes, **({"name": name} if name else {}))
    return enter(settings, "" if name else stem_of(checkpoints.find(reference, root).run), root=root).run

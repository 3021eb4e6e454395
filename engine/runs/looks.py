"""Looks at every run as it stands: of those at rest what the last look found, where nothing of their folders has changed."""

import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from engine.core import paths
from engine.core.errors import EngineError
from engine.runs import lifecycle, states
from engine.runs.folder import Run
from engine.runs.states import State

AT_REST = (states.FINISHED, states.PAUSED, states.FAILED, states.STOPPED)
_DECIDING = ("config.json", "state.json", "recorded.json", "lock")  # what a look finds hangs on these and on the folder
_SETTLED_SECONDS = 2.0  # a change so soon after another may leave the same time behind
_Signs = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True)
class Look:
    """A run as one look found it.

    Attributes:
        problem: why nothing can be done with it; None where all is well. state: where it stands.
        recorded: whether it ships with the project.
    """

    run: Run
    problem: EngineError | None
    state: State
    recorded: bool = False


@dataclass(frozen=True)
class _Known:
    signs: _Signs
    look: Look
    place: tuple[int, float]


_known: dict[str, dict[str, _Known]] = {}  # folder of runs → run → what was found of it


def of_all(root: Path | None = None) -> list[Look]:
    """Every run, ordered as `lifecycle.all_runs` orders them.

    A page asks for hundreds of runs each time that it is drawn: those at rest cost a few looks at the times of their files.
    """
    root = root or paths.checkpoints_root()
    before, now = _known.get(str(root), {}), {}
    found = []
    try:
        names = os.listdir(root)
    except OSError:
        return []
    for name in names:
        signs = _signs(os.path.join(root, name))
        known = before.get(name)
        if known is None or known.signs != signs:
            folder = root / name
            if not lifecycle.is_run(folder):
                continue
            known = _Known(signs, *_look(Run(folder)))
        if _may_be_kept(known):
            now[name] = known
        found.append(known)
    _known[str(root)] = now
    return [known.look for known in sorted(found, key=lambda known: known.place)]


def _look(run: Run) -> tuple[Look, tuple[int, float]]:
    return Look(run, run.problem, run.state(), bool(run.recorded)), lifecycle.newest_first(run)


def _may_be_kept(known: _Known) -> bool:
    look = known.look
    # A run that works changes without its files: its trainer dies. What Slurm trains stands in other folders.
    if look.problem is not None or look.state.state not in AT_REST or look.run.scheduled:
        return False
    changed = max(sign[0] for sign in known.signs if sign is not None) / 1e9
    return changed < time.time() - _SETTLED_SECONDS


def _signs(folder: str) -> _Signs:
    """What changes whenever a file comes into the folder or leaves it, or one that decides is written."""
    found = [_sign(folder, True)]
    for path in (os.path.join(folder, name) for name in _DECIDING):
        found.append(sign := _sign(path, False))
        if sign is not None and stat.S_ISLNK(sign[-1]):  # what it leads to may change by itself
            found.append(_sign(path, True))
    return tuple(found)


def _sign(path: str, follow: bool) -> tuple[int, ...] | None:
    try:
        found = os.stat(path, follow_symlinks=follow)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode

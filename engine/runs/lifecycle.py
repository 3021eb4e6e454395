"""Making, listing, finding and removing runs: each a folder, all of it or nothing."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.core import checked, fields, files, paths
from engine.core.errors import EngineError, RunError, StorageError, TakenError
from engine.core.files import make_folder, storage_errors, sweep, write_json
from engine.core.folders import staged_folder
from engine.core.locks import Lock
from engine.runs import identity
from engine.runs.folder import GONE, Run
from engine.runs.history import events
from engine.runs.settings import RESERVED_NAMES, RunSettings
from engine.runs.states import QUEUED, STOPPED, State

_NAMES = "names.lock"
_NAMES_PATIENCE_SECONDS = 60.0
_CLEARINGS = 20  # of what a trainer wrote into a folder that was being deleted


def create(settings: RunSettings, extra: dict[str, Any] | None = None, root: Path | None = None) -> Run:
    """Makes a run's folder, waiting in the queue; of several that ask for one name at the same instant one gets it.

    Args:
        extra: what is recorded beside the settings (versions, hashes).

    Raises:
        TakenError: a run of that name is there. StorageError: the disk refuses.
    """
    root = root or paths.checkpoints_root()
    with new_folder(settings.name, root) as staging:
        write_new(staging, settings, QUEUED, extra)
    return Run(root / settings.name)


@contextlib.contextmanager
def new_folder(name: str, root: Path) -> Iterator[Path]:
    """The folder of a new run, which bears its name when the block ends, all of it or nothing.

    Raises:
        TakenError: a run of that name is there, also where it has just come. StorageError: the disk refuses.
    """
    folder = root / name
    taken = TakenError("There is already a run {name}: choose another name.", name=name)
    if os.path.lexists(folder):
        raise taken
    make_folder(root, parents=True)
    try:
        with staged_folder(folder, exclusive=True) as staging:
            yield staging
            identity.write_place(staging, folder)
    except FileExistsError as error:
        if error.filename != str(folder):
            raise
        raise taken from error


def write_new(folder: Path, settings: RunSettings, state: str, extra: dict[str, Any] | None = None) -> None:
    """Writes what every run's folder holds from its beginning; `extra` is recorded beside the settings."""
    now = time.time()
    own = {"created": now, "id": identity.new_id(), **settings.to_json()}
    write_json(folder / "config.json", {**own, **(extra or {})})
    write_json(folder / "state.json", State(state, now, queued_at=now).__dict__)


@contextlib.contextmanager
def naming(root: Path) -> Iterator[None]:
    """While the block runs, nobody else gives a run of `root` a name by itself, or enters its queue.

    Raises:
        EngineError: somebody has been at it for a minute.
    """
    make_folder(root, parents=True)
    with Lock(root / ".locks" / _NAMES) as lock:
        if not lock.acquire(_NAMES_PATIENCE_SECONDS):
            raise EngineError("The queue is held by another process that does not answer: try again in a moment.")
        yield


def discard(run: Run) -> None:
    """Removes the folder of a run that waits and has never started.

    Raises:
        RunError: it has started.
    """
    with run.taken() as mine:
        if not mine or run.stored_state().state != QUEUED or run.checkpoint_folders():
            raise RunError("The run {name} has started: stop it instead.", name=run.name)
        run.write_state(state=STOPPED)  # nobody starts it from here on: Windows renames no folder of an open file
    take_away(run)


def take_away(run: Run) -> None:
    """Removes a run's folder, its name first, so that it never exists in part; the caller has made sure that nobody starts
    it. Windows renames no folder in which a file is open: the run's lock is not held there.

    Raises:
        StorageError: no rights.
    """
    root = run.folder.parent
    aside = root / checked.plain(run.name)  # its name may be too long to be part of another, or no text
    with storage_errors(root), files.temporary(aside, GONE) as gone:
        files.replace(run.folder, gone)
        shutil.rmtree(gone, ignore_errors=True)
    sweep(root, (GONE,))  # what a kill has left of others


def clear_remains(run: Run) -> None:
    """Removes what a trainer wrote into the folder of its run while that was being deleted, so that the name is free.

    A folder with a configuration is a run, and stays; so does one that has lost it and still has its place and a whole
    checkpoint: that one is damaged, and a copy of the configuration brings it back.
    """
    for _attempt in range(_CLEARINGS):
        if run.exists() or not run.folder.is_dir() or _holds_a_checkpoint(run):
            return
        with contextlib.suppress(StorageError, OSError):
            take_away(run)
            continue
        shutil.rmtree(run.folder, ignore_errors=True)  # Windows: what is open stays until its process ends
        time.sleep(0.1)


def _holds_a_checkpoint(run: Run) -> bool:
    """Whether the folder was not deleted but damaged: what a trainer that is at work leaves behind has no place."""
    manifests = [folder / "manifest.json" for folder in run.checkpoint_folders()]
    return (run.folder / identity.PLACE).is_file() and any(manifest.is_file() for manifest in manifests)


def _lies(path: Path) -> bool:
    """Whether something bears the name, a link to nothing too."""
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def is_run(folder: Path) -> bool:
    """Whether a folder of the folder of all runs is a run's, however damaged."""
    if folder.name.startswith(".") or folder.name in ("", *RESERVED_NAMES):
        return False
    if any(_lies(folder / name) for name in ("config.json", "state.json", events.FILE)):
        return True
    return folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK)


def all_runs(root: Path | None = None) -> list[Run]:
    """Every run's folder, the newest first; recorded ones, which come with the project, behind one's own, and of them those
    without weights last.

    Those that are broken are among them (`Run.problem`).
    """
    try:
        runs = [Run(folder) for folder in (root or paths.checkpoints_root()).iterdir() if is_run(folder)]
    except OSError:
        return []
    return sorted(runs, key=newest_first)


def newest_first(run: Run) -> tuple[int, float]:
    """What the order of `all_runs` goes by."""
    return (0 if run.recorded is None else 2 if run.ships_without_weights else 1), -created(run)


def created(run: Run) -> float:
    """When a run was made, in seconds of Unix time; 0 where nothing says it."""
    try:
        made: Any = run.config.get("created")
        if fields.timestamp(made):
            return float(made)
    except RunError:
        pass
    for path in (run.folder / "config.json", run.folder):
        try:
            return path.stat().st_mtime
        except OSError:
            continue
    return 0.0


def find(name: str, root: Path | None = None) -> Run:
    """The run of that name.

    Raises:
        RunError: there is none.
    """
    root = root or paths.checkpoints_root()
    try:
        if not re.search(r"[/\\\0]|^\.", name) and is_run(root / name):
            return Run(root / name)
    except (OSError, ValueError):  # too long, or with characters that no name of a folder has
        pass
    for run in all_runs(root) if "\\" in name else []:  # one whose name is no text, as it is shown
        if run.name == name:
            return run
    raise RunError("There is no run {name} in {folder}.", name=paths.shortened(checked.printable(name)), folder=root)


def fresh_name(stem: str, root: Path | None = None) -> str:
    """A name that no run has yet, nor begins with: the stem, then the local date and time, then a number.

    Another may take it the next moment: `naming` keeps others out, and whoever makes the run asks again where it was taken.
    """
    base = f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    root = root or paths.checkpoints_root()
    taken = [name for name in os.listdir(root) if name.startswith(base)] if root.is_dir() else []
    name, number = base, 2
    while any(other.startswith(name) for other in taken):
        name, number = f"{base}-{number}", number + 1
    return name

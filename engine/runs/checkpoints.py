"""Checkpoints: stage → commit → verify; which there are. No TensorFlow here.

step-XXXXXXXX/
  the weights        model.ckpt.index and .data-…, model.weights.h5, or model.keras (engine.models.formats)
  training.npz       random states, adapters, and the optimizer where the format leaves it out: for an exact resume
  manifest.json      SHA-256 of each file and of the rest of itself, step, tokens, metrics, parent, versions; written last
"""

import contextlib
import functools
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.core import paths
from engine.core.errors import CheckpointError, EngineError, SupersededError
from engine.core.files import replace as rename
from engine.core.files import sha256, storage_errors, temporary
from engine.core.folders import commit_folder, staged_folder
from engine.runs import lifecycle, manifests, states
from engine.runs.folder import Run
from engine.runs.settings import CKPT as CKPT
from engine.runs.settings import H5 as H5
from engine.runs.settings import KERAS as KERAS

WEIGHTS, TRAINING = "model.weights.h5", "training.npz"
_MOST_HASHES = 256
_PUBLISHING_ATTEMPTS = 5
# The files of each format; the first is the one whose hash names the model.
WEIGHTS_FILES = {
    CKPT: ("model.ckpt.data-00000-of-00001", "model.ckpt.index"),
    H5: (WEIGHTS,),
    KERAS: ("model.keras",),
}


@dataclass(frozen=True)
class Checkpoint:
    """A committed checkpoint of a run: its folder and its manifest, the manifest's own hash apart."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def run(self) -> str:
        """The name of the run that wrote it."""
        return self.folder.parent.name

    @property
    def step(self) -> int:
        """The training step after which it was written."""
        step: int = self.manifest["step"]
        return step

    @property
    def reference(self) -> str:
        """RUN/STEP, as the command line and the pages name it."""
        return f"{self.run}/{self.step}"

    @property
    def format(self) -> str:
        """In which of CHECKPOINT_FORMATS its weights are."""
        form: str = self.manifest["format"]
        return form

    @property
    def weights_files(self) -> tuple[str, ...]:
        """The names of the files that hold its weights."""
        return WEIGHTS_FILES[self.format]

    @property
    def hash(self) -> str:
        """SHA-256 of the weights' (first) file, as the manifest has it."""
        sha256: str = self.manifest["files"][self.weights_files[0]]["sha256"]
        return sha256

    @property
    def bytes(self) -> int:
        """The size of its files."""
        return sum(entry["bytes"] for entry in self.manifest["files"].values())


@contextlib.contextmanager
def commit(run: Run, step: int, facts: dict[str, Any]) -> Iterator[Path]:
    """A staging folder for the files of a checkpoint, which exists for readers when the block ends.

    Args:
        facts: what the manifest says beside step, files and time (tokens, metrics, parent, versions).

    Raises:
        StorageError: no rights or no space; what was committed before stays. SupersededError: the run is another's by now.
    """
    own = run.attempt.folder if run.attempt is not None else None
    publish = functools.partial(_publish, run) if run.attempt is not None else None
    with staged_folder(run.folder / f"step-{step:08d}", inside=own, publish=publish) as staging:
        yield staging
        files = {
            path.name: {"sha256": sha256(path), "bytes": path.stat().st_size} for path in sorted(staging.iterdir())
        }
        manifest = {"schema_version": manifests.SCHEMA_VERSION, "format": H5, "step": step, "time": time.time()}
        manifests.write(staging, {**manifest, **facts, "files": files})


def _publish(run: Run, staging: Path, target: Path) -> None:
    """Gives a checkpoint its name, where the run is still this attempt's. What stands there is damaged, or was written by a
    trainer that has been superseded since: it makes room, and the rename replaces nothing by itself."""
    for _attempt in range(_PUBLISHING_ATTEMPTS):
        run.require_mine()
        if target.exists():
            with temporary(staging.parent / target.name) as gone:
                rename(target, gone)
                try:
                    run.require_mine()  # whoever was superseded since it looked puts back what is not its own
                except SupersededError:
                    rename(gone, target)
                    raise
                shutil.rmtree(gone, ignore_errors=True)
        with contextlib.suppress(FileExistsError):
            commit_folder(staging, target, exclusive=True, before_rename=run.require_mine)
            return
    raise CheckpointError("Another process writes the checkpoint {name} at the same time.", name=target.name)


def of_run(run: Run) -> list[Checkpoint]:
    """The committed checkpoints of a run, oldest first, by their manifests (`verify` reads the files)."""
    return [found for folder in run.checkpoint_folders() if (found := _open(folder)) is not None]


def _open(folder: Path) -> Checkpoint | None:
    manifest = manifests.usable.of(folder / manifests.MANIFEST)
    if manifest is None or str(manifest["step"]) != _step_of(folder):
        return None
    if set(WEIGHTS_FILES.get(manifest["format"], ("",))) <= set(manifest["files"]):
        return Checkpoint(folder, manifest)
    return None


def verify(
    checkpoint: Checkpoint, files: tuple[str, ...] | None = None, fresh: bool = False, unread: bool = True
) -> None:
    """Compares the files (all, or those named) with the manifest.

    Args:
        fresh: reads every byte. Without, a file that was read before and has the same time and size since is taken for
            the same, which serves for lists; a bit that flipped on the disk changes neither.
        unread: False passes over the content of files that were not read before.

    Raises:
        CheckpointError: one is missing, or is not what was written.
    """
    for name, entry in checkpoint.manifest["files"].items():
        if files is not None and name not in files:
            continue
        path = checkpoint.folder / name
        if not path.is_file():
            raise CheckpointError("The checkpoint {name} lacks its {file}.", name=checkpoint.reference, file=name)
        status = path.stat()
        if status.st_size != entry["bytes"]:
            raise _damaged(checkpoint.reference, name)
        key = (path, status.st_mtime_ns, status.st_size)
        if (unread or key in _hashes) and _hash(key, fresh) != entry["sha256"]:
            raise _damaged(checkpoint.reference, name)


def _damaged(reference: str, file: str) -> CheckpointError:
    return CheckpointError(
        "The checkpoint {name} is damaged: its {file} is not what was written. The one before it serves.",
        name=reference,
        file=file,
    )


_hashes: dict[tuple[Path, int, int], str] = {}  # of files as they were read last


def _hash(key: tuple[Path, int, int], fresh: bool) -> str:
    known = None if fresh else _hashes.get(key)
    if known is None:
        known = sha256(key[0])
        if len(_hashes) >= _MOST_HASHES:
            _hashes.pop(next(iter(_hashes)), None)  # the oldest
        _hashes[key] = known
    return known


def newest_verified(run: Run, fresh: bool = False) -> Checkpoint | None:
    """The newest checkpoint whose files are what was written, or None; `fresh` as for `verify`."""
    return newest_and_damaged(run, fresh)[0]


def newest_and_damaged(run: Run, fresh: bool = False) -> tuple[Checkpoint | None, list[CheckpointError]]:
    """The newest whole checkpoint of a run, or None, and what is wrong with each newer one, the newest first."""
    damaged: list[CheckpointError] = []
    for folder in reversed(run.checkpoint_folders()):
        try:
            return _verified(folder, fresh=fresh), damaged
        except CheckpointError as error:
            damaged.append(error)
    return None, damaged


def _verified(folder: Path, fresh: bool = False, unread: bool = True) -> Checkpoint:
    """The checkpoint in a folder, once `verify` has found nothing; raises as it does, for an unreadable manifest too."""
    checkpoint = _open(folder)
    if checkpoint is None:
        raise _damaged(f"{folder.parent.name}/{_step_of(folder)}", manifests.MANIFEST)
    verify(checkpoint, fresh=fresh, unread=unread)
    return checkpoint


def seen(run: Run) -> tuple[list[Checkpoint], list[CheckpointError]]:
    """Looks at a run's checkpoints once: those that `of_run` gives, and what is wrong with those whose damage shows without
    reading their weights: an unreadable manifest, a file that is missing or of another size, or one that was read before and
    found altered."""
    found, damaged = [], []
    for folder in run.checkpoint_folders():
        if (checkpoint := _open(folder)) is None:
            damaged.append(_damaged(f"{folder.parent.name}/{_step_of(folder)}", manifests.MANIFEST))
            continue
        found.append(checkpoint)
        try:
            verify(checkpoint, unread=False)
        except CheckpointError as error:
            damaged.append(error)
    return found, damaged


def seen_damaged(run: Run) -> list[CheckpointError]:
    """What is wrong with a run's checkpoints, as far as `seen` sees it."""
    return seen(run)[1]


def _step_of(folder: Path) -> str:
    return folder.name.removeprefix("step-").lstrip("0") or "0"


def find(reference: str, root: Path | None = None) -> Checkpoint:
    """The checkpoint RUN/STEP, or of RUN its result: the newest whole one as long as none is known.

    Raises:
        RunError: no such run. CheckpointError: no such checkpoint, or none that is whole.
    """
    name, _, step = reference.strip("/").partition("/")
    run = lifecycle.find(name, root)
    if not step:
        if (result := result_of(run)) is not None:
            return result
        checkpoint, damaged = newest_and_damaged(run)
        if checkpoint is None and damaged:
            raise CheckpointError(
                "Every checkpoint of the run {name} is damaged: {checkpoints}. Put a copy of its folder back, or train anew.",
                name=name,
                checkpoints=", ".join(str(error.values["name"]) for error in damaged),
            )
        if checkpoint is None:
            raise none_of(run)
        return checkpoint
    for checkpoint in of_run(run):
        if step in (str(checkpoint.step), checkpoint.folder.name):
            return checkpoint
    for folder in run.checkpoint_folders():
        if step in (folder.name, _step_of(folder)):
            raise _damaged(f"{name}/{step}", manifests.MANIFEST)
    raise CheckpointError("The run {name} has no checkpoint {step}.", name=name, step=paths.shortened(step))


def none_of(run: Run) -> CheckpointError:
    """Why a run has no checkpoint: the weights of a recorded one do not ship, and any other has none yet."""
    if run.ships_without_weights:
        return CheckpointError(
            "{name} ships as its curves and texts alone: for what needs its weights, train the same on the Lab page.",
            name=run.name,
        )
    return CheckpointError("The run {name} has no checkpoint yet.", name=run.name)


def result_of(run: Run, unread: bool = True) -> Checkpoint | None:
    """The checkpoint that is a run's result: the one it ended with, and until then, or where that is gone or damaged, the best
    so far of a run whose result is the best; None where there is no such.

    Args:
        unread: as for `verify`; a page that only names it reads no weights for that.
    """
    step = run.state().result
    with contextlib.suppress(CheckpointError):
        if step:
            return _verified(run.folder / f"step-{step:08d}", unread=unread)
    with contextlib.suppress(EngineError):
        return best_whole(run, unread) if run.settings.takes_best else None
    return None


def interval_loss(checkpoint: Checkpoint) -> float | None:
    """The loss on the part of validation that is measured at each interval; None where nothing was measured.

    The metrics of a run's result are those of whole splits, which compare with no other checkpoint's.
    """
    metrics = checkpoint.manifest.get("interval_metrics") or checkpoint.manifest.get("metrics", {})
    loss: float | None = metrics.get("validation", {}).get("loss")
    return loss


def best(found: Iterable[Checkpoint]) -> Checkpoint | None:
    """The checkpoint with the lowest loss on validation; of equal ones the newest."""
    return next(iter(_best_first(found)), None)


def best_whole(run: Run, unread: bool = True) -> Checkpoint | None:
    """The best of a run's checkpoints that is whole; no more of them are read than that takes."""
    return next((c for c in _best_first(of_run(run)) if _is_whole(c, unread)), None)


def _best_first(found: Iterable[Checkpoint]) -> list[Checkpoint]:
    scored = [(loss, -c.step, c) for c in found if (loss := interval_loss(c)) is not None]
    return [c for _loss, _step, c in sorted(scored, key=lambda item: item[:2])]


def preset_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """Reference and hash of the preset that a checkpoint was trained from, as its manifest has them.

    Raises:
        CheckpointError: the manifest does not say it.
    """
    if "preset" not in checkpoint.manifest:
        raise CheckpointError(
            "The manifest of {name} does not say which preset it was trained from.", name=checkpoint.reference
        )
    preset: dict[str, Any] = checkpoint.manifest["preset"]
    return preset


def needed_by(checkpoint: Checkpoint) -> list[Run]:
    """The runs that cannot go on without a checkpoint: they started from it, are not finished, and have no whole one of
    their own, or train LoRA adapters, whose checkpoints do not hold the weights that they were put on."""
    found = []
    for run in lifecycle.all_runs(checkpoint.folder.parent.parent):
        try:
            settings = run.settings
        except EngineError:
            continue
        if settings.parent != checkpoint.reference or run.state().state == states.FINISHED:
            continue
        if settings.lora_rank or newest_verified(run) is None:
            found.append(run)
    return found


def delete(checkpoint: Checkpoint) -> None:
    """Removes a checkpoint, its name first, so that it never exists in part.

    Raises:
        CheckpointError: it is the last whole one of its run, or another run needs it. StorageError: no rights.
    """
    run = Run(checkpoint.folder.parent)
    if needing := needed_by(checkpoint):
        raise CheckpointError(
            "{name} is kept: {runs} started from it and cannot go on without it. Let them finish first.",
            name=checkpoint.reference,
            runs=", ".join(sorted(other.name for other in needing)),
        )
    if not any(_is_whole(other) for other in of_run(run) if other.step != checkpoint.step):
        raise CheckpointError("{name} is the last whole checkpoint of its run and is kept.", name=checkpoint.reference)
    # What a kill leaves of it is swept away like a save that was cut off.
    with storage_errors(run.folder), temporary(checkpoint.folder) as gone:
        rename(checkpoint.folder, gone)
        shutil.rmtree(gone, ignore_errors=True)


def _is_whole(checkpoint: Checkpoint, unread: bool = True) -> bool:
    try:
        verify(checkpoint, unread=unread)
    except CheckpointError:
        return False
    return True


def with_manifest(checkpoint: Checkpoint, **facts: Any) -> Checkpoint:
    """The checkpoint with facts added to its manifest, on disk too (figures measured after it was written)."""
    manifest = {**checkpoint.manifest, **facts}
    manifests.write(checkpoint.folder, manifest)
    return replace(checkpoint, manifest=manifest)

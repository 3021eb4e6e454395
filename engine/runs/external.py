"""A run that was not trained here: finished from its beginning, with one checkpoint, as an import or a conversion leaves it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import __version__
from engine.core.errors import TakenError
from engine.runs import checkpoints, lifecycle, states
from engine.runs.checkpoints import Checkpoint
from engine.runs.folder import Run
from engine.runs.settings import RunSettings


def require_free(name: str, root: Path) -> None:
    """Makes sure that no run has that name.

    Raises:
        TakenError: one has.
    """
    if (root / name).exists():
        raise TakenError("There is already a run {name}: choose another name.", name=name)


def keep(
    settings: RunSettings,
    root: Path,
    origin: tuple[str, dict[str, Any]],
    facts: dict[str, Any],
    write: Callable[[Path], object],
    lineage: list[dict[str, Any]] | None = None,
) -> Checkpoint:
    """Makes the run with its one checkpoint, all of it or nothing.

    Args:
        origin: what it is ("imported", "converted") and from what; configuration, manifest and events say it.
        facts: what else the manifest says; `step` is 0 where they do not say it.
        write: puts the weights into the checkpoint's folder.
        lineage: the checkpoints that led to it.

    Raises:
        TakenError: the name is taken. StorageError: no rights or no space.
    """
    require_free(settings.name, root)
    step = facts.get("step", 0)
    named_origin = dict([origin])
    with lifecycle.new_folder(settings.name, root) as staging:
        lifecycle.write_new(staging, settings, states.FINISHED, {**named_origin, "lineage": lineage or []})
        run = Run(staging)
        run.write_state(step=step, steps=step)
        versions = {"versions": {"atelier": __version__}}
        with checkpoints.commit(run, step, {**versions, **facts, **named_origin}) as folder:
            write(folder)
        run.append_event(origin[0], **origin[1])
    return checkpoints.find(f"{settings.name}/{step}", root)

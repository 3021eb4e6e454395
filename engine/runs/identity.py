"""A run's id and place: what tells a run from a copy of its folder (docs/decisions/0001-run-folder.md).

config.json  `id`, which no other run has, and `name`, as its folder was called when it became a run of its own
place.json   where the folder stood when a trainer last worked in it: path, machine, and the folder's inode
"""

import os
import platform
import uuid
from pathlib import Path
from typing import Any

from engine.core import checked, lab_settings
from engine.core.files import read_json, write_json

PLACE = "place.json"


def new_id() -> str:
    """An id that no other run has."""
    return uuid.uuid4().hex


def write_place(folder: Path, target: Path | None = None) -> None:
    """Notes that the run in `folder` belongs where it stands; the caller holds the run's lock, or nobody sees it yet.

    Args:
        target: the path that the folder will have, where it is still being staged: a rename keeps the inode.
    """
    place = _describe(folder, target or folder)
    if read_json(folder / PLACE) != place:
        write_json(folder / PLACE, place)


def _describe(folder: Path, target: Path) -> dict[str, Any]:
    return {"path": str(target.resolve()), "machine": platform.node(), "inode": folder.stat().st_ino}


def is_copy(folder: Path) -> bool:
    """Whether the run in `folder` belongs somewhere else: the folder was copied, not moved.

    It is at its place at the same path of the same machine, or of a cluster whose nodes share the folder. Elsewhere (renamed, moved with its parents, mounted under
    another path, in another container) it is the run itself where the inode is the same and no other folder with its id
    stands at the path it had. A copy has another inode. A run from before there were places, or whose place was damaged, is
    told by its name.
    """
    config = read_json(folder / "config.json")
    place = checked.read_if_whole(folder / PLACE, checked.PLACE)
    if not config:
        return False  # damaged, which is said elsewhere
    if not place:
        return config.get("name") != folder.name
    try:
        here = _describe(folder, folder)
    except OSError:
        return False  # it is just being deleted
    former = Path(place["path"])
    anywhere = config.get("launcher") == lab_settings.SLURM  # its folder has one path on every machine that may see it
    if os.path.normcase(former) == os.path.normcase(here["path"]) and (anywhere or place["machine"] == here["machine"]):
        return False
    if not here["inode"] or place["inode"] != here["inode"]:
        return True
    return read_json(former / "config.json").get("id") == config.get("id") and not _is_same(former, folder)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False

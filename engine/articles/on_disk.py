"""The files of a source on the disk: which they are, and what tells that somebody changed them."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.articles import member as members_of
from engine.core.errors import ArticlesError, sentence

_MOST_FILES = members_of.MOST_MEMBERS


_LEADS_OUT = sentence("{path} is a link that leads out of the folder; it was not read.")


def fingerprint(path: Path | str) -> list[list[Any]]:
    """Name, size and time of change of each file of a source, whose content is not looked at.

    Raises:
        ArticlesError: nothing there.
    """
    return [[name, status.st_size, status.st_mtime_ns] for name, status in _statuses(path)]


def state(path: Path | str) -> dict[str, list[int]]:
    """What of each file of a source changes when somebody writes it, also where its size stays and its time is put back.

    The last is the time of the change of content or entry on POSIX, and that of the file's making on Windows.

    Raises:
        ArticlesError: nothing there.
    """
    return {name: [s.st_size, s.st_mtime_ns, s.st_ctime_ns] for name, s in _statuses(path)}


def _statuses(path: Path | str) -> Iterator[tuple[str, os.stat_result]]:
    for name, file in files_of(Path(path))[0]:
        try:
            yield name, file.stat()
        except OSError as error:  # gone between the two looks
            raise ArticlesError("There are no articles at {path}: check the path.", path=file) from error


def total_bytes(path: Path | str) -> int:
    """The bytes of a source's files as they lie on the disk."""
    return sum(size for _, size, _ in fingerprint(path))


def files_of(path: Path) -> tuple[list[tuple[str, Path]], list[ArticlesError]]:
    """The files of a source by their relative names, in order, and links that lead out of it, which are not followed.

    Those in hidden folders are passed over, and links to folders: what these hold inside the source is read at its place.
    """
    if path.is_file():
        _check_readable(path)
        return [(members_of.shown(path.name), path)], []
    if not path.is_dir():
        raise ArticlesError("There are no articles at {path}: check the path.", path=path)
    found, refused, around = [], [], _around(path)
    for folder, folders, names in os.walk(path):
        links = {name for name in folders if _is_link(Path(folder) / name)}
        for name in sorted({*names, *links}):
            file = Path(folder) / name
            if name.startswith("."):
                continue
            relative = members_of.shown(file.relative_to(path).as_posix())
            if _is_link(file) and not any(_target(file).is_relative_to(place) for place in around):
                refused.append(ArticlesError(_LEADS_OUT, path=relative))
            elif name not in links and file.is_file():
                found.append((relative, file))
            if len(found) + len(refused) > _MOST_FILES:
                raise ArticlesError("{path} holds more than {most} files.", path=path, most=_MOST_FILES)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")) and name not in links)
    if not found:
        raise (
            refused[0]
            if refused
            else ArticlesError("{path} is an empty folder: there are no articles in it.", path=path)
        )
    return found, refused


def _is_link(path: Path) -> bool:
    """Whether a path is a symbolic link, or a junction of Windows."""
    try:
        status = path.lstat()
    except OSError:
        return False
    junction = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None)
    return stat.S_ISLNK(status.st_mode) or (
        junction is not None and getattr(status, "st_reparse_tag", None) == junction
    )


def _target(link: Path) -> Path:
    """Where a link leads; itself where it leads round in a circle."""
    try:
        return link.resolve()
    except (OSError, RuntimeError):
        return link


def _around(folder: Path) -> list[Path]:
    """The folders to which the links in a source may lead: itself and, of a copy that the Hugging Face hub's client keeps
    (snapshots/COMMIT) or a configuration in it, the folder of its contents beside it."""
    folder = folder.resolve()
    for copy in (folder, folder.parent):
        contents = copy.parent.parent / "blobs"
        if copy.parent.name == "snapshots" and contents.is_dir() and not _is_link(contents):
            return [folder, contents]
    return [folder]


def _check_readable(path: Path) -> None:
    if not os.access(path, os.R_OK):
        raise ArticlesError("{path} cannot be read: check its rights.", path=path)
    if path.stat().st_size == 0:
        raise ArticlesError("{path} is empty.", path=path)

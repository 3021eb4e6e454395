"""Folders that appear whole or not at all, and those that go when they are old."""

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.core.files import REPLACE_ATTEMPTS, make_folder, replace, storage_errors, sync, temporary


def clear_old(folder: Path, seconds: float) -> None:
    """Makes a folder for what is needed for a while, and removes what has stood in it for longer.

    Raises:
        GoneError: the folder around it is gone.
    """
    make_folder(folder)
    for old in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
            if time.time() - old.stat().st_mtime > seconds:
                shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)


@contextlib.contextmanager
def staged_folder(
    target: Path,
    exclusive: bool = False,
    inside: Path | None = None,
    publish: Callable[[Path, Path], None] | None = None,
) -> Iterator[Path]:
    """A temporary sibling of `target` that becomes `target` when the block ends without an error.

    Every file is flushed before the rename, so what exists under the final name is whole. The folder around it is not
    made: where it has been deleted, it stays so.

    Args:
        exclusive: as for `commit_folder`.
        inside: a folder of the same disk in which it stands meanwhile. publish: renames it, in place of `commit_folder`.

    Raises:
        FileExistsError: with `exclusive`, something bears the name. GoneError: the folder around it is gone.
        StorageError: no rights or no space; the former `target` stays.
    """
    with storage_errors(target.parent), temporary(inside / target.name if inside else target) as staging:
        staging.mkdir()
        try:
            yield staging
            if publish is None:
                commit_folder(staging, target, exclusive)
            else:
                publish(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def commit_folder(
    staging: Path, target: Path, exclusive: bool = False, before_rename: Callable[[], None] | None = None
) -> None:
    """Flushes every file of `staging` and renames it to `target`.

    Args:
        before_rename: called once all is flushed, which may take long; what it raises prevents the rename.

    A folder that already stands under that name gives way only in the last moment; with `exclusive` it stays, and of
    several that commit at the same instant one succeeds.

    Raises:
        FileExistsError: with `exclusive`, something bears the name.
    """
    for path in sorted(staging.rglob("*")):
        sync(path)
    sync(staging)
    if before_rename is not None:
        before_rename()
    if exclusive:
        _rename_exclusively(staging, target)
    elif target.exists():
        with temporary(target, "former") as former:
            replace(target, former)
            replace(staging, target)
            shutil.rmtree(former, ignore_errors=True)
    else:
        replace(staging, target)
    sync(target.parent)


def _rename_exclusively(staging: Path, target: Path) -> None:
    """Renames a folder to a name that nobody has. The system refuses a folder that holds anything, and Windows any name
    that is taken; an empty folder on POSIX, which would give way, is looked for before."""
    for attempt in range(REPLACE_ATTEMPTS):
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        try:
            os.rename(staging, target)
            return
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
            # On Windows a scanner may hold a new file open for a moment.
            if os.name != "nt" or not isinstance(error, PermissionError) or attempt == REPLACE_ATTEMPTS - 1:
                raise
            time.sleep(0.1)

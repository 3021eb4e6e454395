"""Locks that the operating system frees when their holder dies, however it dies.

A lock is a file that is opened and never truncated, renamed or deleted: an unlinked file that is still locked would
let a second holder in. Local disks only (docs/decisions/0004-processes.md).
"""

import os
import time
from pathlib import Path

import filelock

from engine.core.errors import GoneError, StorageError
from engine.core.files import make_folder, storage_errors

_FOLDER = ".locks"
_PROBES = 3  # a dead holder's lock may take a moment to be free


class Lock:
    """An exclusive lock on one file, held from a successful `acquire` until `release` or the end of the process.

    A folder `.locks` is made, one level deep, and no other: a folder that was deleted does not come back.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, patience_seconds: float = 0.0) -> bool:
        """Takes the lock, trying for `patience_seconds`; False where somebody else keeps it.

        Raises:
            GoneError: the folder is gone. StorageError: no rights or no space.
        """
        end = time.monotonic() + patience_seconds
        while not self._try():
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        return True

    def _try(self) -> bool:
        if self._path.parent.name == _FOLDER:
            make_folder(self._path.parent)
        with storage_errors(self._path.parent):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        if filelock.lock_descriptor(descriptor, blocking=False):
            self._descriptor = descriptor
            return True
        os.close(descriptor)
        return False

    def stands(self) -> bool:
        """Whether the file that is held is still the one at its path: it, or its folder, may have been deleted."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))
        except OSError:
            return False

    def renew(self) -> bool:
        """Holds the file at the path again where the one that is held was deleted; False where somebody else has it by now.

        Raises:
            GoneError: the folder is gone. StorageError: no rights or no space.
        """
        former = self._descriptor
        if self.stands():
            return True
        if not self._try():
            return False
        if former is not None:
            os.close(former)
        return True

    def release(self) -> None:
        """Gives the lock back; nothing happens where it is not held."""
        if self._descriptor is not None:
            filelock.unlock_descriptor(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "Lock":
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def held(path: Path) -> bool:
    """Whether somebody holds the lock at `path`. For showing only: a probe never authorises a start."""
    for attempt in range(_PROBES):
        if attempt:
            time.sleep(0.02)
        if path.is_dir():  # nobody can hold a folder
            return False
        try:
            with storage_errors(path.parent):
                descriptor = os.open(path, os.O_RDWR)  # a look makes no file, nor a folder that has just been deleted
        except (FileNotFoundError, GoneError):
            return False
        except (StorageError, ValueError) as error:
            if isinstance(error, ValueError) or isinstance(error.__cause__, NotADirectoryError):
                return False  # there can be no such file
            raise
        try:
            if filelock.lock_descriptor(descriptor, blocking=False):
                filelock.unlock_descriptor(descriptor)
                return False
        finally:
            os.close(descriptor)
    return True

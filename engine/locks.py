"""Locks that the operating system frees when their holder dies, however it dies.

A lock is a file that is opened and never truncated, renamed or deleted: an unlinked file that is still locked would
let a second holder in. Local disks only (docs/decisions/0004-processes.md).
"""

import os
import time
from pathlib import Path

import filelock

from engine.errors import StorageError
from engine.files import make_folder, storage_errors

_PROBES = 3  # a dead holder's lock may take a moment to be free


class Lock:
    """An exclusive lock on one file, held from a successful `acquire` until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, patience_seconds: float = 0.0) -> bool:
        """Takes the lock, trying for `patience_seconds`; False where somebody else keeps it."""
        end = time.monotonic() + patience_seconds
        while not self._try():
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        return True

    def _try(self) -> bool:
        make_folder(self._path.parent)
        with storage_errors(self._path.parent):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        if filelock.lock_descriptor(descriptor, blocking=False):
            self._descriptor = descriptor
            return True
        os.close(descriptor)
        return False

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
        except FileNotFoundError:
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

"""Starting a process that outlives whoever starts it, with its output in a log.

The seam for other launchers: nothing else knows where a process runs.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.core import paths
from engine.core.files import storage_errors
from engine.core.locks import Lock, held

_START_SECONDS = 20.0  # from the start of a process until it holds its lock, at most
_LOOK_SECONDS = 0.1

# Processes started from here, kept until they end: a dropped handle would leave a zombie behind.
_children: list[subprocess.Popen[bytes]] = []


def detached(module: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
    """Starts `python -m module arguments` away from this process's terminal and session.

    Measured on Linux: it survives Ctrl-C, `kill -9` of the server and a closed terminal (docs/decisions/0004).
    Windows: a window-less process in a group of its own.

    Raises:
        GoneError: the folder of the log is gone; it is not made again. StorageError: no rights or no space for the log.
    """
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        options["start_new_session"] = True
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(paths.PROJECT), os.environ.get("PYTHONPATH", "")])}
    with storage_errors(log.parent):
        output = open(log, "ab")  # noqa: SIM115
    with output:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=paths.PROJECT,
            env=environment,
            **options,
        )
    _children[:] = [former for former in _children if former.poll() is None] + [child]
    return child


def ensure_one(
    module: str,
    root: Path,
    lock: Path,
    log: Path,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Starts `python -m module root`, which holds `lock` as long as it lives, unless it is there or being started.

    Of thirty threads and several servers that ask at the same instant one starts it; all return when the process holds its
    lock. Where it dies before, the next of them starts another.

    Args:
        before: called once it is certain that a process is to be started; what it raises prevents it.

    Raises:
        GoneError: the folder of all runs is gone. StorageError: no rights or no space.
    """
    if held(lock):
        return
    with Lock(lock.with_suffix(".starting")) as starting:
        patience = time.monotonic() + _START_SECONDS
        while not starting.acquire(_LOOK_SECONDS):
            if held(lock) or time.monotonic() > patience:
                return
        if held(lock):
            return
        before()
        child = detached(module, str(root.resolve()), log=log)
        end = time.monotonic() + _START_SECONDS
        while child.poll() is None and not held(lock) and time.monotonic() < end:
            time.sleep(0.05)

"""Starting a process that outlives whoever starts it, with its output in a log.

The seam for other launchers: nothing else knows where a process runs.
"""

import os
import subprocess
import sys
from pathlib import Path

from engine import paths
from engine.files import make_folder, storage_errors

# Processes started from here, kept until they end: a dropped handle would leave a zombie behind.
_children: list[subprocess.Popen] = []


def detached(module: str, *arguments: str, log: Path) -> subprocess.Popen:
    """Starts `python -m module arguments` away from this process's terminal and session.

    Measured on Linux: it survives Ctrl-C, `kill -9` of the server and a closed terminal (docs/decisions/0004).
    Windows: a window-less process in a group of its own.

    Raises:
        StorageError: no rights or no space for the log.
    """
    options: dict = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        options["start_new_session"] = True
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(paths.PROJECT), os.environ.get("PYTHONPATH", "")])}
    make_folder(log.parent)
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

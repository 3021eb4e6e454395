"""`python -m engine.services.probe FOLDER`: looks, inside a job of `cluster check`, at what a trainer needs on its node."""

import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from engine import __version__
from engine.core import machine
from engine.core.files import write_json

ASKED, ANSWER, CLAIMED, MADE = "asked", "answer.json", "claimed", "made-by-the-job"


def look(folder: Path) -> dict[str, Any]:
    """What is found: where and with what it runs, and whether the shared folder is the one of the lab."""
    found: dict[str, Any] = {
        "node": os.environ.get("SLURMD_NODENAME") or platform.node(),
        "version": __version__,
        "python": platform.python_version(),
        "cores": machine.look(folder).cores,
        "memory_bytes": machine.look(folder).memory_bytes,
        "driver_gpus": list(machine.gpus()),
        "nonce": (folder / ASKED).read_text(encoding="utf-8"),
    }
    try:
        (folder / CLAIMED).mkdir()  # which the lab has made: of two who make a folder one must fail
        found["exclusive"] = False
    except FileExistsError:
        found["exclusive"] = True
    (folder / MADE).mkdir()
    try:
        from engine.models import backend

        found["framework"] = backend.versions()
        found["device"] = backend.device()
        found["on_gpu"] = backend.device() != machine.processor()
    except Exception as error:  # whatever it is that is missing, the lab says it
        found["framework_problem"] = f"{type(error).__name__}: {error}"[:300]
    found["time"] = time.time()  # last: loading the framework takes a while
    return found


def main() -> int:
    """Writes what was found into the folder."""
    folder = Path(sys.argv[1])
    write_json(folder / ANSWER, look(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())

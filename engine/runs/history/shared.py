"""The histories of runs, shared by all threads of a process: each file is read once, and those looked at last are kept."""

import threading
from collections import OrderedDict
from pathlib import Path

from engine.runs.history import events
from engine.runs.history.follower import Follower, History

_MOST_BYTES = 100_000_000  # of all runs together, about; the longest unused go first
_MOST_FILES = 1_000
_followers: OrderedDict[Path, Follower] = OrderedDict()
_lock = threading.Lock()


def of_file(path: Path) -> History:
    """What a file of events says, read on from where anybody in this process has read it; nothing where there is none."""
    with _lock:
        follower = _followers.setdefault(path, Follower(path))
        _followers.move_to_end(path)
        size = 0
        for number, (other, one) in enumerate(reversed(list(_followers.items()))):
            size += one.size_bytes
            if number and (size > _MOST_BYTES or number >= _MOST_FILES):
                del _followers[other]
    return follower.history()


def of(folder: Path) -> History:
    """What the run in a folder has reported."""
    return of_file(folder / events.FILE)

"""The histories of runs, shared by all threads of a process: each file is read once, and those looked at last are kept."""

import contextlib
import itertools
import os
import threading
from collections import OrderedDict
from pathlib import Path

from engine.runs import attempts
from engine.runs.history import events, index
from engine.runs.history.follower import Follower, History

_MOST_BYTES = 100_000_000  # of all runs together, about; the longest unused go first
_MOST_FILES = 1_000
_CALLS_BETWEEN = 100  # of looking whether that is so: pages ask for every run several times a second
_calls = itertools.count(1)
_followers: OrderedDict[Path, Follower] = OrderedDict()
_lock = threading.Lock()


def of_file(path: Path) -> History:
    """What a file of events says, read on from where anybody in this process has read it; nothing where there is none."""
    with _lock:
        is_new = path not in _followers
        follower = _followers.setdefault(path, Follower(path))
        _followers.move_to_end(path)
        if is_new or not next(_calls) % _CALLS_BETWEEN:
            _drop_unused()
    return follower.history()


def _drop_unused() -> None:
    """Forgets the files that nobody has looked at for longest, where all together are too much."""
    size = 0
    for number, (path, follower) in enumerate(reversed(list(_followers.items()))):
        size += follower.size_bytes
        if number and (size > _MOST_BYTES or number >= _MOST_FILES):
            del _followers[path]


def of(folder: Path) -> History:
    """What the run in a folder has reported."""
    return of_file(attempts.home(folder) / events.FILE)


def keep_index(folder: Path) -> None:
    """Reads on where a run has reported much, so that what it says stands beside it (`index`) when a page first asks."""
    path = attempts.home(folder) / events.FILE
    with contextlib.suppress(OSError):
        if os.stat(path).st_size >= index.EVERY_BYTES:
            of_file(path)

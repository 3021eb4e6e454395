"""Where the lessons of this server's classes stand, so that the wall follows the teacher: in memory alone, by the class's code."""

import threading
import time
from dataclasses import dataclass, replace

MOST = 50  # classes; the one that was left alone longest goes


@dataclass(frozen=True)
class Place:
    """Where a class is.

    Attributes:
        slide: its key. short: which form is taught. run: in view, "" where the recorded one is.
        begun, entered: when the lesson and its step began (monotonic seconds).
    """

    slide: str
    short: bool
    run: str = ""
    begun: float = 0.0
    entered: float = 0.0


_lock = threading.Lock()
_places: dict[str, Place] = {}


def of(code: str) -> Place | None:
    """Where a class is; None before its teacher has shown anything."""
    with _lock:
        return _places.get(code)


def put(code: str, slide: str, short: bool, run: str, is_new_step: bool) -> Place:
    """Notes where the teacher has led a class."""
    now = time.monotonic()
    with _lock:
        former = _places.pop(code, None) or Place("", short, begun=now, entered=now)
        place = replace(former, slide=slide, short=short, run=run, entered=now if is_new_step else former.entered)
        _places[code] = place
        while len(_places) > MOST:
            del _places[next(iter(_places))]
    return place

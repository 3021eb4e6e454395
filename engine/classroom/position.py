"""Where the lesson of a class stands: kept in the class's file, so that every window and every server shows the same.

It outlives the server, and goes with the class. Its two times are of the lesson, and none is of an answer.
"""

import json
import sqlite3
import time
from dataclasses import asdict, dataclass, replace

from engine.classroom.classes import SchoolClass
from engine.core.fields import boolean, needed, text, timestamp, wrong

_FACT = "position"
_FIELDS = needed(slide=text, short=boolean, run=text, begun=timestamp, entered=timestamp)


@dataclass(frozen=True)
class Position:
    """Where a class is.

    Attributes:
        slide: its key. short: which form is taught. run: in view, "" where the recorded one is.
        begun, entered: when the lesson and its step began (Unix seconds).
    """

    slide: str
    short: bool
    run: str = ""
    begun: float = 0.0
    entered: float = 0.0


def of(room: SchoolClass) -> Position | None:
    """Where a class is; None before its teacher has shown anything."""
    return room.read(_read)


def put(room: SchoolClass, slide: str, short: bool, run: str, is_new_step: bool) -> Position:
    """Notes where the teacher has led a class; nothing is written where it is there already.

    Raises:
        ClassError: the class was erased. StorageError: no rights or no space.
    """
    known = of(room)
    if known is not None and (known.slide, known.short, known.run) == (slide, short, run):
        return known

    def write(connection: sqlite3.Connection) -> Position:
        now = time.time()
        former = _read(connection) or Position("", short, begun=now, entered=now)
        found = replace(former, slide=slide, short=short, run=run, entered=now if is_new_step else former.entered)
        connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (_FACT, json.dumps(asdict(found))))
        return found

    return room.write(write)


def _read(connection: sqlite3.Connection) -> Position | None:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (_FACT,)).fetchone()
    try:
        value = json.loads(row[0]) if row else None
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or wrong(value, _FIELDS):  # edited by hand: as if nothing had been shown yet
        return None
    return Position(**{name: value[name] for name in _FIELDS})

"""Where the lesson of a class stands: kept in the class's file, so that every window and every server shows the same.

It outlives the server, and goes with the class. Its two times are of the lesson, and none is of an answer.
"""

import json
import sqlite3
import time
from dataclasses import asdict, dataclass, replace

from engine.classroom.classes import SchoolClass
from engine.core.fields import boolean, known, needed, text, timestamp, whole, wrong

_FACT = "position"
LAST_MOMENT = 99_999  # a run that measures itself each second of a day has fewer
_is_moment = whole(0, LAST_MOMENT)
_FIELDS = {
    **needed(slide=text, short=boolean, run=text, begun=timestamp, entered=timestamp),
    **known(moment=_is_moment),  # a class of before has none
}


@dataclass(frozen=True)
class Position:
    """Where a class is.

    Attributes:
        slide: its key. short: which form is taught. run: in view, "" where the recorded one is.
        begun, entered: when the lesson and its step began (Unix seconds). moment: which of the moments of the run is looked back
            at, from 0, the base.
    """

    slide: str
    short: bool
    run: str = ""
    begun: float = 0.0
    entered: float = 0.0
    moment: int = 0


def of(room: SchoolClass) -> Position | None:
    """Where a class is; None before its teacher has shown anything."""
    return room.read(_read)


def put(room: SchoolClass, slide: str, short: bool, run: str, is_new_step: bool) -> Position:
    """Notes where the teacher has led a class; nothing is written where it is there already.

    Raises:
        ClassError: the class was erased. StorageError: no rights or no space.
    """
    at = of(room)
    if at is not None and (at.slide, at.short, at.run) == (slide, short, run):
        return at

    def write(connection: sqlite3.Connection) -> Position:
        now = time.time()
        former = _read(connection) or Position("", short, begun=now, entered=now)
        entered = now if is_new_step else former.entered
        moment = former.moment if run == former.run else 0  # another run has other moments
        found = replace(former, slide=slide, short=short, run=run, entered=entered, moment=moment)
        _write(connection, found)
        return found

    return room.write(write)


def put_moment(room: SchoolClass, moment: int) -> None:
    """Notes which moment of the run a class looks back at; nothing is written where it does already, or has been shown nothing.

    Raises:
        ValueError: there is no such moment. ClassError: the class was erased. StorageError: no rights or no space.
    """
    if not _is_moment(moment):
        raise ValueError(f"moments are counted from 0 to {LAST_MOMENT}, not {moment!r}")
    at = of(room)
    if at is None or at.moment == moment:
        return

    def write(connection: sqlite3.Connection) -> None:
        if (former := _read(connection)) is not None:
            _write(connection, replace(former, moment=moment))

    room.write(write)


def _write(connection: sqlite3.Connection, found: Position) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (_FACT, json.dumps(asdict(found))))


def _read(connection: sqlite3.Connection) -> Position | None:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (_FACT,)).fetchone()
    try:
        value = json.loads(row[0]) if row else None
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or wrong(value, _FIELDS):  # edited by hand: as if nothing had been shown yet
        return None
    return Position(**{name: value[name] for name in _FIELDS if name in value})

"""What a teacher lets the phones of her class take home, and which run that is about: facts of the class beside its answers."""

import contextlib
import json
import sqlite3

from engine.classroom import experiments
from engine.classroom.classes import SchoolClass, facts_of
from engine.classroom.experiments import EXPERIMENTS, LEARN
from engine.classroom.votes import RELEASED, close_open, count_change
from engine.core.errors import EngineError
from engine.runs import lifecycle
from engine.runs.folder import Run
from engine.runs.history import shared

_RUN = "run"  # the name of a fact; a class of before has none


def release(of: SchoolClass) -> None:
    """Lets the phones take their page home. What is open is closed first: the page tells right answers."""

    def change(connection: sqlite3.Connection) -> None:
        close_open(connection)
        _put(connection, RELEASED, "1")
        count_change(connection)

    of.write(change)


def take_back(of: SchoolClass) -> None:
    """Lets no more phones take their page home."""

    def change(connection: sqlite3.Connection) -> None:
        _put(connection, RELEASED, "0")
        count_change(connection)

    of.write(change)


def is_released(of: SchoolClass) -> bool:
    """Whether the phones may take their page home."""
    return of.read(facts_of).get(RELEASED) == "1"


def note_run(of: SchoolClass, run: Run) -> None:
    """Notes that the class has watched a run; one that ships needs no note. Nothing is written where it is known."""
    if run.recorded:
        return
    value = json.dumps([run.name, run.config.get("id")])
    if of.read(facts_of).get(_RUN) != value:
        of.write(lambda connection: _put(connection, _RUN, value))


def run_of(of: SchoolClass) -> Run | None:
    """The run that a class takes home: the one it has watched, where that is here and was measured twice, else the recorded one."""
    return _watched(of) or experiments.recorded_run(EXPERIMENTS[LEARN].own)


def _watched(of: SchoolClass) -> Run | None:
    with contextlib.suppress(EngineError, ValueError, TypeError):  # deleted since, or a file edited by hand
        name, identity = json.loads(of.read(facts_of).get(_RUN, "null"))
        run = lifecycle.find(str(name))
        same = run.problem is None and run.config.get("id") == identity
        if same and len(shared.of(run.folder).at_intervals()) > 1:
            return run
    return None


def _put(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

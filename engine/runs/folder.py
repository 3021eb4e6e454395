"""A run's folder, the only channel between those who ask (pages, command line) and those who work (trainers).

config.json    frozen settings, id, versions, hashes
place.json     where the folder belongs, by which a copy is told (engine.runs.identity)
state.json     where the run stands, replaced in one step, written only by the holder of the run's lock
events.jsonl   one line a report (engine.runs.history); a torn last line is ignored
control.json   what a person asks: pause, stop
heartbeat      touched every few seconds by a trainer that is not frozen and whose training comes on
lock           held by the trainer as long as it lives
last_words     room for the last report of a trainer on a full disk
owner.json     who holds the lock
step-XXXXXXXX/ checkpoints (engine.runs.checkpoints)

A run that Slurm trains has no lock: what its trainer writes stands in `attempt-NNNN/` (engine.runs.attempts).
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.core import lab_settings
from engine.core.checked import CONTROL_FILE
from engine.core.errors import GoneError, RunError
from engine.core.files import sweep, write_bytes, write_json
from engine.core.locks import Lock
from engine.runs import attempts, identity
from engine.runs.history import events, lines
from engine.runs.run_reader import RunReader
from engine.runs.states import BROKEN, FINISHED, PAUSED, QUEUED, RUNNING, STOPPED, State

LAST_WORDS = "last_words"
_LAST_WORDS_BYTES = 1 << 16
HEARTBEAT_SECONDS = 5.0
_PROBE_PATIENCE_SECONDS = 0.5
GONE = "gone"
OWNER = "owner.json"


class Run(RunReader):
    """One run's folder, for reading, for asking and, by who holds its lock, for writing."""

    # Asking

    def request_stop(self) -> None:
        """Asks the trainer to stop with a checkpoint; a run that waits is taken from the queue at once."""
        self._request("stop", STOPPED, (QUEUED, RUNNING, PAUSED))

    def request_pause(self) -> None:
        """Asks the trainer to end with a checkpoint, and keeps the run to be resumed; its device is free meanwhile."""
        self._request("pause", PAUSED, (QUEUED, RUNNING))

    def _request(self, action: str, state: str, possible: tuple[str, ...]) -> None:
        # First of all, so that a trainer sees it at once; the lock may be held for a moment by somebody who only looks.
        write_json(self.folder / CONTROL_FILE, {"action": action, "time": time.time()})
        with self.taken(_PROBE_PATIENCE_SECONDS) as nobody_works:
            if nobody_works:
                (self.folder / CONTROL_FILE).unlink(missing_ok=True)
                if self.read_state().state in possible:
                    self.write_state(state=state, phase="")

    def request_resume(self, **changes: Any) -> None:
        """Puts a paused, stopped, failed or interrupted run into the queue again; one that waits keeps its place. One that
        ended early goes on to its last step. A copy of another run's folder becomes a run of its own, which goes on from its
        own newest checkpoint.

        Args:
            changes: of its settings, those that the training does not depend on: on how many devices it goes on.

        Raises:
            RunError: it is running, finished, or broken. SettingsError: its settings are out of bounds, or it is a copy
                whose folder's name can be none of a run.
        """
        if problem := self.problem:
            raise problem
        if self.scheduled and self.state().state == QUEUED:
            return
        with self.taken(patience_seconds=2) as nobody_works:
            if not nobody_works:
                raise RunError("The run {name} is running.", name=self.name)
            state = self.stored_state()
            if state.ended_early:
                self.change_config(patience=0)
            elif state.state == FINISHED:
                raise RunError("The run {name} is finished: there is nothing to resume.", name=self.name)
            if changes:
                replace(self.settings, **changes)  # raises where they cannot be
                self.change_config(**changes)
            (self.folder / CONTROL_FILE).unlink(missing_ok=True)
            copied = self.is_copy()
            if copied:
                self._become_own()
            elif state.state == QUEUED:
                return
            self.write_state(
                state=QUEUED, queued_at=time.time(), reason=None, starts=0, phase="", result=0, ends_at=0.0
            )

    def _become_own(self) -> None:
        """Gives a copy an id and a place, and so the right to train; the caller holds the run's lock."""
        own = replace(self.settings, name=self.name)
        origin = {"name": self.config["name"], "id": self.config.get("id")}
        launcher = lab_settings.launcher()
        self.change_config(name=own.name, id=identity.new_id(), copied_from=origin, launcher=launcher)
        identity.write_place(self.folder)

    # Writing: only by who holds the run's lock, or began its newest attempt

    @contextlib.contextmanager
    def taken(self, patience_seconds: float = 0.0) -> Iterator[bool]:
        """While the block runs nobody else writes of the run; False where a trainer works on it, or somebody was quicker."""
        if not self.scheduled:
            with Lock(self.folder / "lock") as lock:
                yield lock.acquire(patience_seconds)
            return
        newest = attempts.newest(self.folder)
        if self.read_state().state == RUNNING and not self.is_copy():
            yield False
        else:
            with self.taken_over(newest) as mine:
                yield mine

    @contextlib.contextmanager
    def taken_over(self, after: int) -> Iterator[bool]:
        """Begins an attempt for the block, whoever wrote before; False where somebody was quicker. Of a run that Slurm
        trains: a job that was submitted before trains it no more.

        Args:
            after: the number of its newest attempt when one looked how it stands.
        """
        self._require_there()
        self.attempt = attempts.begin(self.folder, attempts.LAB, after)
        try:
            if self.attempt is not None and self.read_state().state != BROKEN:
                self.write_state()  # from here on it counts
            yield self.attempt is not None
        finally:
            self.attempt = None

    def require_mine(self) -> None:
        """Makes sure that the run is still this process's to write of, where attempts say so.

        Raises:
            SupersededError: it is another's by now.
        """
        if self.attempt is not None:
            self.attempt.require_newest()

    @property
    def own(self) -> Path:
        """Where this process writes what it has to say of the run.

        Raises:
            GoneError: the run's folder was deleted. SupersededError: the run is another's by now.
        """
        self._require_there()
        self.require_mine()
        return self.attempt.folder if self.attempt is not None else self.home

    def _require_there(self) -> None:
        """Makes sure that nothing is written into a folder that is being deleted.

        Raises:
            GoneError: it is.
        """
        if not self.exists():
            raise GoneError("The folder {path} is gone: it was deleted or moved.", path=self.folder)

    def settle_place(self) -> None:
        """Notes where the run now stands, and gives one from before there were ids its own; the caller holds its lock."""
        if "id" not in self.config:
            self.change_config(id=identity.new_id())
        identity.write_place(self.folder)

    def write_state(self, durable: bool = True, **changes: Any) -> State:
        """Changes fields of `state.json`; the caller holds the run's lock.

        Raises:
            GoneError: the run's folder was deleted. StorageError: no rights or no space.
        """
        own = self.own
        former = self.read_state()
        if former.state == BROKEN:  # only a trainer at work writes without saying in which state the run is
            former = State(RUNNING, time.time(), step=self.saved_step())
        if "state" in changes and changes["state"] != former.state:
            changes.setdefault("since", time.time())
        if changes.get("phase", former.phase) != former.phase:
            changes.setdefault("phase_since", time.time())
            changes.setdefault("compiling", "")
        if changes.get("compiling"):
            changes.setdefault("compiling_since", time.time())
        state = State(**{**former.__dict__, **changes})
        write_json(own / "state.json", state.__dict__, durable)
        return state

    def change_config(self, **changes: Any) -> None:
        """Writes what a first start settles (the parent's last checkpoint, the lineage); the caller holds the lock."""
        self._require_there()
        self.require_mine()
        write_json(self.folder / "config.json", {**self.config, **changes})
        for name in ("_configuration", "config", "settings"):
            self.__dict__.pop(name, None)

    def append_event(self, kind: str, **fields: Any) -> None:
        """Adds one line to the events, all of it or nothing; the caller holds the run's lock.

        Raises:
            GoneError: the run's folder was deleted, or the run is another's by now. StorageError: no rights or no space.
        """
        lines.append(self.own / events.FILE, kind, fields)

    def keep_last_words(self) -> None:
        """Takes the room on the disk that `give_last_words` gives back; the caller holds the run's lock.

        Raises:
            GoneError: the run's folder was deleted. StorageError: no rights or no space.
        """
        write_bytes(self.own / LAST_WORDS, os.urandom(_LAST_WORDS_BYTES), durable=False)  # nothing that compresses

    def give_last_words(self) -> None:
        """Makes room for a last state and event, whatever has filled the disk; the caller holds the run's lock."""
        (self.attempt.folder if self.attempt is not None else self.home).joinpath(LAST_WORDS).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Removes what a killed trainer was writing when it died; the caller holds the run's lock, or its newest attempt."""
        if self.attempt is None:
            sweep(self.folder)
        else:
            self.attempt.clear_former()

    def cut_torn_event(self) -> None:
        """Drops a last line that a crash left unfinished; the caller holds the run's lock."""
        lines.cut_torn(self.own / events.FILE)

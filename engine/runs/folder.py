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
import functools
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.core import checked, lab_settings
from engine.core.errors import EngineError, GoneError, RunError, sentence
from engine.core.files import (
    read_json,
    sweep,
    write_bytes,
    write_json,
)
from engine.core.kept import Kept
from engine.core.locks import Lock, held
from engine.runs import attempts, identity
from engine.runs.history import events, lines
from engine.runs.settings import RunSettings, from_json
from engine.runs.states import BROKEN, COPIED, FINISHED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED, State

HEARTBEAT = "heartbeat"


LAST_WORDS = "last_words"


_LAST_WORDS_BYTES = 1 << 16


HEARTBEAT_SECONDS = 5.0


FROZEN_SECONDS = 20.0


_FROZEN_ON_A_NODE_SECONDS = 120.0  # a shared file system shows a change late, and clocks differ


_PROBE_PATIENCE_SECONDS = 0.5


GONE = "gone"


_STEP_FOLDER = re.compile(r"step-(\d{8})")
_states = Kept(lambda path: checked.read(path, checked.STATE))


class Run:
    """One run's folder, for reading and for asking. Cheap to make: nothing is read before it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.name = checked.printable(self.folder.name)
        self.attempt: attempts.Attempt | None = None  # in which this process writes, of a run that Slurm trains

    def __repr__(self) -> str:
        return f"Run({self.name!r})"

    @cached_property
    def config(self) -> dict[str, Any]:
        """`config.json` as it stands: settings, versions, hashes.

        Raises:
            RunError: it is missing or damaged.
        """
        return self._configuration[0]

    @cached_property
    def settings(self) -> RunSettings:
        """The run's settings.

        Raises:
            RunError: config.json is missing or damaged. SettingsError: a setting is out of bounds.
        """
        settings = self._configuration[1]
        if isinstance(settings, EngineError):
            raise settings.with_traceback(None)  # it is kept, and would gather where it was raised
        return settings

    @cached_property
    def _configuration(self) -> tuple[dict[str, Any], RunSettings | EngineError]:
        path = self.folder / "config.json"
        try:
            status = path.stat()
        except OSError as error:
            if not self.folder.is_dir():
                raise RunError(
                    "There is no run {name} in {folder}.", name=self.name, folder=self.folder.parent
                ) from error
            checked.read(path, {})  # says what is wrong
            raise
        return _configuration(str(path), status.st_mtime_ns, status.st_size, status.st_ino)

    @property
    def launcher(self) -> str:
        """Who has the run trained: one of LAUNCHERS."""
        try:
            return str(self.config.get("launcher", lab_settings.LOCAL))
        except RunError:
            return lab_settings.LOCAL

    @property
    def scheduled(self) -> bool:
        """Whether Slurm trains it: nobody holds its lock, and attempts take its place."""
        return self.launcher == lab_settings.SLURM

    @property
    def home(self) -> Path:
        """Where its state and its events stand."""
        return attempts.home(self.folder)

    @property
    def recorded(self) -> dict[str, Any] | None:
        """Command, date and commit of a run that ships with the project, or None for one's own."""
        path = self.folder / "recorded.json"  # which few runs have
        return (os.path.lexists(path) and checked.read_if_whole(path, checked.RECORDED)) or None

    @property
    def problem(self) -> EngineError | None:
        """Why nothing can be done with the run but to delete it, as its folder stands; None where all is well.

        Where state.json alone is damaged, `state` says so, and the run can be resumed.
        """
        try:
            checked.check_name(self.folder.name)
            if "recorded.json" in checked.names(self.folder):
                checked.read(self.folder / "recorded.json", checked.RECORDED)
            self.settings  # noqa: B018  (reads the file)
        except EngineError as error:
            return error
        return None

    # Reading

    def state(self) -> State:
        """Where the run stands; a running state that nobody's lock supports reads as interrupted, what waits or works in a
        copy of a run's folder as copied, and what cannot be read, or whose run cannot be used, as broken."""
        state = self._stored_state()
        if state.state in (QUEUED, RUNNING) and self.is_copy():
            values = {"name": str(read_json(self.folder / "config.json").get("name", ""))}
            return State(**{**state.__dict__, "state": COPIED, "reason": {"template": _COPY, "values": values}})
        if state.state == RUNNING and not self.alive():
            state = self._stored_state()  # it may have ended between the two looks
            if state.state == RUNNING:
                reason = {
                    "template": sentence("The trainer's process ended without a word (killed, or out of memory)."),
                    "values": {},
                }
                return State(**{**state.__dict__, "state": INTERRUPTED, "reason": reason})
        return state

    def _stored_state(self) -> State:
        problem = self.problem
        return self._read_state() if problem is None else State(BROKEN, 0.0, reason=problem.to_json())

    def _read_state(self) -> State:
        """What state.json says, whatever else of the folder is damaged."""
        try:
            path = self.home / "state.json"
            # What a shared disk says of a file may be some seconds old where the file itself is not.
            stored = checked.read(path, checked.STATE) if self.scheduled else _states.of(path)
        except RunError as error:
            return State(BROKEN, 0.0, reason=error.to_json())
        return State(**{name: stored[name] for name in State.__dataclass_fields__ if name in stored})

    def is_copy(self) -> bool:
        """Whether the folder is a copy of a run's (`identity.is_copy`), which trains only when a person resumes it."""
        return identity.is_copy(self.folder)

    @cached_property
    def _inode(self) -> int:
        return self.folder.stat().st_ino

    def exists(self) -> bool:
        """Whether a run is there: its configuration is written first and never absent."""
        return (self.folder / "config.json").is_file()

    def gone(self) -> bool:
        """Whether the folder was deleted, moved, or replaced by another since this was first asked."""
        try:
            return self._inode != self.folder.stat().st_ino or not self.exists()
        except FileNotFoundError:
            return True

    def alive(self) -> bool:
        """Whether a trainer holds the run's lock; of a run that Slurm trains, whether one has said that it works and none has
        said that it ended: the launcher finds out where that is no longer so."""
        if self.scheduled:
            return self._read_state().state == RUNNING
        return held(self.folder / "lock")

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Every report of the run in order and complete, those of `kinds` or all, without those that it replaced when it
        went on (`history.events`). Pages ask `history.shared`, which reads what is new alone."""
        return lines.all_events(self.home / events.FILE, *kinds)

    def checkpoint_folders(self) -> list[Path]:
        """The folders of checkpoints, oldest first (whether they are whole, engine.runs.checkpoints says)."""
        return sorted(path for path in self.folder.glob("step-*") if _STEP_FOLDER.fullmatch(path.name))

    def saved_step(self) -> int:
        """The step of the newest checkpoint, whether whole or not; 0 where there is none."""
        return max((int(folder.name.removeprefix("step-")) for folder in self.checkpoint_folders()), default=0)

    def silent_seconds(self) -> float:
        """How long a living trainer has given no sign of life; 0 where it has, or where none works on the run.

        A process that is stopped by the system, swapped out, asleep with its machine, or whose training hangs
        (`worker.Heart`) holds its lock all the same.
        """
        try:
            silent = time.time() - (self.home / HEARTBEAT).stat().st_mtime
        except OSError:
            return 0.0
        patience = _FROZEN_ON_A_NODE_SECONDS if self.scheduled else FROZEN_SECONDS
        return silent if silent > patience and self.alive() else 0.0

    def at_work(self) -> bool:
        """Whether a trainer works on the run."""
        return self._stored_state().state == RUNNING and self.alive()

    def orphaned(self) -> bool:
        """Whether a trainer died while it worked on the run and nobody has said so yet."""
        return self._stored_state().state == RUNNING and not self.alive() and not self.is_copy()

    def control(self) -> str:
        """What a person asked of the run: "pause", "stop" or nothing."""
        action: str = checked.read_if_whole(self.folder / "control.json", checked.CONTROL).get("action", "")
        return action

    def waits_for(self) -> str | None:
        """The run that must be finished before this one may start, and is not; None where nothing is in the way."""
        after = self.settings.after
        if after is None:
            return None
        return None if Run(self.folder.parent / after)._stored_state().state == FINISHED else after

    # Asking

    def request_stop(self) -> None:
        """Asks the trainer to stop with a checkpoint; a run that waits is taken from the queue at once."""
        self._request("stop", STOPPED, (QUEUED, RUNNING, PAUSED))

    def request_pause(self) -> None:
        """Asks the trainer to end with a checkpoint, and keeps the run to be resumed; its device is free meanwhile."""
        self._request("pause", PAUSED, (QUEUED, RUNNING))

    def _request(self, action: str, state: str, possible: tuple[str, ...]) -> None:
        # First of all, so that a trainer sees it at once; the lock may be held for a moment by somebody who only looks.
        write_json(self.folder / "control.json", {"action": action, "time": time.time()})
        with self.taken(_PROBE_PATIENCE_SECONDS) as nobody_works:
            if nobody_works:
                (self.folder / "control.json").unlink(missing_ok=True)
                if self._read_state().state in possible:
                    self.write_state(state=state, phase="")

    def request_resume(self) -> None:
        """Puts a paused, stopped, failed or interrupted run into the queue again; one that waits keeps its place. One that
        ended early goes on to its last step. A copy of another run's folder becomes a run of its own, which goes on from its
        own newest checkpoint.

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
            state = self._stored_state()
            if state.ended_early:
                self.change_config(patience=0)
            elif state.state == FINISHED:
                raise RunError("The run {name} is finished: there is nothing to resume.", name=self.name)
            (self.folder / "control.json").unlink(missing_ok=True)
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
        if self._read_state().state == RUNNING and not self.is_copy():
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
            if self.attempt is not None and self._read_state().state != BROKEN:
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
        former = self._read_state()
        if former.state == BROKEN:  # only a trainer at work writes without saying in which state the run is
            former = State(RUNNING, time.time(), step=self.saved_step())
        if "state" in changes and changes["state"] != former.state:
            changes.setdefault("since", time.time())
        if changes.get("phase", former.phase) != former.phase:
            changes.setdefault("phase_since", time.time())
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


@functools.lru_cache(maxsize=1024)
def _configuration(path: str, changed: int, size: int, number: int) -> tuple[dict[str, Any], RunSettings | EngineError]:
    """What a config.json says, and its settings or what is wrong with them; read once as long as the file is the same,
    since pages ask for every run several times a second. Those who read it change nothing."""
    config = checked.read(Path(path), {})
    try:
        return config, from_json(config)
    except EngineError as error:
        return config, error


_COPY = sentence(
    "This folder is a copy of the run {name} as it waited or worked, and does not train by itself. Resume makes it a run of "
    "its own, which goes on from its newest checkpoint."
)


OWNER = "owner.json"

"""Reads a run's folder: its settings, where it stands, who works on it, what was asked of it."""

import functools
import os
import re
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.core import checked, lab_settings
from engine.core.errors import EngineError, RunError, sentence
from engine.core.files import read_json
from engine.core.kept import Kept
from engine.core.locks import held
from engine.runs import attempts, identity
from engine.runs.history import events, lines
from engine.runs.settings import RunSettings, from_json
from engine.runs.states import BROKEN, COPIED, FINISHED, INTERRUPTED, QUEUED, RUNNING, State

HEARTBEAT = "heartbeat"
FROZEN_SECONDS = 20.0
_FROZEN_ON_A_NODE_SECONDS = 120.0  # a shared file system shows a change late, and clocks differ
_STEP_FOLDER = re.compile(r"step-(\d{8})")
_states = Kept(lambda path: checked.read(path, checked.STATE))


class RunReader:
    """One run's folder, for reading. Cheap to make: nothing is read before it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.name = checked.printable(self.folder.name)
        self.attempt: attempts.Attempt | None = None  # in which this process writes, of a run that Slurm trains

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

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
        path = os.path.join(self.folder, "recorded.json")  # which few runs have; asked of hundreds at each drawing
        return (os.path.lexists(path) and checked.read_if_whole(Path(path), checked.RECORDED)) or None

    @property
    def ships_without_weights(self) -> bool:
        """Whether it is a recorded run of which only what it reported ships."""
        facts = self.recorded
        return facts is not None and facts.get("weights") is False

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
        state = self.stored_state()
        if state.state in (QUEUED, RUNNING) and self.is_copy():
            values = {"name": str(read_json(self.folder / "config.json").get("name", ""))}
            return State(**{**state.__dict__, "state": COPIED, "reason": {"template": _COPY, "values": values}})
        if state.state == RUNNING and not self.alive():
            state = self.stored_state()  # it may have ended between the two looks
            if state.state == RUNNING:
                reason = {
                    "template": sentence("The trainer's process ended without a word (killed, or out of memory)."),
                    "values": {},
                }
                return State(**{**state.__dict__, "state": INTERRUPTED, "reason": reason})
        return state

    def stored_state(self) -> State:
        """Where state.json says that the run stands, broken where the run cannot be used."""
        problem = self.problem
        return self.read_state() if problem is None else State(BROKEN, 0.0, reason=problem.to_json())

    def read_state(self) -> State:
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
            return self.read_state().state == RUNNING
        return held(self.folder / "lock")

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Every report of the run in order and complete, those of `kinds` or all, without those that it replaced when it
        went on (`history.events`). Pages ask `history.shared`, which reads what is new alone."""
        return lines.all_events(self.home / events.FILE, *kinds)

    def checkpoint_folders(self) -> list[Path]:
        """The folders of checkpoints, oldest first (whether they are whole, engine.runs.checkpoints says)."""
        try:
            names = sorted(name for name in os.listdir(self.folder) if _STEP_FOLDER.fullmatch(name))
        except OSError:
            return []
        return [self.folder / name for name in names]

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
        return self.stored_state().state == RUNNING and self.alive()

    def orphaned(self) -> bool:
        """Whether a trainer died while it worked on the run and nobody has said so yet."""
        return self.stored_state().state == RUNNING and not self.alive() and not self.is_copy()

    def control(self) -> str:
        """What a person asked of the run: "pause", "stop" or nothing."""
        action: str = checked.read_if_whole(self.folder / checked.CONTROL_FILE, checked.CONTROL).get("action", "")
        return action

    def waits_for(self) -> str | None:
        """The run that must be finished before this one may start, and is not; None where nothing is in the way."""
        after = self.settings.after
        if after is None:
            return None
        return None if RunReader(self.folder.parent / after).stored_state().state == FINISHED else after


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

"""Long work for a page in a process of its own: a file says how far it is, and a person may stop it.

KEY.json   what is asked, state, figures, error; replaced in one step
KEY.stop   a person asks it to stop
KEY.lock   held by the process as long as it lives
KEY.starting   held by whoever is starting it
KEY.room   room for the last report on a full disk
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.core import checked, fields, launch
from engine.core.errors import EngineError, sentence
from engine.core.files import make_folder, read_json, storage_errors, write_bytes, write_json
from engine.core.locks import Lock, held
from engine.core.progress import Cancelled

FINISHED, FAILED, STOPPED = "finished", "failed", "stopped"
_ENDED = (FINISHED, FAILED, STOPPED)
_START_SECONDS = 20.0  # from the request to the lock, at most
_REPORT_SECONDS = 0.3
_ROOM_BYTES = 1 << 16
_BUG = sentence("An error that Atelier did not foresee: {error}. The log beside {file} holds the details.")


class Job:
    """One job, for asking and looking; cheap to make.

    Args:
        file: KEY.json. module: what `python -m` starts, with the file as its argument; it calls `work`.
    """

    def __init__(self, file: Path, module: str) -> None:
        self._file, self._module = file, module

    def value(self) -> dict[str, Any]:
        """What the file says, or nothing where it was never asked for."""
        return _read(self._file)

    def alive(self) -> bool:
        """Whether its process is at work, or has just been started."""
        value = self.value()
        return bool(value) and (
            held(self._file.with_suffix(".lock"))
            or (value["state"] not in _ENDED and not value.get("at_work") and _lately(value))
        )

    def start(self, state: str, **request: Any) -> None:
        """Starts it, or lets one that was interrupted go on; nothing happens where it is at work.

        Raises:
            StorageError: no rights or no space.
        """
        make_folder(self._file.parent, parents=True)
        with Lock(self._file.with_suffix(".starting")) as starting:
            if starting.acquire(_START_SECONDS) and not self.alive():  # of several who ask at once, one starts it
                self._start(state, request)

    def _start(self, state: str, request: dict[str, Any]) -> None:
        with storage_errors(self._file.parent):
            self._file.with_suffix(".stop").unlink(missing_ok=True)
        write_bytes(self._file.with_suffix(".room"), os.urandom(_ROOM_BYTES), durable=False)  # nothing that compresses
        write_json(self._file, {**request, "state": state, "since": time.time()})
        launch.detached(self._module, str(self._file.resolve()), log=self._file.with_suffix(".log"))

    def stop(self) -> None:
        """Asks it to stop; what was done is kept, and `start` goes on from there.

        Raises:
            StorageError: no rights or no space.
        """
        with storage_errors(self._file.parent):
            self._file.with_suffix(".stop").touch()


def _lately(value: dict[str, Any]) -> bool:
    since: float = value["since"]
    return time.time() - since < _START_SECONDS


def _read(file: Path) -> dict[str, Any]:
    """What a job's file says; nothing where it was damaged by hand, as if the job had never been asked for."""
    value = read_json(file)
    return {} if fields.wrong(value, checked.JOB) else value


class Work:
    """The job seen from its own process.

    Attributes:
        value: what was asked, and what was said so far.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.value = {**_read(file), "at_work": True}  # the lock tells from now on
        self._written_at = 0.0

    def say(self, now: bool = False, **changes: Any) -> None:
        """Says how far it is: at most every 0.3 s, or now.

        Raises:
            Cancelled: a person asked it to stop.
        """
        if self._file.with_suffix(".stop").exists():
            raise Cancelled
        self._write(now, changes)

    def _write(self, now: bool, changes: dict[str, Any]) -> None:
        self.value |= changes
        if now or time.monotonic() - self._written_at > _REPORT_SECONDS:
            write_json(self._file, self.value, durable=now)
            self._written_at = time.monotonic()

    def say_last(self, **changes: Any) -> None:
        """Says how it ended, whatever has filled the disk."""
        with contextlib.suppress(OSError):  # Windows may refuse, for a moment; there is room then all the same
            self._file.with_suffix(".room").unlink(missing_ok=True)
        self._write(True, changes)


def work(file: Path, do: Callable[[Work], dict[str, Any]]) -> int:
    """Does a job in this process unless another has it; every way it can end is said in its file.

    Args:
        do: does it, and returns what is to be said of its end.
    """
    with Lock(file.with_suffix(".lock")) as lock:
        if not lock.acquire(patience_seconds=1):
            return 0
        own = Work(file)
        try:
            own.say_last(**do(own), state=FINISHED)
        except Cancelled:
            own.say_last(state=STOPPED)
        except EngineError as error:
            own.say_last(state=FAILED, error=error.to_json())
        except Exception as error:
            values = {"error": f"{type(error).__name__}: {error}"[:500], "file": file.name}
            own.say_last(state=FAILED, error={"template": _BUG, "values": values})
            raise
    return 0

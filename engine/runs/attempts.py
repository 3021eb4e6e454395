"""Attempts: who may write in the folder of a run that Slurm trains (docs/decisions/0021-cluster.md).

File locks do not reach from node to node on every shared file system; making a folder is exclusive on all of them. So
whoever wants to write makes the next attempt:

attempt-0001/
  attempt.json   who began it: by (lab or trainer), submission, job, restart, node, pid, time
  job.json       the job that the lab submitted from it
  events.jsonl, state.json, heartbeat, owner.json, last_words: as in the folder of a run that is trained here

Before each write its owner looks whether it is still the newest, and ends itself where it is not: a trainer on a node that
Slurm gave up writes, if at all, where nobody looks any more. An attempt begins with the events of the one before, as they
stood, so that one file holds what has happened; what a run that goes on replaces is told by its `resume` event as ever.
It counts from the moment when it has a state.
"""

import contextlib
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core import checked
from engine.core.errors import SupersededError
from engine.core.files import storage_errors, write_json
from engine.runs.history import events, index, lines

LAB, TRAINER = "lab", "trainer"
STATE, ATTEMPT, JOB = "state.json", "attempt.json", "job.json"
_FOLDER = re.compile(r"attempt-(\d{4,6})")
_COPIED_BYTES = 1 << 20


@dataclass(frozen=True)
class Attempt:
    """A folder in which its owner alone writes, as long as it is the newest of its run."""

    folder: Path
    number: int

    def require_newest(self) -> None:
        """Makes sure that the run is still its owner's.

        Raises:
            SupersededError: another attempt has begun since, or the folder is gone.
        """
        found = numbers(self.folder.parent)
        if not found or found[-1] != self.number:
            raise SupersededError(
                "Another process has taken over the run {name}: this one writes nothing more.",
                name=self.folder.parent.name,
            )

    def clear_former(self) -> None:
        """Removes what earlier attempts were writing when they were cut off, and their events, which this one has."""
        for number in numbers(self.folder.parent):
            if number < self.number:
                former = folder_of(self.folder.parent, number)
                for left in [*former.glob(".*"), *(former / name for name in (events.FILE, index.NAME, "last_words"))]:
                    if left.is_dir():
                        shutil.rmtree(left, ignore_errors=True)
                    else:
                        with contextlib.suppress(OSError):
                            left.unlink()


def numbers(run_folder: Path) -> list[int]:
    """The numbers of a run's attempts in order; none of a run that is trained here."""
    try:
        names = os.listdir(run_folder)
    except OSError:
        return []
    return sorted(int(found[1]) for name in names if (found := _FOLDER.fullmatch(name)))


def folder_of(run_folder: Path, number: int) -> Path:
    """The folder of an attempt."""
    return run_folder / f"attempt-{number:04d}"


def home(run_folder: Path) -> Path:
    """Where a run's state and events stand: in its newest attempt that has a state, or in its own folder."""
    for number in reversed(numbers(run_folder)):
        folder = folder_of(run_folder, number)
        if (folder / STATE).is_file():
            return folder
    return run_folder


def newest(run_folder: Path) -> int:
    """The number of a run's newest attempt, whether it has a state yet or not; 0 where there is none."""
    return (numbers(run_folder) or [0])[-1]


def begin(run_folder: Path, by: str, after: int, **facts: Any) -> Attempt | None:
    """Makes the next attempt, with what has happened until now; its owner writes the state. None where somebody was quicker.

    Args:
        by: LAB or TRAINER. after: the number of the newest one when its owner looked how the run stands. facts: what else is kept of who began it; `submission` is its own number where it is not given.

    Raises:
        GoneError: the run's folder was deleted. StorageError: no rights or no space.
    """
    former = home(run_folder)
    number = after + 1
    folder = folder_of(run_folder, number)
    with storage_errors(run_folder):
        try:
            folder.mkdir()
        except FileExistsError:
            return None
    _copy_events(former / events.FILE, folder / events.FILE)
    kept = {"by": by, "submission": number, "pid": os.getpid(), "time": time.time(), **facts}
    write_json(
        folder / ATTEMPT, kept, durable=False
    )  # a power cut that takes it costs a submission, which the next one fences
    return Attempt(folder, number)


def _copy_events(source: Path, target: Path) -> None:
    if not source.is_file():
        return
    offset = 0
    with storage_errors(target.parent), open(target, "wb") as file:
        while block := lines.read(source, offset, _COPIED_BYTES):  # whole lines alone
            offset += len(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def is_beginning(run_folder: Path, seconds: float) -> bool:
    """Whether somebody made the newest attempt within so many seconds and has not written its state yet."""
    folder = folder_of(run_folder, newest(run_folder))
    try:
        return not (folder / STATE).is_file() and time.time() - folder.stat().st_mtime < seconds
    except OSError:
        return False


def facts(run_folder: Path) -> dict[str, Any]:
    """Who began the attempt in which a run stands, and the job that belongs to it; nothing of a run without attempts."""
    folder = home(run_folder)
    if folder == run_folder:
        return {}
    found = checked.read_if_whole(folder / ATTEMPT, checked.ATTEMPT)
    return {**found, **checked.read_if_whole(folder / JOB, checked.JOB_ID)} if found else {}


def keep_job(attempt: Attempt, job: str) -> None:
    """Notes which job was submitted from an attempt."""
    write_json(attempt.folder / JOB, {"job": job}, durable=False)  # where it is lost, the job is found by its comment


def note_job(run_folder: Path, submission: int, job: str) -> None:
    """Notes a job whose answer was lost and that was found by its comment."""
    with contextlib.suppress(OSError):
        write_json(folder_of(run_folder, submission) / JOB, {"job": job}, durable=False)


def starts(run_folder: Path, job: str = "") -> int:
    """How often trainers have begun a run, or those of one job: once more than that was put back."""
    kept = (checked.read_if_whole(folder_of(run_folder, n) / ATTEMPT, checked.ATTEMPT) for n in numbers(run_folder))
    return sum(one.get("by") == TRAINER and job in ("", one.get("job")) for one in kept)

"""`python -m engine.services.room_check JOB`: looks whether a lesson can be given in this room; a job of `checkpoints/.room-check`.

How fast this machine trains is measured with a short run of the lesson's own kind, in a folder that goes with it.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.classroom import room, room_speed, secret
from engine.classroom.room import LOOK, MINUTE, WELL, Finding
from engine.classroom.room_speed import Speed
from engine.core import jobs, paths
from engine.core.errors import EngineError, RunError
from engine.core.files import make_folder, read_json, sweep, temporary, write_bytes, write_json
from engine.core.progress import Cancelled, OnProgress, Progress
from engine.presets import memory
from engine.runs import lifecycle
from engine.runs.devices import Claim, suiting
from engine.runs.settings import RunSettings
from engine.services import worker

CHECKING = "checking"
_FILE, _PHONE_FILE, _SPEED_FILE = "check.json", "phone.json", "speed.json"
_MODULE = "engine.services.room_check"


@dataclass(frozen=True)
class Status:
    """How far a check is.

    Attributes:
        state: CHECKING or how it ended, of engine.core.jobs. alive: whether its process is at work. since: of its start.
        subject: what is looked at now. findings: so far. error: why it ended where it failed.
    """

    state: str
    alive: bool
    since: float
    subject: str = ""
    findings: tuple[Finding, ...] = ()
    error: EngineError | None = None

    @property
    def interrupted(self) -> bool:
        """Whether its process has ended without a word."""
        return self.state == CHECKING and not self.alive


def folder() -> Path:
    """Where the newest check is kept, with what was measured, and the phone that came."""
    return paths.checkpoints_root() / ".room-check"


class Check:
    """The check of this room, for asking and looking; cheap to make."""

    def __init__(self) -> None:
        self._job = jobs.Job(folder() / _FILE, _MODULE)

    def start(self, lesson: str, addresses: list[str], trains: bool = True) -> None:
        """Starts it; nothing happens where it is at work.

        Args:
            addresses: of the dashboard. trains: whether this machine's speed is measured.

        Raises:
            StorageError: no rights or no space.
        """
        self._job.start(CHECKING, lesson=lesson, addresses=addresses, trains=trains)

    def stop(self) -> None:
        """Asks it to stop; its run goes, what was found stays.

        Raises:
            StorageError: no rights or no space.
        """
        self._job.stop()

    def status(self) -> Status | None:
        """How far it is; None where this room was never checked."""
        alive = self._job.alive()  # first: one that ends between the two looks would seem to have been interrupted
        value = self._job.value()
        if not value:
            return None
        kept = value.get("findings")
        findings = tuple(one for item in (kept if isinstance(kept, list) else []) if (one := Finding.from_json(item)))
        error = EngineError.from_json(value["error"]) if value.get("error") else None
        return Status(value["state"], alive, value["since"], str(value.get("subject", "")), findings, error)


def sweep_left() -> None:
    """Deletes the run of a check that was killed; that of one at work stays."""
    if folder().is_dir():
        sweep(folder(), ("tmp",))


def note_phone(finding: Finding) -> None:
    """Keeps whether a phone came through, so that it stands among what was found.

    Raises:
        StorageError: no rights or no space.
    """
    make_folder(folder(), parents=True)
    write_json(folder() / _PHONE_FILE, finding.to_json())


def phone() -> Finding | None:
    """What the newest try with a phone has shown; None before the first."""
    return Finding.from_json(read_json(folder() / _PHONE_FILE))


def last_speed() -> Speed | None:
    """The newest speed of the lesson's runs that was measured here, by a check or in a lesson; None where there is none."""
    kept = Speed.from_json(read_json(folder() / _SPEED_FILE))
    found = [one for one in (kept, room_speed.last_here(lifecycle.all_runs())) if one is not None]
    return max(found, key=lambda one: one.at, default=None)


def check(work: jobs.Work) -> dict[str, Any]:
    """Does the job: everything that there is to look at, one after the other."""
    findings: list[Finding] = []
    make_folder(folder(), parents=True)
    sweep(folder(), ("tmp",))  # the run of a check that was killed

    def say(subject: str) -> None:
        work.say(now=True, subject=subject, findings=[one.to_json() for one in findings])

    say(room.TEXTS)
    addresses = [str(one) for one in work.value.get("addresses") or []]
    for subject, found in room.looks(str(work.value.get("lesson", "")), addresses):
        findings += found
        after = room.SUBJECTS.index(subject) + 1
        say(room.SUBJECTS[after])
    findings += _speed(findings, bool(work.value.get("trains", True)), lambda _progress: work.say())
    return {"subject": "", "findings": [one.to_json() for one in findings]}


def _speed(findings: list[Finding], trains: bool, on_progress: OnProgress) -> list[Finding]:
    """How long the lesson's runs take here: measured now, or told from the last time."""
    reason: EngineError | None = None
    can = all(one.state == WELL for one in findings if one.subject in (room.FRAMEWORK, room.MEMORY, room.DISK))
    if trains and can:
        try:
            speed = _measured(on_progress)
            write_json(folder() / _SPEED_FILE, speed.to_json())
            return room_speed.findings(speed, now_measured=True)
        except EngineError as error:
            reason = error
    if (known := last_speed()) is not None:
        found = room_speed.findings(known, now_measured=False)
        return [*([Finding(MINUTE, LOOK, reason)] if reason else []), *found]
    sentence = reason or EngineError("How fast this machine trains was not measured.")
    advice = EngineError("Check again when nothing trains here, or show the recorded runs.")
    return [Finding(MINUTE, LOOK, sentence, advice)]


def _measured(on_progress: OnProgress) -> Speed:
    """Trains a short run of the lesson's kind, alone on its device, and leaves nothing of it.

    Raises:
        Cancelled: a person stopped it. EngineError: it cannot be trained here, or another run has the device.
    """
    with temporary(folder() / "run") as own:
        try:
            source = own / "articles"
            source.mkdir(parents=True)
            for name, content in secret.articles(secret.Secret(secret.EXAMPLE, secret.TIMES[0])).items():
                write_bytes(source / name, content, durable=False)
            settings = room_speed.tried(str(source))
            offered, count = suiting(settings)
            with Claim(offered, count, paths.checkpoints_root()) as claim:
                if not claim.acquire():
                    raise RunError("Another run has this machine's device: its speed is not measured beside it.")
                with _kept_in(own):
                    return _trained(settings, own / "runs", on_progress)
        finally:
            shutil.rmtree(own, ignore_errors=True)


@contextlib.contextmanager
def _kept_in(own: Path) -> Iterator[None]:
    """Has this process keep runs, and what is prepared and measured for them, in a folder that goes."""
    places = {"ATELIER_CHECKPOINTS": str(own / "runs"), "ATELIER_CORPORA": str(own / "corpora")}
    former = {name: os.environ.get(name) for name in places}
    os.environ.update(places)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# Of a step whose memory ran out: what it holds must not be freed (docs/decisions/0011).
_broken: list[BaseException] = []


def _trained(settings: RunSettings, root: Path, on_progress: OnProgress) -> Speed:
    run = lifecycle.create(settings, root=root)
    cancelled: list[bool] = []

    def tell(progress: Progress) -> None:
        try:
            on_progress(progress)
        except Cancelled:
            cancelled.append(True)
            raise

    try:
        result = worker.work(run, on_progress=tell)
    except memory.RestartNeeded as error:
        _broken.append(error)
        raise EngineError("Memory ran out while the speed was measured: close other programs.") from error
    if cancelled:
        raise Cancelled
    speed = room_speed.of_run(run) if result is not None else None
    if speed is None:
        raise RunError("The run that measures this machine's speed did not come to its end.")
    return speed


if __name__ == "__main__":
    memory.leave(jobs.work(Path(sys.argv[1]), check))  # TensorFlow takes seconds to take itself apart

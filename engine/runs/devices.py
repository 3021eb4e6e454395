"""Devices that a run may have to itself: how many it takes of which, their locks, and the word where a GPU is there and unused.

Several together are written as they are offered to a trainer: gpu:0,gpu:1.
"""

from collections.abc import Sequence
from pathlib import Path

from engine.core import framework, gpu_use, machine
from engine.core.errors import ResourcesError
from engine.core.locks import Lock
from engine.runs.folder import Run
from engine.runs.settings import RunSettings

CPU = "cpu"
_SEPARATOR = ","


def device_lock(device: str, root: Path) -> Path:
    """The file whose lock means: somebody trains on this device."""
    return root / ".locks" / f"device-{device.replace(':', '-')}.lock"


def joined(names: Sequence[str]) -> str:
    """Devices as one text."""
    return _SEPARATOR.join(names)


def parted(text: str) -> tuple[str, ...]:
    """The devices that such a text names."""
    return tuple(text.split(_SEPARATOR))


def suiting(settings: RunSettings) -> tuple[tuple[str, ...], int]:
    """The devices on any of which a run may train, and how many of them it takes: of the CPU one, as how many
    devices the framework may ever take it.

    Raises:
        EngineError: a GPU that is not there, fewer devices than are to share the run, or a framework that cannot.
    """
    if settings.devices > 1 and (problem := framework.devices_problem()) is not None:
        raise problem
    found = machine.devices(settings.device)
    there = framework.processors() if found == (CPU,) else len(found)
    if settings.devices > there:
        raise too_few(settings.devices, there, ", ".join(found))
    return found, 1 if found == (CPU,) else settings.devices


def too_few(wanted: int, count: int, names: str) -> ResourcesError:
    """The sentence where a run wants more devices than there are; a run that has begun may go on on fewer."""
    return ResourcesError(
        "{wanted} devices are to share this run, and here are {count} ({names}): set devices to {count} or less. A run that "
        "has begun goes on so with: resume RUN --devices {count}.",
        wanted=wanted,
        count=count,
        names=names,
    )


class Claim:
    """The locks of all devices that a trainer takes, or of none."""

    def __init__(self, offered: Sequence[str], count: int, root: Path) -> None:
        """
        Args:
            offered: devices, of which any will do. count: how many are taken. root: the folder of runs.
        """
        self._locks = {name: Lock(device_lock(name, root)) for name in offered}
        self._count, self._choosing = count, Lock(root / ".locks" / "choosing-devices.lock")
        self.held: dict[str, Lock] = {}

    def acquire(self) -> bool:
        """Takes as many as are wanted, or none; False where too few are free.

        Of two trainers that want several, each might take some and wait for the others: so one chooses at a time.
        """
        if self._count == 1:
            return self._take()
        with self._choosing as chooses:
            return chooses.acquire() and self._take()

    def _take(self) -> bool:
        for name, lock in self._locks.items():
            if len(self.held) < self._count and lock.acquire():
                self.held[name] = lock
        if len(self.held) == self._count:
            return True
        self.release()
        return False

    def release(self) -> None:
        """Gives them back."""
        for lock in self.held.values():
            lock.release()
        self.held = {}

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def say_unused(run: Run) -> None:
    """Writes into a run's events, once for each start, that the driver shows a GPU and the CPU trains all the same.

    Its pages show it. Said where nobody named a device: a GPU that was named and cannot be used is refused.
    """
    problem = gpu_use.problem(machine.gpus(), run.folder.parent) if run.settings.device == "auto" else None
    if problem is None:
        return
    of_this_start = [
        event for event in run.events("gpu_unused", "state") if event["kind"] != "state" or "device" in event
    ]
    if not of_this_start or of_this_start[-1]["kind"] == "state":
        run.append_event("gpu_unused", reason=problem.to_json())

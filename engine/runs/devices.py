"""Devices that a run may have to itself: the lock that its trainer holds, and the word where a GPU is there and unused."""

from pathlib import Path

from engine.core import gpu_use, machine
from engine.runs.folder import Run


def device_lock(device: str, root: Path) -> Path:
    """The file whose lock means: somebody trains on this device."""
    return root / ".locks" / f"device-{device.replace(':', '-')}.lock"


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

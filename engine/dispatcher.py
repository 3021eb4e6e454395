"""`python -m engine.dispatcher`: starts a trainer for the next run that waits, and ends when nothing waits.

It only makes things happen; whether a run may start is decided in the trainer, so several dispatchers do no harm.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine import launch, machine, paths, runs, trainer
from engine.errors import EngineError, sentence
from engine.locks import Lock, held
from engine.runs import Run

POLL_SECONDS = 0.3
IDLE_SECONDS = 3.0


def lock_path(root: Path) -> Path:
    """The file whose lock means: a dispatcher is at work."""
    return root / ".locks" / "dispatcher.lock"


def waiting(root: Path) -> list[Run]:
    """The runs in the queue, the next one first."""
    queued = [(run.state(), run) for run in runs.all_runs(root)]
    queued = [(state, run) for state, run in queued if state.state == runs.QUEUED]
    return [run for _, run in sorted(queued, key=lambda pair: pair[0].queued_at)]


def start_trainer(run: Run) -> subprocess.Popen:
    """Starts the process of one run."""
    return launch.detached("engine.trainer", str(run.folder.resolve()), log=run.folder / "trainer.log")


@dataclass
class Dispatcher:
    """One iteration is a method, so that a test calls it without a thread or a sleep.

    Attributes:
        root: the folder of all runs.
        start: starts the trainer of a run.
        children: the trainers it started, by device.
    """

    root: Path
    start: Callable[[Run], subprocess.Popen] = start_trainer
    children: dict[str, tuple[Run, subprocess.Popen]] = field(default_factory=dict)

    def turn(self) -> bool:
        """Collects trainers that ended, starts those whose device is free; False where nothing is left to do."""
        for device, (run, child) in list(self.children.items()):
            if child.poll() is not None:
                del self.children[device]
                _settle(run, child.returncode)
        # A stage whose parent is not finished keeps its place; nothing polls for it when nothing else is to be done.
        queue = [run for run in waiting(self.root) if not run.waits_for()]
        for run in queue:
            try:
                device = machine.resolve_device(run.settings.device)
            except EngineError as error:
                _fail(run, error)
                continue
            if device not in self.children and not held(trainer.device_lock(device, self.root)):
                self.children[device] = (run, self.start(run))
        return bool(queue or self.children)


def _settle(run: Run, code: int) -> None:
    """Marks a run whose trainer died without a word, with the reason in words."""
    with Lock(run.folder / "lock") as lock:
        if not lock.acquire(patience_seconds=5):
            return
        state = run.state().state
        if state not in (runs.INTERRUPTED, runs.RUNNING) and not (state == runs.QUEUED and code):
            return
        if code < 0:
            template = sentence(
                "The trainer was ended by signal {number}; the system does that when memory runs out, or a person did. "
                "Resume goes on from the newest checkpoint."
            )
            reason = {"template": template, "values": {"number": -code}}
        else:
            template = sentence("The trainer ended with exit code {code}: the run's trainer.log says more.")
            reason = {"template": template, "values": {"code": code}}
        run.write_state(state=runs.INTERRUPTED, reason=reason, phase="")
        run.append_event("state", state=runs.INTERRUPTED, reason=reason)


def _fail(run: Run, error: EngineError) -> None:
    with Lock(run.folder / "lock") as lock:
        if lock.acquire():
            reason = {"template": error.template, "values": error.values}
            run.write_state(state=runs.FAILED, reason=reason, phase="")


def ensure(root: Path | None = None) -> None:
    """Makes sure that a dispatcher is at work; where two start at once, one of them leaves."""
    root = root or paths.checkpoints_root()
    if not held(lock_path(root)):
        launch.detached("engine.dispatcher", str(root.resolve()), log=root / ".locks" / "dispatcher.log")


def main() -> int:
    """Works until nothing has waited for some seconds."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else paths.checkpoints_root()
    with Lock(lock_path(root)) as lock:
        if not lock.acquire():
            return 0
        dispatcher, busy_at = Dispatcher(root), time.monotonic()
        while time.monotonic() - busy_at < IDLE_SECONDS:
            if dispatcher.turn():
                busy_at = time.monotonic()
            time.sleep(POLL_SECONDS)
    if waiting(root):  # asked for between the last look and the lock's release
        ensure(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())

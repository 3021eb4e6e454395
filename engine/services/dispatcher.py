"""`python -m engine.services.dispatcher`: starts a trainer for the next run that waits, and ends when nothing waits.

It only makes things happen; whether a run may start is decided in the trainer, so several dispatchers do no harm.
"""

import contextlib
import functools
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core import launch, paths
from engine.core.errors import EngineError, GoneError, StorageError, sentence
from engine.core.files import sweep
from engine.core.locks import Lock, held
from engine.runs import devices, final_state, lifecycle, states
from engine.runs.folder import Run
from engine.runs.queue import waiting

POLL_SECONDS = 0.3
MOST_STARTS = 4  # of a run without a new checkpoint in between: the first one, and three that resume it
IDLE_SECONDS = 3.0
_LOOK_SECONDS = 5.0  # between two looks of a trainer whether a dispatcher is there,
_FIRST_LOOK_SECONDS = 1.0  # once it holds its locks: before, the dispatcher would start another trainer of its run
_KILLED = 9  # the signal's number, which Windows' module does not know
_ABANDONED_SECONDS = 3600.0
LEAST_FREE_BYTES = 1 << 20  # below, a trainer could not even write why it fails


def lock_path(root: Path) -> Path:
    """The file whose lock means: a dispatcher is at work."""
    return root / ".locks" / "dispatcher.lock"


def has_space(root: Path) -> bool:
    """Whether the disk has room for a trainer's first words; where it has none, what waits goes on waiting."""
    return shutil.disk_usage(root).free >= LEAST_FREE_BYTES


def start_trainer(run: Run, device: str) -> subprocess.Popen[bytes]:
    """Starts the process of one run on one device."""
    return launch.detached("engine.services.worker", str(run.folder.resolve()), device, log=run.folder / "trainer.log")


@dataclass
class Dispatcher:
    """One iteration is a method, so that a test calls it without a thread or a sleep.

    Attributes:
        root: the folder of all runs.
        start: starts the trainer of a run on a device.
        children: the trainers it started, by their devices, joined.
    """

    root: Path
    start: Callable[[Run, str], subprocess.Popen[bytes]] = start_trainer
    children: dict[str, tuple[Run, subprocess.Popen[bytes]]] = field(default_factory=dict)

    def turn(self) -> bool:
        """Collects trainers that ended, starts those whose device is free; False where nothing is left to do, and nobody
        is at work whose end would have to be seen (a run in somebody's terminal too)."""
        for device, (run, child) in list(self.children.items()):
            if child.poll() is not None:
                del self.children[device]
                settle(run, child.returncode)
        every = lifecycle.all_runs(self.root)
        begun = {run.name for run, _child in self.children.values()}
        for run in every:
            if run.orphaned() and run.name not in begun:
                settle(run, None)
        # A stage whose parent is not finished keeps its place; nothing polls for it when nothing else is to be done.
        queue = [run for run in waiting(self.root) if _may_start(run)]
        # Looked at once a turn: a device that comes free between two looks would go to a run further behind.
        is_free = functools.cache(lambda device: not held(devices.device_lock(device, self.root)))
        taken = {name for chosen in self.children for name in devices.parted(chosen)}
        for run in queue if has_space(self.root) else []:
            try:
                # One whose trainer has not taken its locks yet waits still.
                if run.name in begun:
                    continue
                suiting, count = devices.suiting(run.settings)
                free = [name for name in suiting if name not in taken and is_free(name)]
                if len(free) >= count:
                    chosen = devices.joined(free[:count])
                    self.children[chosen] = (run, self.start(run, chosen))
                    free = free[:count]
                # Those that are too few for a run wait for the others with it: runs behind it would take them for ever.
                taken |= set(free)
            except (StorageError, OSError):
                continue  # it waits until there is space, or has just been deleted
            except EngineError as error:
                _fail(run, error)
        return bool(queue or self.children) or any(run.at_work() and not run.scheduled for run in every)


def _may_start(run: Run) -> bool:
    """Whether a waiting run waits for the device alone; one whose configuration cannot be read is failed."""
    try:
        return run.waits_for() is None
    except EngineError as error:
        _fail(run, error)
        return False


def settle(run: Run, code: int | None) -> None:
    """Puts a run whose trainer died back into the queue, at its old place, or fails it when that keeps happening; stops or
    pauses it where that was asked and the trainer could not answer any more.

    On a full disk it stays as it is, until a later turn finds space. Where the run was deleted while it trained, what the
    trainer left behind goes.

    Args:
        code: how the trainer ended; negative is a signal, None is not known.
    """
    if not run.exists():
        lifecycle.clear_remains(run)
        return
    with contextlib.suppress(StorageError), Lock(run.folder / "lock") as lock:
        if not lock.acquire(patience_seconds=5):
            return
        state = run.state()
        died_at_work = state.state in (states.INTERRUPTED, states.RUNNING)
        if not died_at_work and not (state.state == states.QUEUED and code):
            return
        run.sweep()
        run.give_last_words()
        if run.control():  # it was asked to end, and has
            final_state.end_as_requested(run)
            return
        reason: dict[str, Any] = {"template": _deaths_reason(code), "values": {"code": abs(code or 0)}}
        run.append_event("state", state=states.INTERRUPTED, reason=reason)
        if not died_at_work:  # it could not even begin: the next one could not either
            run.write_state(state=states.INTERRUPTED, reason=reason, phase="")
        elif state.starts < MOST_STARTS:
            run.write_state(state=states.QUEUED, reason=reason, phase="")
        else:
            last = {"starts": state.starts, "code": code if code is None or code >= 0 else 128 - code}
            run.write_state(state=states.FAILED, reason={"template": _last_reason(code), "values": last}, phase="")


def _last_reason(code: int | None) -> str:
    if code == -_KILLED:
        return sentence(
            "The trainer was killed {starts} times without a new checkpoint in between, as the system does when memory "
            "runs out: choose a smaller batch_size or sequence_length, LoRA, or a smaller preset, or close other "
            "programs; Resume tries again."
        )
    return sentence(
        "The trainer died {starts} times without a new checkpoint in between. The last time: exit code {code} "
        "(a signal where above 128). The run's trainer.log says more; Resume tries again."
    )


def _deaths_reason(code: int | None) -> str:
    if code is None:
        return sentence(
            "The trainer's process ended without a word; the run goes on by itself from its newest checkpoint."
        )
    if code == -_KILLED:
        return sentence(
            "The trainer was killed (signal {code}): the system does that when memory runs out, or a person did. The run "
            "goes on by itself from its newest checkpoint. If it happens again, choose a smaller batch_size or "
            "sequence_length, LoRA, or a smaller preset, or close other programs."
        )
    if code < 0:
        return sentence(
            "The trainer was ended by signal {code}; the system does that when memory runs out, or a person did. "
            "The run goes on by itself from its newest checkpoint."
        )
    return sentence("The trainer ended with exit code {code}: the run's trainer.log says more.")


def _fail(run: Run, error: EngineError) -> None:
    with contextlib.suppress(StorageError), Lock(run.folder / "lock") as lock:
        if lock.acquire():
            run.write_state(state=states.FAILED, reason=error.to_json(), phase="")


def work_left(root: Path | None = None) -> bool:
    """Whether a dispatcher has anything to do: a run that may start, or one whose trainer died."""
    root = root or paths.checkpoints_root()
    return any(_may_start(run) for run in waiting(root)) or any(run.orphaned() for run in lifecycle.all_runs(root))


def ensure(root: Path | None = None) -> None:
    """Makes sure that a dispatcher is at work; where two start at once, one of them leaves."""
    root = root or paths.checkpoints_root()
    if root.is_dir():
        launch.ensure_one("engine.services.dispatcher", root, lock_path(root), root / ".locks" / "dispatcher.log")


@contextlib.contextmanager
def watching(root: Path | None = None) -> Iterator[None]:
    """While the block runs, a dispatcher sees it and takes over should it die; whoever kills one finds another soon.
    When it ends, one is started if anything waits. For processes that train."""
    root, ended = root or paths.checkpoints_root(), threading.Event()

    def look() -> None:
        pause = _FIRST_LOOK_SECONDS
        while not ended.wait(pause):
            pause = _LOOK_SECONDS
            with contextlib.suppress(EngineError, OSError):  # a full disk is no reason to stop looking
                ensure(root)

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        ensure_if_needed(root)


def ensure_if_needed(root: Path) -> None:
    """Starts a dispatcher if anything waits and none is at work."""
    with contextlib.suppress(EngineError, OSError):
        if work_left(root):
            ensure(root)


def main() -> int:
    """Works until nothing has waited for some seconds, or the folder of runs is gone."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else paths.checkpoints_root()
    try:
        with Lock(lock_path(root)) as lock:
            if not lock.acquire(patience_seconds=1):  # a look at the lock takes it for a moment
                return 0
            sweep(root, seconds=_ABANDONED_SECONDS)  # what killed processes were making there
            _work(root, lock)
    except (GoneError, FileNotFoundError):
        if root.is_dir():
            raise
        return 0
    ensure_if_needed(root)  # asked for between the last look and the lock's release
    return 0


def _work(root: Path, lock: Lock) -> None:
    dispatcher, busy_at = Dispatcher(root), time.monotonic()
    while lock.stands() and time.monotonic() - busy_at < IDLE_SECONDS:
        if dispatcher.turn():
            busy_at = time.monotonic()
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m engine.trainer RUN`: the process of one run.

Who may start a run is decided here: the trainer takes the run's lock, reads its state again, takes the device's
lock, then counts the start. Starters only make things happen; several of them do no harm.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from engine import checkpoints, machine, memory, runs, submission
from engine.errors import EngineError, sentence
from engine.files import write_json
from engine.locks import Lock
from engine.runs import Run

DEVICE_PATIENCE_SECONDS = 5.0
OWNER = "owner.json"


def device_lock(device: str, root: Path) -> Path:
    """The file whose lock means: somebody trains on this device."""
    return root / ".locks" / f"device-{device.replace(':', '-')}.lock"


def work(run: Run, patience_seconds: float = DEVICE_PATIENCE_SECONDS, say: Callable[[str], None] = lambda line: None):
    """Takes the locks, trains, and leaves the run in a state that says how it ended.

    Args:
        patience_seconds: how long to wait for the device before the run goes back to the queue.
        say: takes a line of progress for a person at a terminal.

    Returns:
        The result, or None where the run was not this process's to start, went back to the queue, or was stopped.

    Raises:
        EngineError: what a person can act on; the run is marked as failed.
        memory.GoesOn: memory ran out; the run is in the queue again, and this process must end.
    """
    with Lock(run.folder / "lock") as run_lock:
        if not run_lock.acquire():
            return None
        if run.state().state not in (runs.QUEUED, runs.RUNNING, runs.INTERRUPTED) or run.waits_for():
            return None
        device = machine.resolve_device(run.settings.device)
        with Lock(device_lock(device, run.folder.parent)) as lock:
            if not lock.acquire(patience_seconds):
                return None
            return _train(run, device, say)


def _train(run: Run, device: str, say: Callable[[str], None]):
    write_json(run.folder / OWNER, {"pid": os.getpid(), "device": device, "since": time.time()})
    run.cut_torn_event()
    run.sweep()
    run.write_state(state=runs.RUNNING, phase="loading", reason=None, starts=run.state().starts + 1)
    run.append_event("state", state=runs.RUNNING, device=device)
    stop, heart = _StopRequests(run), _Heart(run)
    try:
        submission.settle_parent(run)
        _require_memory(run)
        result = _with_stopped(run, stop, say)
    except EngineError as error:
        _end(run, runs.FAILED, error.to_json())
        raise
    except memory.GoesOn:
        run.append_event("state", state=runs.QUEUED)
        run.write_state(state=runs.QUEUED, starts=0, phase="")  # at its old place; halving comes to an end by itself
        raise
    except Exception as error:
        traceback.print_exc()
        if memory.ran_out(error):
            _end(run, runs.FAILED, {"template": _OUT_OF_MEMORY, "values": {}})
            raise EngineError(_OUT_OF_MEMORY) from error
        template = sentence("An error that Atelier did not foresee: {error}. The run's trainer.log holds the details.")
        _end(run, runs.FAILED, {"template": template, "values": {"error": f"{type(error).__name__}: {error}"[:500]}})
        raise
    finally:
        stop.close()
        heart.close()
    if result is not None:
        _end(run, runs.FINISHED, None)
    else:
        _end(run, runs.PAUSED if run.control() == "pause" else runs.STOPPED, None)
    return result


_OUT_OF_MEMORY = sentence("Out of memory: choose a smaller batch_size or sequence_length, or LoRA.")


def _require_memory(run: Run) -> None:
    """Makes sure that the run's memory can be had; on a CPU with a part of each batch at a time where it must be.

    Raises:
        ResourcesError: it cannot; says what to change.
    """
    if not submission.works_in_pieces(run.settings):
        machine.require_memory(submission.estimate(run.settings).memory_bytes, run.folder)
        return
    rows, batch_size = submission.micro_batch(run.settings, machine.look(run.folder).available_bytes)
    events = run.events("memory")
    if rows < (events[-1]["micro_batch"] if events else batch_size):
        newest = checkpoints.newest_verified(run)
        step = newest.step if newest else -1
        run.append_event("memory", step=step, failed_step=None, micro_batch=rows, batch_size=batch_size)


def _with_stopped(run: Run, stop: "_StopRequests", say: Callable[[str], None]):
    from engine import evaluation, training  # the heavy imports, once the locks are held

    try:
        return training.train(run, stop.requested, say)
    except (training.Stopped, evaluation.Cancelled):
        return None


def _end(run: Run, state: str, reason: dict | None) -> None:
    run.append_event("state", state=state, reason=reason)
    run.write_state(state=state, reason=reason, phase="")
    (run.folder / "control.json").unlink(missing_ok=True)


class _Heart:
    """Touches the run's heartbeat now and then, so that a frozen process shows."""

    def __init__(self, run: Run) -> None:
        self._file, self._ended = run.folder / runs.HEARTBEAT, threading.Event()
        self._file.touch()
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        while not self._ended.wait(runs.HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):
                self._file.touch()

    def close(self) -> None:
        """Stops beating."""
        self._ended.set()


class _StopRequests:
    """A stop or pause may be asked by the control file, by Ctrl-C or by SIGTERM; all end in a checkpoint."""

    def __init__(self, run: Run) -> None:
        self._run, self._asked = run, False
        self._former = {}
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):  # SIGBREAK is Windows' Ctrl-Break
            if hasattr(signal, name):
                number = getattr(signal, name)
                self._former[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: object) -> None:
        self._asked = True

    def requested(self) -> bool:
        """Whether anybody asked."""
        self._asked = self._asked or self._run.control() in ("stop", "pause")
        return self._asked

    def close(self) -> None:
        """Gives the signals back."""
        for number, handler in self._former.items():
            signal.signal(number, handler)


def main() -> int:
    """The process that the dispatcher starts."""
    run = Run(Path(sys.argv[1]))
    try:
        work(run)
    except memory.GoesOn:
        memory.leave(0)  # the dispatcher starts the next process
    except EngineError as error:
        print(f"{error}", file=sys.stderr)
        if memory.ran_out(error.__cause__):
            memory.leave(1)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m engine.services.worker RUN DEVICE`: the process of one run.

Who may start a run is decided here: the trainer takes the run's lock, reads its state again, takes the device's
lock, then counts the start. Starters only make things happen; several of them do no harm.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.core import machine
from engine.core.checked import CONTROL_FILE
from engine.core.errors import EngineError, GoneError, StorageError, SupersededError, sentence
from engine.core.files import full, is_full, write_json
from engine.core.locks import Lock
from engine.core.progress import Cancelled, OnProgress, Phase, Progress, ignore
from engine.presets import catalogue, memory
from engine.runs import checkpoints, lifecycle, needs, retention, states, submission
from engine.runs.devices import CPU, Claim, joined, parted, say_unused, suiting
from engine.runs.final_state import end, end_as_requested
from engine.runs.folder import HEARTBEAT_SECONDS, OWNER, Run
from engine.runs.run_reader import HEARTBEAT
from engine.services import dispatcher

DEVICE_PATIENCE_SECONDS = 5.0
_LOOK_SECONDS = 0.5  # a page that looks whether somebody holds the run's lock takes it for a moment
_GRACE_SECONDS = 2.0  # from a stop until the process ends at once, where it has nothing to save


def work(
    run: Run,
    patience_seconds: float = DEVICE_PATIENCE_SECONDS,
    on_progress: OnProgress = ignore,
    device: str | None = None,
) -> dict[str, Any] | None:
    """Takes the locks, trains, and leaves the run in a state that says how it ended.

    Args:
        device: what the dispatcher found free: cpu, gpu:N or several of these; None = the first free ones that the settings allow.
        patience_seconds: how long to wait for the device before the run goes back to the queue.
        on_progress: told how far the training is; it ends it with a `Cancelled`, as a stop does.

    Returns:
        The result, or None where the run was not this process's to start, went back to the queue, or was stopped.

    Raises:
        EngineError: what a person can act on; the run is marked as failed.
        GoneError: the run's folder was deleted meanwhile; nothing of it is left.
        memory.RestartNeeded: memory ran out; the run is in the queue again, and this process must end.
    """
    with Lock(run.folder / "lock") as run_lock:
        if run.gone() or not run_lock.acquire(_LOOK_SECONDS):
            return None
        if run.state().state not in (states.QUEUED, states.RUNNING, states.INTERRUPTED) or run.waits_for():
            return None
        allowed, count = suiting(run.settings)
        claim = Claim(parted(device) if device else allowed, count, run.folder.parent)
        deadline = time.monotonic() + patience_seconds
        while not claim.acquire():
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.05)
        try:
            with claim:
                return _train(run, joined(tuple(claim.held)), on_progress, (run_lock, *claim.held.values()))
        except Exception as error:
            if not run.gone():
                raise
            run_lock.release()  # Windows removes no file that is open
            lifecycle.clear_remains(run)
            raise GoneError(
                "The folder of the run {name} was deleted while it trained: its trainer has ended.", name=run.name
            ) from error


def _train(run: Run, device: str, on_progress: OnProgress, held: tuple[Lock, ...]) -> dict[str, Any] | None:
    run.settle_place()
    begin(run, device)
    heart = Heart(run, held)
    return conduct(run, device, StopRequests(run, run.config.get("most_seconds")), heart, on_progress)


def begin(run: Run, device: str) -> None:
    """Says that a trainer has begun; the caller holds the run's lock, or its newest attempt."""
    run.cut_torn_event()
    run.sweep()  # first of all: what a save that was cut off has left may be what fills the disk
    run.keep_last_words()
    write_json(run.own / OWNER, {"pid": os.getpid(), "device": device, "since": time.time()})
    run.write_state(state=states.RUNNING, phase="loading", reason=None, starts=run.state().starts + 1)
    run.append_event("state", state=states.RUNNING, device=device)
    say_unused(run)


def conduct(
    run: Run, device: str, stop: "StopRequests", heart: "Heart", on_progress: OnProgress = ignore
) -> dict[str, Any] | None:
    """Trains a run that has begun, and leaves it in a state that says how it ended.

    Returns, raises: as `work`.
    """
    try:
        submission.settle_parent(run)
        _require_memory(run)
        # Before an hour's work rather than after it.
        retention.require_space(run.folder, needs.estimate(run.settings).checkpoint_bytes)
        result = _train_until_stopped(run, device, stop, heart, on_progress)
    except GoneError:
        raise
    except EngineError as error:
        end(run, states.FAILED, error.to_json())
        raise
    except memory.RestartNeeded:
        run.append_event("state", state=states.QUEUED)
        run.write_state(state=states.QUEUED, starts=0, phase="")  # at its old place; halving comes to an end by itself
        raise
    except Exception as error:
        with contextlib.suppress(OSError):  # the log's disk may be full
            traceback.print_exc()
        if is_full(error):
            end(run, states.FAILED, full(run.folder).to_json())
            raise full(run.folder) from error
        if memory.ran_out(error):
            end(run, states.FAILED, {"template": _OUT_OF_MEMORY, "values": {}})
            raise EngineError(_OUT_OF_MEMORY) from error
        template = sentence("An error that Atelier did not foresee: {error}. The run's trainer.log holds the details.")
        end(run, states.FAILED, {"template": template, "values": {"error": f"{type(error).__name__}: {error}"[:500]}})
        raise
    finally:
        stop.close()  # from here on a signal ends the process
        heart.close()
    if result is not None:
        end(run, states.FINISHED, None)
    else:
        stop.leave()
    return result


_OVERTIME = sentence(
    "It was stopped after {most} minutes, the most that a visitor's run may take; what it learnt is kept."
)
_OUT_OF_MEMORY = sentence("Out of memory: choose a smaller batch_size or sequence_length, or LoRA.")


def _require_memory(run: Run) -> None:
    """Makes sure that the run's memory can be had; on a CPU with a part of each batch at a time where it must be.

    Raises:
        ResourcesError: it cannot; says what to change.
    """
    if not needs.works_in_pieces(run.settings):
        needed = needs.estimate(run.settings).memory_bytes
        machine.require_memory(needed, run.folder, machine.FRAMEWORK_BYTES)
        return
    rows, batch_size = needs.micro_batch(run.settings, machine.look(run.folder).available_bytes)
    events = run.events("memory")
    if rows < (events[-1]["micro_batch"] if events else batch_size):
        newest = checkpoints.newest_verified(run)
        step = newest.step if newest else -1
        run.append_event("memory", step=step, failed_step=None, micro_batch=rows, batch_size=batch_size)


def _train_until_stopped(
    run: Run, device: str, stop: "StopRequests", heart: "Heart", on_progress: OnProgress
) -> dict[str, Any] | None:
    if device == CPU:
        _give_memory_back(run)
    from engine.training import fine_tuning  # the heavy imports, once the locks are held

    def after_progress(progress: Progress) -> None:
        heart.on_progress(progress)
        on_progress(progress)
        stop.check()

    try:
        return fine_tuning.train(run, device, after_progress)
    except Cancelled:
        return None


def _give_memory_back(run: Run) -> None:
    """Lets TensorFlow take memory from the system and give it back where the model is large; before it is imported.

    Where it computes by oneDNN (on processors with AVX-512) it keeps what it was once given in an arena of its own: after two
    steps of GPT-2 base that held 7.3 GB, where without it the largest moment of a step takes 5.5 GB and 2.9 GB stay. A small
    model is better off with it, since memory that is taken anew costs time.
    """
    if catalogue.find(run.settings.preset).parameters > memory.LARGE_PARAMETERS:
        os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")


def end_soon(run: Run, tell: Callable[[Path], object]) -> None:
    """Ends the process soon after a stop where nothing would be lost: TensorFlow loads and compiles for many seconds
    without asking. Who starts trainers is told, and leaves the run in the state that was asked for. Ends it too where the run's folder was
    deleted, with what was written there meanwhile.

    What is unsaved by then is less than a report's worth of steps, which a resume repeats.
    """
    requested_at = None

    while True:
        time.sleep(_GRACE_SECONDS / 4)
        if run.gone():
            lifecycle.clear_remains(run)
            os._exit(0)
        if run.control() not in ("stop", "pause"):
            requested_at = None
        elif requested_at is None:
            requested_at = time.monotonic()
        elif time.monotonic() - requested_at > _GRACE_SECONDS and nothing_unsaved(run):
            with contextlib.suppress(EngineError, OSError):
                tell(run.folder.parent)  # a dispatcher may have died meanwhile
            os._exit(0)


def nothing_unsaved(run: Run) -> bool:
    state = run.state()
    return state.phase in ("loading", "preparing") or state.step == run.saved_step()


class Heart:
    """Touches the run's heartbeat now and then while the training comes on, so that a process that is frozen, and one whose
    training hangs, shows.

    A thread touches it, so a stopped process falls silent at once. It falls silent too when there has been no progress
    for longer than the last piece of work lets one expect: `PAUSE_SECONDS` between two steps or batches, or
    `PACES` times what the last one took, and `LONG_SECONDS` where something is loaded, compiled or saved.
    """

    PAUSE_SECONDS, PACES, LONG_SECONDS = 10.0, 4, 900.0

    def __init__(self, run: Run, held: tuple[Lock, ...] = (), clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            held: the locks of the run and its device. Where their files were deleted they are taken anew; where another trainer
                has one by then, the run is that one's, and this process ends at once and writes nothing more.
        """
        self._run, self._held = run, held
        self._file, self._clock, self._ended = run.own / HEARTBEAT, clock, threading.Event()
        self.long_work()
        self._file.touch()
        threading.Thread(target=self._beat, daemon=True).start()

    def long_work(self) -> None:
        """Says that what comes next may take minutes without a sign of progress."""
        self._progress_at, self._patience, self._pieces = self._clock(), self.LONG_SECONDS, 0

    def on_progress(self, progress: Progress) -> None:
        """Takes what the training says: steps and windows come at a pace, all else may be silent for minutes."""
        if progress.done and progress.phase in (Phase.TRAINING, Phase.EVALUATING):
            self.progress()
        else:
            self.long_work()

    def progress(self) -> None:
        """Says that a step or a batch is done. The first one may have been compiled, so the second tells the pace."""
        now = self._clock()
        self._pieces += 1
        if self._pieces > 2:
            self._patience = max(self.PAUSE_SECONDS, self.PACES * (now - self._progress_at))
        self._progress_at = now

    def beats(self) -> bool:
        """Whether there is progress, as far as one can know."""
        return self._clock() - self._progress_at <= self._patience

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            if not self._keeps():
                print("Another trainer has this run: this process ends.", file=sys.stderr, flush=True)
                os._exit(1)
            if self.beats():
                with contextlib.suppress(OSError):
                    self._file.touch()

    def _keeps(self) -> bool:
        """Whether the run and its device are still this process's."""
        try:
            if self._run.gone():
                return True
            self._run.require_mine()
            return all(lock.renew() for lock in self._held)
        except SupersededError:
            return False
        except (StorageError, OSError):
            pass
        return True  # a full disk, or a folder that is being deleted: the training finds out itself

    def close(self) -> None:
        """Stops beating."""
        self._ended.set()


class StopRequests:
    """A stop or pause may be asked by the control file, by Ctrl-C or by SIGTERM; all end in a checkpoint.

    Attributes:
        overtime: whether the run was ended since it took `most_seconds`, and by nobody's wish.
    """

    SIGNALS: tuple[str, ...] = ("SIGINT", "SIGTERM", "SIGBREAK")  # SIGBREAK is Windows' Ctrl-Break

    def __init__(self, run: Run, most_seconds: float | None = None) -> None:
        self._run, self._stop_requested = run, False
        self._end = None if most_seconds is None else time.monotonic() + most_seconds
        self.overtime = False
        self._former = {}
        for name in self.SIGNALS:
            if hasattr(signal, name):
                number = getattr(signal, name)
                self._former[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: object) -> None:
        self._stop_requested = True
        with contextlib.suppress(StorageError):  # for `end_soon`: TensorFlow loads and compiles without asking
            write_json(self._run.folder / CONTROL_FILE, {"action": "stop", "time": time.time()}, durable=False)

    def check(self) -> None:
        """Ends the training where anybody asked for it.

        Raises:
            Cancelled: somebody did. GoneError: the run's folder was deleted.
        """
        if self._run.gone():
            raise GoneError("The folder {path} is gone: it was deleted or moved.", path=self._run.folder)
        self._stop_requested = self._stop_requested or self._run.control() in ("stop", "pause")
        if not self._stop_requested and self._end is not None and time.monotonic() > self._end:
            self._stop_requested = self.overtime = True
        if self._stop_requested:
            raise Cancelled

    def leave(self) -> None:
        """Leaves the run, whose training was ended, in the state that follows from what was asked."""
        if self.overtime:
            most = round(self._run.config["most_seconds"] / 60, 1)
            end(self._run, states.STOPPED, EngineError(_OVERTIME, most=most).to_json())
        else:
            end_as_requested(self._run)

    def close(self) -> None:
        """Gives the signals back."""
        for number, handler in self._former.items():
            signal.signal(number, handler)


def main() -> int:
    """The process that the dispatcher starts."""

    run = Run(Path(sys.argv[1]))
    if run.gone():  # deleted since the dispatcher looked
        return 0
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")  # the launcher keeps it as trainer.log
    logging.getLogger("engine").setLevel(logging.INFO)
    threading.Thread(target=end_soon, args=(run, dispatcher.ensure), daemon=True).start()
    try:
        with dispatcher.watching(run.folder.parent):
            work(run, device=sys.argv[2])
    except memory.RestartNeeded:
        memory.leave(0)  # the dispatcher starts the next process
    except EngineError as error:
        print(f"{error}", file=sys.stderr)
        if memory.ran_out(error.__cause__):
            memory.leave(1)
        return 1
    return 0


if __name__ == "__main__":
    memory.leave(main())  # everything is written: TensorFlow takes seconds to take itself apart

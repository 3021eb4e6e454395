"""`python -m engine.services.job RUN SUBMISSION`: the process of one run inside a job of Slurm's.

Before a time limit or a preemption Slurm warns with SIGUSR1: the trainer saves, says that the run waits, and has its job put
back. SIGTERM ends it the same way, but Slurm itself decides what becomes of the job.
"""

import signal

_early: list[int] = []  # signals that came before the trainer listened
if hasattr(signal, "SIGUSR1"):  # before the other imports, which take a while
    signal.signal(signal.SIGUSR1, lambda number, frame: _early.append(number))

import contextlib  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

from engine.core.errors import EngineError, GoneError, SchedulerError, sentence  # noqa: E402
from engine.presets import memory  # noqa: E402
from engine.runs import attempts, devices, final_state, states  # noqa: E402
from engine.runs.folder import Run  # noqa: E402
from engine.services import worker  # noqa: E402
from engine.services.launchers import decisions, scheduler, slurm  # noqa: E402

_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 2.0  # from a signal until the process ends at once, where it has nothing to save
_TOO_OFTEN = sentence(
    "Its trainer was started {starts} times without a new checkpoint in between: its job has too little memory or time "
    "(memory, time and warning_seconds in atelier.toml). The run's trainer.log says more; Resume tries again."
)


def begin(run: Run, submission: int) -> bool:
    """Begins an attempt of a run whose job was submitted from the attempt `submission`; False where the run is not, or no
    longer, this job's to train."""
    newest = attempts.newest(run.folder)
    known = attempts.facts(run.folder)
    state = run.state()
    if known.get("submission") != submission or state.state not in (states.QUEUED, states.RUNNING):
        return False
    run.attempt = attempts.begin(
        run.folder,
        attempts.TRAINER,
        newest,
        submission=submission,
        job=_job(),
        restart=_restarts(),
        node=os.environ.get("SLURMD_NODENAME") or platform.node(),
    )
    if run.attempt is None:
        return False
    if state.starts >= decisions.MOST_STARTS:
        final_state.end(run, states.FAILED, {"template": _TOO_OFTEN, "values": {"starts": state.starts}})
        return False
    return True


def _job() -> str:
    return os.environ.get("SLURM_JOB_ID", "0")


def _restarts() -> int:
    count = os.environ.get("SLURM_RESTART_COUNT", "0")
    return int(count) if count.isdecimal() else 0


class JobRequests(worker.StopRequests):
    """What ends a training inside a job: what a person asked by the control file, and Slurm's signals.

    Attributes:
        warned: whether Slurm warned that the job's time is over, so that it must be put back.
        told: whether any signal came.
    """

    SIGNALS = ("SIGUSR1", "SIGTERM", "SIGINT")

    def __init__(self, run: Run) -> None:
        super().__init__(run, run.config.get("most_seconds"))
        self.warned = self.told = bool(_early)
        self._stop_requested = self._stop_requested or self.told
        self._ends, self._closed = threading.Lock(), False
        # Python calls a handler between two of its own instructions alone: not while TensorFlow compiles for a minute.
        self._heard, self._sender = socket.socketpair()
        for end in (self._heard, self._sender):
            end.setblocking(False)
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)

    def listen(self) -> None:
        """Takes the signals that came since, whatever the main thread is at."""
        with contextlib.suppress(BlockingIOError):
            for number in self._heard.recv(64):
                if number in self._former:
                    self._note(number, None)

    def _note(self, number: int, frame: object) -> None:
        self.told = self._stop_requested = True
        self.warned = self.warned or number == signal.SIGUSR1

    def leave(self) -> None:
        """Leaves the run as a person asked, or waiting for its next start."""
        if self._run.control() or self.overtime or not self.told:
            super().leave()
        elif not self.warned and _was_cancelled():
            final_state.end(self._run, states.STOPPED, {"template": slurm.CANCELLED, "values": {}})
        else:
            self._run.give_last_words()
            self._run.append_event("state", state=states.QUEUED)
            # A start that Slurm itself cut off (a preemption, an administrator) says nothing of the run.
            starts = self._run.state().starts - (not self.warned)
            self._run.write_state(state=states.QUEUED, phase="", reason=None, starts=max(0, starts))

    def close(self) -> None:
        """Passes over all further signals: what is left to be done takes less time than Slurm gives. The training has ended
        itself: nobody else leaves the run from here on; who does so already ends the process, for which this waits."""
        for number in self._former:
            signal.signal(number, signal.SIG_IGN)
        with self._ends:
            self._closed = True

    def leave_for_good(self) -> None:
        """Leaves the run and ends the process, while the main thread is where it cannot be asked."""
        self._ends.acquire()
        if not self._closed:
            try:
                self.leave()
                self.put_back()
            finally:
                os._exit(0)
        self._ends.release()

    def put_back(self) -> None:
        """Has the job started again, where Slurm warned of its end and nobody asked for that; where Slurm does not answer, the
        run is submitted again by whoever looks next."""
        if self.warned and self._run.state().state == states.QUEUED:
            try:
                scheduler.requeue(_job())
            except SchedulerError as error:
                print(error, file=sys.stderr, flush=True)


def _was_cancelled() -> bool:
    with contextlib.suppress(SchedulerError):
        return scheduler.was_cancelled(_job(), _restarts())
    return False  # whoever looks at the jobs next finds it out


def _end_soon(run: Run, requests: JobRequests) -> None:
    """Ends the process soon after a signal or a request where nothing would be lost, since TensorFlow loads and compiles for
    many seconds without asking; and at once where the run was deleted or is another's by now."""
    asked_at = None
    while True:
        time.sleep(_LOOK_SECONDS)
        try:
            if run.gone():
                os._exit(0)
            run.require_mine()
            requests.listen()
            asked = requests.told or run.control() in ("stop", "pause")
            asked_at = (asked_at or time.monotonic()) if asked else None
            if asked_at is not None and time.monotonic() - asked_at > _GRACE_SECONDS and worker.nothing_unsaved(run):
                requests.leave_for_good()
        except GoneError:
            os._exit(0)


def main() -> int:
    """The process that a job's script becomes."""
    run, submission = Run(Path(sys.argv[1])), int(sys.argv[2])
    if run.gone() or not begin(run, submission):
        print("This run is another job's by now, or has ended: there is nothing to do.", flush=True)
        return 0
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("engine").setLevel(logging.INFO)
    try:
        allowed, count = devices.suiting(run.settings)
        device = devices.joined(allowed[:count])
        worker.begin(run, device)
        requests = JobRequests(run)
        threading.Thread(target=_end_soon, args=(run, requests), daemon=True).start()
        worker.conduct(run, device, requests, worker.Heart(run))
    except GoneError as error:  # deleted, or another's by now
        print(error, flush=True)
        return 0
    except memory.RestartNeeded:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "engine.services.job", *sys.argv[1:]])
    except EngineError as error:
        print(error, file=sys.stderr)
        # A device that is not there, say: it would not be there for the next job either.
        if run.state().state in (states.QUEUED, states.RUNNING):
            final_state.end(run, states.FAILED, error.to_json())
        return 1
    requests.put_back()
    if run.state().state == states.FINISHED:
        with contextlib.suppress(EngineError, OSError):  # the stages that wait for this run
            slurm.start(run.folder.parent)
    return 0


if __name__ == "__main__":
    memory.leave(main())  # everything is written: TensorFlow takes seconds to take itself apart

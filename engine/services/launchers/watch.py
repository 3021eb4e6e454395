"""What Slurm last answered, for all who look at pages: asked at most every five seconds, in a thread that nobody waits for."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from engine.core.errors import EngineError
from engine.services.launchers import scheduler, slurm
from engine.services.launchers.scheduler import Job

EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """Slurm's last answer.

    Attributes:
        at: Unix time before it was asked; 0 = it has never answered. jobs: by the id of their run.
        problem: why the last look brought nothing, or None.
    """

    at: float = 0.0
    jobs: dict[str, tuple[Job, ...]] = field(default_factory=dict)
    problem: EngineError | None = None

    @property
    def age_seconds(self) -> float:
        """How old it is."""
        return time.time() - self.at


class Watch:
    """Asks Slurm for all sessions of a process, and does on each answer what is to be done about the runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answer, self._all = Answer(), list[Job]()
        self._asked = float("-inf")  # on the monotonic clock, whether it answered or not
        self._busy = self._again = False

    def seen(self, root: Path) -> Answer:
        """The last answer, at once; where it is old, a thread asks anew."""
        with self._lock:
            if time.monotonic() - self._asked >= EVERY_SECONDS:
                self._begin(root)
            return self._answer

    def wake(self, root: Path) -> None:
        """Has what waits submitted soon, whatever the age of the answer; nobody waits for it."""
        with self._lock:
            self._again = True
            self._begin(root)

    def now(self, root: Path) -> Answer:
        """What Slurm answers now, once what is to be done has been; for commands, which wait for it."""
        self._work(root)
        return self._answer

    def _begin(self, root: Path) -> None:
        if not self._busy:
            self._busy = True
            threading.Thread(target=self._work, args=(root,), daemon=True).start()

    def _work(self, root: Path) -> None:
        while True:
            with self._lock:
                self._again = False
            problem = None
            try:
                self._look()
                slurm.tend(slurm.runs_of(root), self._all, self._answer.at)
            except EngineError as error:
                problem = error
            except Exception as error:  # a bug must not end all looks for good, nor be silent
                problem = EngineError(
                    "Slurm could not be asked: {error}", error=f"{type(error).__name__}: {error}"[:300]
                )
            with self._lock:
                self._answer = Answer(self._answer.at, self._answer.jobs, problem)
                if not self._again:
                    self._busy = False
                    return

    def _look(self) -> None:
        """Asks, where the last answer is old enough."""
        if time.monotonic() - self._asked < EVERY_SECONDS:
            if self._answer.problem is not None:  # nothing is done by an old answer
                raise self._answer.problem
            if self._answer.at:
                return
        self._asked, asked_at = time.monotonic(), time.time()
        self._all = scheduler.jobs()
        by_run: dict[str, tuple[Job, ...]] = {}
        for job in self._all:
            by_run[job.run] = (*by_run.get(job.run, ()), job)
        with self._lock:
            self._answer = Answer(asked_at, by_run)


watch = Watch()

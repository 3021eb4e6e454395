"""What is to be done about a run that Slurm trains, from where it says it stands and from what Slurm shows: rules, nothing done."""

from dataclasses import dataclass
from enum import Enum

from engine.runs import attempts, states
from engine.runs.states import State
from engine.services.launchers.scheduler import CANCELLED, PENDING, Job

MOST_STARTS = 6  # of a run without a new checkpoint in between; nodes die more often than a machine at home
ANSWER_SECONDS = 60.0  # in which whoever submits a job has noted it
SETTLE_SECONDS = 15.0  # a job this young may not stand in an answer yet, nor its trainer's last word on the shared disk


class Action(Enum):
    """What is to be done."""

    NOTHING = "nothing"
    SUBMIT = "submit"  # it has no job yet
    RESUBMIT = "resubmit"  # its job is gone and it has not ended
    KEEP_JOB = "keep job"  # it has a job that it does not know of: the answer was lost
    END_AS_REQUESTED = "end as requested"  # it was asked to end, and nobody works on it
    SAY_CANCELLED = "say cancelled"  # somebody else cancelled its job
    FAIL = "fail"  # its jobs end again and again


@dataclass(frozen=True)
class Seen:
    """What is known of a run at one moment.

    Attributes:
        state: what it says itself. requested: "pause", "stop" or "", as a person asked. waits: whether for another run.
        by: who began the attempt in which it stands: "lab", "trainer", or "" where there is none yet.
        submits: whether that attempt was begun to submit a job. submission: the attempt whose job trains it; 0 = none.
        job: the id of that job; "" = not known.
        age_seconds: how long before Slurm was asked the attempt began, or its trainer gave its last sign of life.
        jobs: the jobs of Slurm's answer that name this run.
        newest: the number of its newest attempt. beginning: whether somebody has just made that one and not said yet what for.
    """

    state: State
    requested: str = ""
    waits: bool = False
    by: str = ""
    submits: bool = False
    submission: int = 0
    job: str = ""
    age_seconds: float = 1e9
    jobs: tuple[Job, ...] = ()
    newest: int = 0
    beginning: bool = False

    @property
    def ended(self) -> int:
        """How many of its jobs ended since its newest checkpoint; one that never came to train counts, too."""
        return self.state.starts + (self.by == attempts.LAB)

    @property
    def own_job(self) -> Job | None:
        """The job that may train it, where Slurm shows it."""
        return next((job for job in self.jobs if job.submission == self.submission), None)


def decide(seen: Seen) -> Action:
    """What is to be done now. Slurm has answered: without an answer nothing is."""
    state, job = seen.state.state, seen.own_job
    if state not in (states.QUEUED, states.RUNNING) or seen.beginning:
        return Action.NOTHING
    if seen.requested and (job is None or not job.live or job.state == PENDING):
        return Action.END_AS_REQUESTED if seen.age_seconds > SETTLE_SECONDS else Action.NOTHING
    if job is not None and job.live:
        return Action.KEEP_JOB if seen.by == attempts.LAB and not seen.job else Action.NOTHING
    if seen.waits:
        return Action.NOTHING
    if seen.by == "" or (seen.by == attempts.LAB and not seen.submits):
        return Action.SUBMIT
    # What a trainer said last may not be seen here yet; and who submits a job may not have noted it yet.
    if seen.age_seconds < (SETTLE_SECONDS if seen.job else ANSWER_SECONDS if job is None else 0.0):
        return Action.NOTHING
    if job is not None and job.state == CANCELLED:
        return Action.SAY_CANCELLED
    return Action.RESUBMIT if seen.ended < MOST_STARTS else Action.FAIL


def superfluous(seen: Seen) -> list[Job]:
    """The jobs that no longer may train the run: each would find that when it starts, and end."""
    if seen.state.state in (states.COPIED, states.BROKEN):  # a copy bears the id of the run whose jobs these are
        return []
    ended = seen.state.state not in (states.QUEUED, states.RUNNING)
    return [
        job for job in seen.jobs if job.live and (job.submission < seen.submission or (ended and job.state == PENDING))
    ]

"""Slurm by its own commands: sbatch, squeue, scancel and scontrol, each with a limit of time, and what they answer."""

import os
import re
import subprocess
from dataclasses import dataclass

from engine.core.errors import SchedulerError

LOOK_SECONDS, SUBMIT_SECONDS = 20.0, 60.0
COMMENT = "atelier"
PENDING, RUNNING, CANCELLED = "PENDING", "RUNNING", "CANCELLED"
# A job that has not ended: it waits, works, or is being taken apart or put back.
LIVE = {
    PENDING, RUNNING, "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD",
    "SPECIAL_EXIT", "RESIZING", "SIGNALING", "STAGE_OUT", "RESV_DEL_HOLD",
}  # fmt: skip
_FIELDS = "%i|%T|%r|%N|%S|%L|%k"
# Answers after which another try may succeed: of no controller, and of one that takes no more jobs of a person just now.
_PASSING = re.compile(
    r"contact slurm controller|timed out|refused|temporarily|not respond|communication|submit limit|"
    r"transport endpoint|try again|protocol authentication|not available now",
    re.IGNORECASE,
)


class UnansweredError(SchedulerError):
    """Slurm did not answer, or takes no job just now: what was asked may have been done or not."""


@dataclass(frozen=True)
class Job:
    """A job as squeue shows it.

    Attributes:
        state: Slurm's word, such as PENDING. reason: why it waits, Slurm's word. node: where it works; "" = nowhere yet.
        starts: when it is expected to start or has started, as squeue writes it. left: of its time.
        run: the id of the run that it trains; "" = none of the lab's. submission: the attempt from which it was submitted.
    """

    id: str
    state: str
    reason: str = ""
    node: str = ""
    starts: str = ""
    left: str = ""
    run: str = ""
    submission: int = 0

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE


def comment(run_id: str, submission: int) -> str:
    """The comment by which a job is found again where the answer of sbatch was lost."""
    return f"{COMMENT}/{run_id}/{submission}"


def jobs() -> list[Job]:
    """All jobs of this user that Slurm still shows, those that ended lately too.

    Raises:
        UnansweredError: it does not answer.
    """
    return parse(_ask(["squeue", "--me", "-h", "-t", "all", "-o", _FIELDS], LOOK_SECONDS))


def parse(answer: str) -> list[Job]:
    """The jobs of squeue's answer; lines that are none are passed over."""
    found = []
    for line in answer.splitlines():
        parts = line.split("|", 6)
        if len(parts) == 7:
            number, state, reason, node, starts, left, note = parts
            ours = re.fullmatch(rf"{COMMENT}/([0-9a-f]{{32}})/([0-9]{{1,9}})", note)
            run, submission = (ours[1], int(ours[2])) if ours else ("", 0)
            found.append(Job(number, state, reason, node, starts, left, run=run, submission=submission))
    return found


def submit(options: list[str], script: str) -> str:
    """Submits a script, and gives the id of its job.

    Raises:
        UnansweredError: Slurm does not answer, or takes none just now. SchedulerError: it refuses the job, and says why.
    """
    answer = _ask(["sbatch", "--parsable", *options], SUBMIT_SECONDS, script)
    job = answer.strip().partition(";")[0]
    if not job.isdecimal():
        raise UnansweredError("Slurm's answer to sbatch is no number of a job: {answer}", answer=_shown(answer))
    return job


def cancel(*ids: str) -> None:
    """Cancels jobs; those that have ended stay as they are.

    Raises:
        UnansweredError, SchedulerError: Slurm does not answer, or refuses.
    """
    if ids:
        _ask(["scancel", *ids], LOOK_SECONDS)


def requeue(job: str) -> None:
    """Puts a job back into the queue; it is ended first.

    Raises:
        UnansweredError, SchedulerError: Slurm does not answer, or refuses.
    """
    _ask(["scontrol", "requeue", job], LOOK_SECONDS)


def was_cancelled(job: str, restarts: int, seconds: float = 5.0) -> bool:
    """Whether somebody cancelled a job that was told to end: it is over, was not put back, and its time had not run out.

    Args:
        restarts: how often it had been put back when it started.

    Raises:
        UnansweredError, SchedulerError: Slurm does not answer, or no longer knows it.
    """
    answer = _ask(["scontrol", "-o", "show", "job", job], seconds)
    said = dict(word.partition("=")[::2] for word in answer.split())
    if said.get("JobState") not in ("COMPLETING", CANCELLED) or said.get("EndTime", "Unknown") == "Unknown":
        return False
    return said.get("Restarts") == str(restarts) and said.get("Reason", "None") == "None"


def _ask(command: list[str], seconds: float, text: str | None = None) -> str:
    # What the job in which this process may run was given would be taken for this one's, and squeue's own settings change it.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SBATCH_", "SQUEUE_", "SLURM_"))}
    if "SLURM_CONF" in os.environ:
        kept["SLURM_CONF"] = os.environ["SLURM_CONF"]
    try:
        done = subprocess.run(
            command,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env=kept,
            check=False,
        )
    except FileNotFoundError as error:
        raise SchedulerError(
            "There is no {command} here: Slurm's commands must be found on this machine (module load slurm).",
            command=command[0],
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnansweredError(
            "Slurm has not answered {command} within {seconds} s.", command=command[0], seconds=round(seconds)
        ) from error
    if done.returncode:
        said = _shown(done.stderr or done.stdout)
        if _PASSING.search(said):
            raise UnansweredError("Slurm does not take {command} just now: {answer}", command=command[0], answer=said)
        raise SchedulerError("Slurm refuses {command}: {answer}", command=command[0], answer=said)
    return done.stdout


def _shown(answer: str) -> str:
    """What a command of Slurm said, as much as a sentence shows."""
    lines = [re.sub(r"^\w+: (error|fatal): ", "", line).strip() for line in answer.splitlines()]
    text = " ".join(line for line in lines if line) or "–"
    return text if len(text) <= 300 else f"{text[:300]}…"

"""Has runs trained by Slurm: submits a job for each that may start, cancels jobs, and settles what became of them.

Slurm is the queue. There is no dispatcher, no lock of a device, and nobody watches: whoever looks (a page, a command, a
trainer that ends) does what is to be done (`tend`), and several who look at once do no harm, since each attempt is one's.
"""

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.core import lab_settings
from engine.core.errors import GoneError, RunError, SchedulerError, StorageError, sentence
from engine.runs import attempts, final_state, lifecycle, states
from engine.runs.folder import Run
from engine.runs.run_reader import HEARTBEAT
from engine.services.launchers import batch, decisions, scheduler
from engine.services.launchers.decisions import Action, Seen
from engine.services.launchers.scheduler import Job, UnansweredError

CANCELLED = sentence("Its job was cancelled outside the lab (scancel); Resume submits it again.")
_GONE = sentence("Its job ended without a word; it was submitted again, and goes on from its newest checkpoint.")
_AGAIN_AND_AGAIN = sentence(
    "Its jobs ended {starts} times without a new checkpoint in between: too little memory or time in atelier.toml, or an "
    "environment that is not there on the node. The run's trainer.log says more; python -m engine cluster check looks; "
    "Resume tries again."
)


def start(root: Path) -> None:
    """Submits what may start, and settles what has ended.

    Raises:
        UnansweredError: Slurm does not answer, and nothing was done. SchedulerError: its commands are not there.
    """
    if runs := runs_of(root):
        asked_at = time.time()
        tend(runs, scheduler.jobs(), asked_at)


def runs_of(root: Path) -> list[Run]:
    """The runs that Slurm trains, or has trained, the first that was asked for first."""
    found = [(run.state(), run) for run in lifecycle.all_runs(root) if run.scheduled]
    return [run for _state, run in sorted(found, key=lambda pair: (pair[0].queued_at, pair[1].name))]


def work_left(root: Path) -> bool:
    """Whether any run that Slurm trains waits or works."""
    return any(
        run.scheduled and run.state().state in (states.QUEUED, states.RUNNING) for run in lifecycle.all_runs(root)
    )


def tend(runs: Iterable[Run], jobs: list[Job], asked_at: float) -> None:
    """Does what is to be done about each run, from one answer of Slurm's.

    Args:
        asked_at: Unix time before it was asked: of what has changed since it says nothing.

    Raises:
        UnansweredError: Slurm takes no job just now; the runs that are left wait.
    """
    by_run: dict[str, list[Job]] = {}
    for job in jobs:
        by_run.setdefault(job.run, []).append(job)
    superfluous: list[str] = []
    silence: UnansweredError | None = None
    for run in runs:
        with contextlib.suppress(GoneError, StorageError, RunError):  # deleted, taken over, or on a full disk
            seen = look(run, tuple(by_run.get(str(run.config.get("id", "")), ())), asked_at)
            superfluous += [job.id for job in decisions.superfluous(seen)]
            try:
                _act(run, seen, decisions.decide(seen))
            except UnansweredError as error:
                silence = error
                break
    with contextlib.suppress(SchedulerError):  # each of these ends itself when it starts
        scheduler.cancel(*superfluous)
    if silence is not None:
        raise silence


def look(run: Run, jobs: tuple[Job, ...], asked_at: float) -> Seen:
    """What is known of a run, `jobs` being those that name it."""
    newest = attempts.newest(run.folder)
    # In this order: an attempt that says nothing yet is beginning, and would be none where it spoke in between.
    beginning = attempts.is_beginning(run.folder, decisions.ANSWER_SECONDS)
    known = attempts.facts(run.folder)
    return Seen(
        run.state(),
        run.control(),
        run.waits_for() is not None,
        known.get("by", ""),
        known.get("submits", False),
        known.get("submission", 0),
        known.get("job", ""),
        asked_at - max(known.get("time", 0.0), _heard_at(run)),
        jobs,
        newest,
        beginning,
    )


def _heard_at(run: Run) -> float:
    try:
        return (run.home / HEARTBEAT).stat().st_mtime
    except OSError:
        return 0.0


def _act(run: Run, seen: Seen, action: Action) -> None:
    if action == Action.SUBMIT:
        submit(run, seen.newest, seen.state.starts)
    elif action == Action.RESUBMIT:
        # A job that never came to train counts, too: its environment may be missing.
        submit(run, seen.newest, seen.ended, {"template": _GONE, "values": {}})
    elif action == Action.KEEP_JOB and seen.own_job is not None:
        attempts.note_job(run.folder, seen.submission, seen.own_job.id)
    elif action == Action.END_AS_REQUESTED:
        with run.taken_over(seen.newest) as mine:
            if mine:
                final_state.end_as_requested(run)
    elif action == Action.SAY_CANCELLED:
        with run.taken_over(seen.newest) as mine:
            if mine:
                final_state.end(run, states.STOPPED, {"template": CANCELLED, "values": {}})
    elif action == Action.FAIL:
        with run.taken_over(seen.newest) as mine:
            if mine:
                reason = {"template": _AGAIN_AND_AGAIN, "values": {"starts": seen.ended}}
                final_state.end(run, states.FAILED, reason)


def submit(run: Run, after: int, starts: int = 0, reason: dict[str, Any] | None = None) -> bool:
    """Submits a job that trains a run; False where somebody else does so at the same time.

    Args:
        after: the number of its newest attempt when one looked how it stands.
        starts: trainers started without a new checkpoint in between. reason: why it is submitted again.

    Raises:
        UnansweredError: Slurm does not answer: where it took the job all the same, it is found by its comment. GoneError: the
            run was taken over or deleted. SettingsError: `atelier.toml` is wrong.
    """
    slurm = lab_settings.read().slurm
    run.attempt = attempt = attempts.begin(run.folder, attempts.LAB, after, submits=True)
    if attempt is None:
        return False
    try:
        run.write_state(durable=False, state=states.QUEUED, phase="", starts=starts, reason=reason)
        if reason is not None:
            run.append_event("state", state=states.INTERRUPTED, reason=reason)
        run.require_mine()
        try:
            job = batch.submit_run(run, slurm, attempt.number)
        except UnansweredError:
            raise
        except SchedulerError as error:
            final_state.end(run, states.FAILED, error.to_json())
            return True
        attempts.keep_job(attempt, job)
        return True
    finally:
        run.attempt = None


def cancel(run: Run) -> None:
    """Cancels the job of a run that was stopped or paused before it worked; one that works ends itself, with a checkpoint.

    Raises:
        UnansweredError, SchedulerError: Slurm does not answer, or refuses: the job ends itself when it starts.
    """
    if run.state().state not in (states.QUEUED, states.RUNNING):
        run_id = run.config.get("id")
        scheduler.cancel(*(job.id for job in scheduler.jobs() if job.run == run_id and job.live))

"""Says in sentences where a run stands that Slurm trains: why it waits, on which node it works, how often it was put back."""

import time
from typing import Any

from engine.core.errors import EngineError, sentence
from engine.runs import attempts, states
from engine.runs.folder import Run
from engine.services.launchers.scheduler import PENDING, RUNNING, Job
from engine.services.launchers.watch import EVERY_SECONDS, Answer, watch

_OLD_SECONDS = 4 * EVERY_SECONDS
# Slurm's words for why a job waits (its manual, JOB REASON CODES); others are shown as they are.
_REASONS = {
    "None": sentence("Slurm has not looked at it yet"),
    "Priority": sentence("other jobs are before it"),
    "Resources": sentence("all nodes that suit it are in use"),
    "BeginTime": sentence("Slurm lets a job that was put back rest for up to two minutes"),
    "Cleaning": sentence("its last start is still being cleared away"),
    "Dependency": sentence("it waits for another job"),
    "JobHeldUser": sentence("somebody holds it back (scontrol release JOB lets it go)"),
    "JobHeldAdmin": sentence("an administrator of the cluster holds it back"),
    "ReqNodeNotAvail": sentence("the nodes that it asks for are down or reserved"),
    "NodeDown": sentence("the nodes that it asks for are down"),
    "PartitionDown": sentence("its partition is down"),
    "PartitionInactive": sentence("its partition takes no jobs just now"),
    "PartitionTimeLimit": sentence("its time limit is longer than its partition allows: lower time in atelier.toml"),
    "PartitionNodeLimit": sentence("it asks for more than its partition has"),
    "PartitionConfig": sentence("its partition does not allow what it asks for"),
    "InvalidAccount": sentence("its account may not use this partition: see account in atelier.toml"),
    "InvalidQOS": sentence("its qos may not be used here: see qos in atelier.toml"),
    "Licenses": sentence("a licence that it asks for is in use"),
    "Reservation": sentence("its reservation has not begun"),
    "BadConstraints": sentence("no node has what it asks for: see gpu and sbatch in atelier.toml"),
    "launch failed requeued held": sentence("its node could not start it; an administrator must look"),
}
_FAMILIES = {  # what a word begins with
    "QOS": sentence("you have as many jobs or resources in use as your qos allows"),
    "Assoc": sentence("your account has as many jobs or resources in use as it may"),
    "MaxCpuPerAccount": sentence("your account has as many jobs or resources in use as it may"),
    "Nodes required for job are DOWN": sentence("the nodes that it asks for are down or reserved"),
}


def reason_in_words(word: str) -> EngineError:
    """Why a job waits, in plain words."""
    template = _REASONS.get(word)
    if template is None:
        template = next((said for opening, said in _FAMILIES.items() if word.startswith(opening)), None)
    return EngineError(template) if template else EngineError("Slurm says {reason}", reason=word[:80])


def of(run: Run) -> list[EngineError]:
    """Where a run stands, in sentences; none of a run that is trained here, or has ended. Nobody waits for Slurm."""
    return told(run, watch.seen(run.folder.parent)) if run.scheduled else []


def told(run: Run, answer: Answer) -> list[EngineError]:
    """The sentences for one answer of Slurm's."""
    state = run.state().state
    if state not in (states.QUEUED, states.RUNNING):
        return []
    known = attempts.facts(run.folder)
    jobs = answer.jobs.get(str(run.config.get("id", "")), ())
    job = next((job for job in jobs if job.submission == known.get("submission") and job.live), None)
    found = [_where(run, state, known, job)]
    starts = attempts.starts(run.folder, known["job"]) if known.get("job") else 0
    if starts > 1 or (starts and (job is not None and job.state == PENDING)):
        found.append(
            EngineError("It was put back and goes on from its newest checkpoint (starts so far: {n}).", n=starts)
        )
    if answer.at and answer.age_seconds > _OLD_SECONDS:
        found.append(EngineError("This is what Slurm said {n} s ago.", n=round(answer.age_seconds)))
    if answer.problem is not None:
        found.append(answer.problem)
    return found


def _where(run: Run, state: str, known: dict[str, Any], job: Job | None) -> EngineError:
    if job is not None and job.state == PENDING:
        reason = reason_in_words(job.reason)
        if job.starts and job.starts != "N/A":
            return EngineError(
                "Job {job} waits in Slurm's queue: {reason}. Slurm expects it to start at {time}.",
                job=job.id,
                reason=reason,
                time=job.starts.replace("T", " "),
            )
        return EngineError("Job {job} waits in Slurm's queue: {reason}.", job=job.id, reason=reason)
    if job is not None and (job.state == RUNNING or job.node):
        node = job.node or known.get("node", "")
        if state == states.RUNNING:
            return EngineError(
                "Job {job} works on {node}; {left} of its time are left.", job=job.id, node=node, left=job.left
            )
        return EngineError("Job {job} starts on {node}.", job=job.id, node=node)
    if (first := run.waits_for()) is not None:
        return EngineError("Its job is submitted when {run} is finished.", run=first)
    if known.get("job"):
        age = time.time() - known.get("time", 0.0)
        if state == states.RUNNING and known.get("node") and age >= 0:
            return EngineError("Job {job} was started on {node}.", job=known["job"], node=known["node"])
        return EngineError("Job {job} was submitted to Slurm.", job=known["job"])
    return EngineError("Its job is being submitted to Slurm.")

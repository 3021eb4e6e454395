"""Runs a job of seconds through the settings of `atelier.toml` and says in plain sentences what is missing."""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import __version__
from engine.core import lab_settings, paths
from engine.core.errors import EngineError, SchedulerError
from engine.core.files import make_folder, read_json
from engine.core.lab_settings import Slurm
from engine.services import probe
from engine.services.launchers import batch, outlook, scheduler
from engine.services.launchers.scheduler import PENDING, Job, UnansweredError

COMMANDS = ("sbatch", "squeue", "scancel", "scontrol")
MOST_CLOCK_SECONDS = 10.0  # by which a node's clock may differ: what is older than so much is judged by times
_POLL_SECONDS, _ASK_SECONDS = 0.5, 5.0
_LATE_SECONDS = 60.0  # a shared file system may show a file so late
_LOG_LINES = 12


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, and the sentence that says so."""

    well: bool
    sentence: EngineError


def check(minutes: float, on_wait: Callable[[EngineError], None] = lambda sentence: None) -> Iterator[Finding]:
    """Looks at everything in turn; ends where what follows could not be looked at.

    Args:
        minutes: how long the job may wait in Slurm's queue. on_wait: told why it waits.
    """
    settings = lab_settings.read()
    if settings.launcher != lab_settings.SLURM or settings.shared is None:
        yield _missing(
            'There is nothing to check: {file} does not say launcher = "slurm", and runs are trained on this machine.',
            file=lab_settings.path(),
        )
        return
    yield _well("{file} is understood.", file=lab_settings.path())
    if lacking := [command for command in COMMANDS if shutil.which(command) is None]:
        yield _missing(
            "Slurm's commands are not found on this machine: {commands}. Perhaps: module load slurm",
            commands=", ".join(lacking),
        )
        return
    root = paths.checkpoints_root()
    try:
        make_folder(root, parents=True)
        make_folder(root / ".cluster-check")
        folder = root / ".cluster-check" / secrets.token_hex(6)
        folder.mkdir()
    except (EngineError, OSError) as error:
        yield _missing("The folder of runs cannot be written here: {reason}", reason=str(error))
        return
    try:
        yield from _through_a_job(folder.resolve(), settings.slurm, minutes, on_wait)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _well(template: str, **values: object) -> Finding:
    return Finding(True, EngineError(template, **values))


def _missing(template: str, **values: object) -> Finding:
    return Finding(False, EngineError(template, **values))


def _through_a_job(
    folder: Path, slurm: Slurm, minutes: float, on_wait: Callable[[EngineError], None]
) -> Iterator[Finding]:
    nonce, log = secrets.token_hex(8), folder / "log"
    (folder / probe.ASKED).write_text(nonce, encoding="utf-8")
    (folder / probe.CLAIMED).mkdir()
    options = batch.options(slurm, "atelier-check", str(log), f"{scheduler.COMMENT}-check")
    try:
        job = scheduler.submit(options, batch.script(slurm, "engine.services.probe", str(folder)))
    except SchedulerError as error:
        yield Finding(False, error)
        return
    yield _well("Slurm took the job {job}.", job=job)
    try:
        ended = _wait(folder, job, minutes, on_wait)
    except SchedulerError as error:
        _cancel(job)
        yield Finding(False, error)
        return
    answer = read_json(folder / probe.ANSWER)
    if not answer:
        yield _unanswered(ended, job, log, slurm)
        return
    yield from findings(answer, nonce, slurm, time.time())
    if (folder / probe.MADE).is_dir():
        yield _well("What the job makes in the shared folder is seen here.")
    else:
        yield _missing("What the job makes in the shared folder is not seen here: {folder}", folder=folder)


def _wait(folder: Path, job: str, minutes: float, on_wait: Callable[[EngineError], None]) -> Job | None:
    """Waits for the job's answer; the job as Slurm showed it last where it ended without one, None where the answer is there.

    Raises:
        UnansweredError: it still waits in the queue after so many minutes; says why.
    """
    end, asked_at, last_words = time.monotonic() + 60 * minutes, float("-inf"), ""
    gone_at: float | None = None
    seen: Job | None = None
    while not (folder / probe.ANSWER).is_file():
        time.sleep(_POLL_SECONDS)
        os.listdir(folder)  # which has a shared file system look anew
        if time.monotonic() - asked_at < _ASK_SECONDS:
            continue
        asked_at = time.monotonic()
        with contextlib.suppress(UnansweredError):
            found = next((other for other in scheduler.jobs() if other.id == job), None)
            seen = found or seen
            if found is None or not found.live:
                gone_at = gone_at or time.monotonic()
                patience = _ASK_SECONDS if found is not None and found.state != "COMPLETED" else _LATE_SECONDS
                if time.monotonic() - gone_at > patience:
                    return seen
            elif found.state == PENDING and found.reason != last_words:
                last_words = found.reason
                on_wait(
                    EngineError("Job {job} waits: {reason}.", job=job, reason=outlook.reason_in_words(found.reason))
                )
        if time.monotonic() > end:
            reason = outlook.reason_in_words(seen.reason) if seen else EngineError("Slurm does not say why")
            raise UnansweredError(
                "After {minutes} minutes the job has not answered: {reason}. It was cancelled; --minutes lets it wait longer.",
                minutes=minutes,
                reason=reason,
            )
    return None


def _cancel(job: str) -> None:
    with contextlib.suppress(SchedulerError):
        scheduler.cancel(job)


def _unanswered(job: Job | None, number: str, log: Path, slurm: Slurm) -> Finding:
    """Why a job ended without its answer: the last it said, or that it said nothing where this machine looks."""
    try:
        said = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    except OSError:
        return _missing(
            "Job {job} ended and left neither answer nor log in {folder}: the nodes have another folder under that path, or "
            "none, or no rights to write there. See shared in atelier.toml.",
            job=number,
            folder=log.parent,
        )
    return _missing(
        "Job {job} ended ({state}) before it could answer. Its environment is not there: see setup and python ({python}) in "
        "atelier.toml. The last that it said: {said}",
        job=number,
        state=job.state if job else "–",
        python=slurm.python,
        said=" | ".join(said[-_LOG_LINES:])[:1000] or "–",
    )


def findings(answer: dict[str, Any], nonce: str, slurm: Slurm, now: float) -> Iterator[Finding]:
    """What a job's answer says, in sentences.

    Args:
        nonce: what stood in the shared folder when it was submitted. now: the time here when the answer came.
    """
    node = str(answer.get("node"))
    if answer.get("nonce") == nonce:
        yield _well("{node} has the shared folder under the same path, and may write in it.", node=node)
    else:
        yield _missing("{node} has another folder under the path of the shared one.", node=node)
    if answer.get("exclusive"):
        yield _well("A folder that is there is not made twice: two trainers cannot take one run.")
    else:
        yield _missing(
            "{node} made a folder that was there already: this file system cannot keep two trainers apart. Choose another for "
            "shared.",
            node=node,
        )
    apart = abs(float(answer.get("time", 0.0)) - now)
    if apart <= MOST_CLOCK_SECONDS + _ASK_SECONDS:
        yield _well("The clocks of {node} and of this machine agree.", node=node)
    else:
        yield _missing(
            "The clock of {node} differs from this machine's by {n} s: have both follow a time server.",
            node=node,
            n=round(apart),
        )
    if answer.get("version") == __version__:
        yield _well(
            "The environment has Atelier {version} on Python {python}.",
            version=__version__,
            python=answer.get("python"),
        )
    else:
        yield _missing(
            "{node} has Atelier {other} and this machine {version}: the project must be the same on both.",
            node=node,
            other=answer.get("version"),
            version=__version__,
        )
    if problem := answer.get("framework_problem"):
        yield _missing(
            "Keras cannot be loaded on {node}: {problem}. See setup and python in atelier.toml.",
            node=node,
            problem=problem,
        )
    else:
        yield _device(answer, node, slurm)
    yield _well(
        "The job has {cores} cores and {memory} MB of memory.",
        cores=answer.get("cores"),
        memory=round(float(answer.get("memory_bytes", 0)) / 1e6),
    )


def _device(answer: dict[str, Any], node: str, slurm: Slurm) -> Finding:
    if answer.get("on_gpu"):
        return _well("Keras computes on {device}.", device=answer.get("device"))
    if not slurm.gpu:
        return _well("Keras computes on the processor of {node}: gpu in atelier.toml asks for none.", node=node)
    if answer.get("driver_gpus"):
        return _missing(
            "The driver of {node} shows {gpus}, and Keras does not use it: its environment has no build for GPUs, or a library is "
            "missing.",
            node=node,
            gpus=", ".join(map(str, answer["driver_gpus"])),
        )
    return _missing(
        "{node} shows no GPU, though gpu = “{gpu}” asks for one: see gpu and partition in atelier.toml.",
        node=node,
        gpu=slurm.gpu,
    )

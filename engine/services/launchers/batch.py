"""What sbatch is given for a run: its options and the script of the job, from the lab's settings."""

import os
import shlex

from engine.core import framework, paths
from engine.core.lab_settings import Slurm
from engine.runs.folder import Run
from engine.services.launchers import scheduler

_NAME_CHARACTERS = 60


def options(slurm: Slurm, name: str, log: str, comment: str) -> list[str]:
    """sbatch's options; `log` is the file for the job's output, in a folder that is there."""
    asked = {"partition": slurm.partition, "account": slurm.account, "qos": slurm.qos, "gres": slurm.gpu}
    return [
        "--requeue",
        "--open-mode=append",
        "--nodes=1",
        "--ntasks=1",
        f"--job-name={name[:_NAME_CHARACTERS]}",
        f"--comment={comment}",
        f"--output={_literal(log)}",
        f"--cpus-per-task={slurm.cpus}",
        f"--mem={slurm.memory}",
        f"--time={slurm.time}",
        f"--signal=B:USR1@{slurm.warning_seconds}",
        *(f"--{option}={value}" for option, value in asked.items() if value),
        *slurm.sbatch,
    ]


def _literal(path: str) -> str:
    """A path in which sbatch finds none of its patterns."""
    return path.replace("%", "%%")


def script(slurm: Slurm, module: str, *arguments: str) -> str:
    """The script of a job: the lab's own lines, then `python -m module arguments` in the script's place, so that Slurm's
    signals reach it. A warning that comes before it listens is passed over."""
    project = str(paths.PROJECT)
    kept = {
        "ATELIER_CHECKPOINTS": str(paths.checkpoints_root().resolve()),
        "ATELIER_CORPORA": str(paths.corpora_root().resolve()),
        "PYTHONUNBUFFERED": "1",
        **{name: os.environ[name] for name in ("ATELIER_SETTINGS", framework.VARIABLE) if name in os.environ},
    }
    command = [slurm.python, "-m", module, *arguments]
    return "\n".join(
        [
            "#!/bin/bash",
            "trap '' USR1",
            *slurm.setup,
            *(f"export {name}={shlex.quote(value)}" for name, value in kept.items()),
            f"export PYTHONPATH={shlex.quote(project)}${{PYTHONPATH:+:$PYTHONPATH}}",
            f"cd {shlex.quote(project)} || exit 1",
            f"exec {shlex.join(command)}",
            "",
        ]
    )


def submit_run(run: Run, slurm: Slurm, submission: int) -> str:
    """Submits the job that trains a run, and gives its id.

    Raises:
        UnansweredError, SchedulerError: as `scheduler.submit`.
    """
    folder = run.folder.resolve()
    chosen = options(
        slurm, run.name, str(folder / "trainer.log"), scheduler.comment(str(run.config.get("id", "")), submission)
    )
    return scheduler.submit(chosen, script(slurm, "engine.services.job", str(folder), str(submission)))

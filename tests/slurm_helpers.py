"""Slurm's commands as scripts on PATH that keep jobs in a folder: what the lab asks of a scheduler, without one."""

import os
from pathlib import Path

import pytest
from project import PROJECT
from runs_helpers import new_settings

from engine.core.files import write_json
from engine.runs import attempts, lifecycle, states
from engine.runs.folder import Run

COMMANDS = PROJECT / "tests" / "services" / "slurm_commands"


class Jobs:
    """The jobs that were submitted, as a test sees and changes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "jobs").mkdir(parents=True)

    def ids(self) -> list[str]:
        """All of them, in order."""
        return sorted(os.listdir(self.folder / "jobs"), key=int)

    def text(self, job: str, name: str) -> str:
        """What is kept of a job: options, script, environment, shown."""
        return (self.folder / "jobs" / job / name).read_text()

    def show(self, job: str, state: str, reason: str = "None", node: str = "") -> None:
        """Lets squeue show a job so."""
        comment = self.text(job, "shown").strip().split("|")[-1]
        (self.folder / "jobs" / job / "shown").write_text(f"{state}|{reason}|{node}|N/A|10:00|{comment}\n")

    def forget(self, job: str) -> None:
        """Lets squeue show a job no more."""
        (self.folder / "jobs" / job / "shown").unlink()

    def says(self, name: str, content: str = "") -> None:
        """Lets a command answer otherwise: `refuse`, `lose`, `silent`, `slow`."""
        (self.folder / name).write_text(content)

    def answers(self, name: str) -> None:
        """Lets it answer as ever."""
        (self.folder / name).unlink()

    def calls(self, command: str) -> list[tuple[float, str]]:
        """When a command was called, and with what."""
        lines = (self.folder / "calls").read_text().splitlines() if (self.folder / "calls").exists() else []
        found = [line.split(" ", 2) for line in lines]
        return [(float(parts[0]), " ".join(parts[2:])) for parts in found if parts[1] == command]


def lab_on_slurm(folder: Path, monkeypatch: pytest.MonkeyPatch, slurm: str = "") -> Jobs:
    """A lab whose `atelier.toml` says slurm, and its jobs."""
    (folder / "atelier.toml").write_text(f'launcher = "slurm"\nshared = "{folder}"\n[slurm]\n{slurm}')
    monkeypatch.setenv("ATELIER_SETTINGS", str(folder / "atelier.toml"))
    monkeypatch.setenv("FAKE_SLURM", str(folder / "fake"))
    monkeypatch.setenv("PATH", str(COMMANDS), prepend=os.pathsep)
    return Jobs(folder / "fake")


def a_run(name: str = "one", **changes) -> Run:
    """A run that waits to be submitted; nothing is read of what it would train on."""
    return lifecycle.create(new_settings(name=name, **changes), {"launcher": "slurm"})


def begins(run: Run, job: str, **changes) -> Run:
    """A trainer's own view of a run, once its job has started and it has said so."""
    trainer = Run(run.folder)
    submission = attempts.facts(run.folder)["submission"]
    trainer.attempt = attempts.begin(
        run.folder, attempts.TRAINER, attempts.newest(run.folder), submission=submission, job=job, node="node1"
    )
    starts = run.state().starts + 1
    trainer.write_state(**{"state": states.RUNNING, "starts": starts, **changes})
    return trainer


def long_ago(run: Run) -> None:
    """Makes what the newest attempt says an hour old: Slurm's answers are compared with it."""
    folder = attempts.home(run.folder)
    kept = attempts.facts(run.folder)
    write_json(folder / attempts.ATTEMPT, {**kept, "time": kept["time"] - 3600})

"""Chooses who has runs trained: the dispatcher of this machine or Slurm, as `atelier.toml` says; the one door to both."""

from pathlib import Path
from typing import Protocol

from engine.core import lab_settings, paths
from engine.core.errors import EngineError
from engine.runs.folder import Run
from engine.services.launchers import local, slurm, watch


class Launcher(Protocol):
    """Who has runs trained. What became of a run is in its folder, where the launcher sees to it that it is true."""

    def start(self, root: Path) -> None:
        """Has what waits trained, and settles what ended without a word."""

    def wake(self, root: Path) -> None:
        """The same, and nobody waits for a scheduler."""

    def tend(self, root: Path) -> None:
        """The same for every page that is drawn: a scheduler is not asked each time."""

    def work_left(self, root: Path) -> bool:
        """Whether there is anything to do for it."""

    def cancel(self, run: Run) -> None:
        """Takes a run that was stopped or paused from where it waits."""


class _Slurm:
    start, work_left, cancel = staticmethod(slurm.start), staticmethod(slurm.work_left), staticmethod(slurm.cancel)

    def wake(self, root: Path) -> None:
        watch.watch.wake(root)

    def tend(self, root: Path) -> None:
        watch.watch.seen(root)


_LAUNCHERS: dict[str, Launcher] = {lab_settings.LOCAL: local, lab_settings.SLURM: _Slurm()}


def here() -> Launcher:
    """The launcher of this lab.

    Raises:
        SettingsError: `atelier.toml` is wrong.
    """
    return _LAUNCHERS[lab_settings.launcher()]


def of(run: Run) -> Launcher:
    """The launcher of a run."""
    return _LAUNCHERS[run.launcher]


def start(root: Path | None = None) -> None:
    """Has what waits trained. For commands.

    Raises:
        SettingsError: `atelier.toml` is wrong. SchedulerError: Slurm does not answer.
    """
    here().start(root or paths.checkpoints_root())


def wake(root: Path | None = None) -> None:
    """Has what waits trained, and waits for no scheduler. For pages.

    Raises:
        SettingsError: `atelier.toml` is wrong.
    """
    here().wake(root or paths.checkpoints_root())


def tend(root: Path | None = None) -> None:
    """Has what waits trained, wherever a page is drawn.

    Raises:
        SettingsError: `atelier.toml` is wrong.
    """
    here().tend(root or paths.checkpoints_root())


def work_left(root: Path | None = None) -> bool:
    """Whether anything waits that nobody may be at."""
    try:
        return here().work_left(root or paths.checkpoints_root())
    except EngineError:
        return False


def cancel(run: Run) -> None:
    """Takes a run that was stopped or paused from where it waits.

    Raises:
        SchedulerError: Slurm does not answer: the job ends itself when it starts.
    """
    of(run).cancel(run)

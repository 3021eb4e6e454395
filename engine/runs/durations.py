"""How long runs take on this machine, told from those that were measured here; None where nothing tells it.

One run may have been slow because the machine was busy with something else: what is told is the middle of the newest few.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.core import paths
from engine.core.errors import EngineError
from engine.presets import catalogue
from engine.runs import inputs, needs
from engine.runs import states as states_
from engine.runs.folder import Run
from engine.runs.history import events, shared
from engine.runs.history.follower import History
from engine.runs.settings import EVERYTHING, IMPORTED, RunSettings
from engine.runs.states import State


@dataclass(frozen=True)
class Measured:
    """What a finished run took.

    Attributes:
        tokens_per_second: of training alone. before, after: seconds from its trainer's start to the first step, and from
            the last step to the end. within: seconds per second of training for evaluations, samples and saves in between.
        on_gpu: where it trained; None where it does not say so.
    """

    tokens_per_second: float
    before: float
    within: float
    after: float
    on_gpu: bool | None = None

    def whole(self, training_seconds: float) -> float:
        """Seconds from start to end of a run that trains for so long."""
        return self.before + training_seconds * (1 + self.within) + self.after


# Of the mini model on the sample articles until one was measured here (benchmarks/README.md; two laptop cores).
_MINI = Measured(tokens_per_second=0.0, before=20.0, within=0.1, after=10.0)
_RECENT = 5  # runs whose middle is taken
_MOST_ASKED = 20  # runs: those that tell nothing did not finish, or waited in between


@lru_cache(maxsize=512)
def _measured(folder: Path, stamp: tuple[int, int]) -> Measured | None:
    history = shared.of(folder)
    states = [e for e in history.events("state") if e.get("time")]
    starts = [e["time"] for e in states if e["state"] == states_.RUNNING]
    ends = [e["time"] for e in states if e["state"] == states_.FINISHED]
    steps = _steps(history, "time", "seconds", "tokens")
    if len(starts) != 1 or not ends or not len(steps["step"]):  # one that was resumed waited in between
        return None
    first, last = ({name: float(column[at]) for name, column in steps.items()} for at in (0, -1))
    between = max(0.0, last["time"] - first["time"] - (last["seconds"] - first["seconds"]))
    return Measured(
        tokens_per_second=last["tokens"] / last["seconds"],
        before=max(0.0, first["time"] - first["seconds"] - starts[0]),
        within=between / last["seconds"],
        after=max(0.0, ends[-1] - last["time"]),
        on_gpu=next((str(e["device"]).startswith("gpu") for e in states if e.get("device")), None),
    )


def measured(run: Run) -> Measured | None:
    """What a run took that finished here without being put back; None of any other."""
    return _measured(run.folder, _stamp(run.home / events.FILE))


def _steps(history: History, *fields: str) -> dict[str, np.ndarray]:
    """The reports of steps that tell these, which are times and amounts: a line edited by hand may lack them."""
    complete = np.all([history.steps[name] > 0 for name in fields], axis=0)
    return {name: history.steps[name][complete] for name in ("step", *fields)}


def _stamp(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _measured_runs(
    settings: RunSettings, every: Sequence[Run], suits: Callable[[RunSettings], bool] = lambda _other: True
) -> list[Measured]:
    """The newest runs that finished here with that preset, on the kind of device that a run would take.

    Args:
        suits: what else is asked of their settings.
    """
    on_gpu, found = inputs.on_gpu(settings), []
    for run in itertools.islice(_of_preset(settings.preset, every, suits), _MOST_ASKED):
        measured = _measured(run.folder, _stamp(run.home / events.FILE))
        if measured is not None and measured.on_gpu in (None, on_gpu):
            found.append(measured)
    return found[:_RECENT]


def _of_preset(preset: str, every: Sequence[Run], suits: Callable[[RunSettings], bool]) -> Iterator[Run]:
    for run in every:
        try:
            other = run.settings
        except EngineError:
            continue
        if not run.recorded and other.method != IMPORTED and other.preset == preset and suits(other):
            yield run


def _alike(settings: RunSettings, every: Sequence[Run]) -> list[Measured]:
    """The newest of them that differ in name and seed alone, else the newest on the same articles."""
    decisive = [f.name for f in fields(RunSettings) if f.name not in ("name", "seed")]

    def is_same(other: RunSettings) -> bool:
        return all(getattr(other, name) == getattr(settings, name) for name in decisive)

    same = _measured_runs(settings, every, is_same)
    return same or _measured_runs(settings, every, lambda other: other.articles == settings.articles)


def _middle(values: Sequence[float]) -> float:
    """The middle of several figures, of an even number the lower one of the two."""
    return sorted(values)[(len(values) - 1) // 2]


def _beside_training(settings: RunSettings, every: Sequence[Run]) -> Measured | None:
    """What runs that are alike took beside their training."""
    if found := _alike(settings, every):
        before, within, after = (
            _middle([getattr(one, name) for one in found]) for name in ("before", "within", "after")
        )
        return Measured(0.0, before, within, after)
    sample = (paths.portable(paths.MINI_PRESET), paths.portable(paths.SAMPLE_ARTICLES))
    return _MINI if (settings.preset, settings.articles) == sample else None


def whole(settings: RunSettings, every: Sequence[Run], recorded: float | None = None) -> float | None:
    """About how many seconds a run takes from its start to its end.

    Args:
        every: the runs of this machine, the newest first. recorded: seconds of one that was recorded, which counts as one more.
    """
    if settings.minutes is not None and settings.minutes_of == EVERYTHING:
        return 60 * settings.minutes
    found = [
        one.whole(training)
        for one in _alike(settings, every)
        if (training := _training_seconds(settings, one.tokens_per_second)) is not None
    ]
    if not found:
        beside, training = _beside_training(settings, every), _training_seconds(settings, usual_speed(settings, every))
        found = [] if beside is None or training is None else [beside.whole(training)]
    if recorded is not None:
        found.append(recorded)
    return _middle(found) if found else None


def _training_seconds(settings: RunSettings, speed: float | None) -> float | None:
    if settings.minutes is not None:
        return 60 * settings.minutes
    if speed is None:
        return None
    try:
        preset = catalogue.find(settings.preset)
        steps = needs.steps(settings, preset)
        length, batch_size = inputs.window_shape(settings, preset.max_sequence_length, preset.vocabulary_size)
    except (EngineError, OSError):
        return None
    return None if steps is None else steps * length * batch_size / speed


def usual_speed(settings: RunSettings, every: Sequence[Run]) -> float | None:
    """Tokens a second of the newest runs that finished here with that preset, or of one that is at work."""
    if found := [one.tokens_per_second for one in _measured_runs(settings, every)]:
        return -_middle([-speed for speed in found])
    for run in every:
        try:
            of_preset = run.settings.preset == settings.preset and not run.recorded
        except EngineError:
            continue
        step = _last_step(run.folder, "tokens") if of_preset else None
        if step:
            return step["tokens"] / step["seconds"]
    return None


def left(run: Run, state: State, every: list[Run]) -> float | None:
    """About how many seconds a running run still takes."""
    settings = run.settings
    if settings.minutes is not None and settings.minutes_of == EVERYTHING:
        return max(0.0, state.ends_at - time.time()) if state.ends_at else 60 * settings.minutes
    beside = _beside_training(settings, every)
    if beside is None:
        return None
    step = _last_step(run.folder)
    if state.steps and step:
        training = max(0, state.steps - step["step"]) * step["seconds"] / step["step"]
        if settings.minutes is not None:  # it is planned by the clock
            training = max(0.0, 60 * settings.minutes - step["seconds"])
        since = time.time() - step["time"]
        return max(0.0, training * (1 + beside.within) + beside.after - (0.0 if training else since))
    expected = whole(settings, every)
    return None if expected is None else max(0.0, expected - (time.time() - state.since))


def _last_step(folder: Path, *also: str) -> dict[str, float] | None:
    """What the newest report tells that says when it was and how long the training took, and `also`."""
    steps = _steps(shared.of(folder), "time", "seconds", *also)
    return {name: float(column[-1]) for name, column in steps.items()} if len(steps["step"]) else None

"""How often a run measures itself and saves a checkpoint, by its settings and by what a save costs."""

import math

from engine.runs.settings import RunSettings

INTERVALS = 10  # of a run, by default,
INTERVAL_SECONDS = 10.0  # of training, at least, of a run in minutes: a save is 1 to 3 % of it (benchmarks/saving.py)
SMALL_CHECKPOINT_BYTES = 200_000_000
SAVING_SHARE = 0.05
BEST_SHARE = 0.25  # of the training since the measurement before, at most, for the save of the best so far
SAVE_BYTES_PER_SECOND = 250e6  # until a save has been timed (benchmarks/saving.py)


def interval(settings: RunSettings, steps: int) -> int:
    """Steps between two evaluations of a run of so many steps, each with a sample and, where it is worth it, a save."""
    return settings.evaluate_steps or max(1, math.ceil(steps / _intervals(settings)))


def worth_saving(size_bytes: int, save_seconds: float, since_seconds: float, left_seconds: float) -> bool:
    """Whether a save at an interval that nobody chose is worth its time.

    A small model's always is, so that its run has the same checkpoints on every machine. A large one's may take
    `SAVING_SHARE` of the training since the last one, and of what is left until the last one of all, which is always written.

    Args:
        size_bytes, save_seconds: what a save writes, and how long it takes.
        since_seconds, left_seconds: of training, since the last save and until the end.
    """
    return size_bytes <= SMALL_CHECKPOINT_BYTES or save_seconds <= SAVING_SHARE * min(since_seconds, left_seconds)


def interval_seconds(settings: RunSettings, size_bytes: int, save_seconds: float) -> float:
    """Seconds of training between two measurements, at least, of a run in minutes where nobody chose their steps.

    A large model whose best checkpoint is the result is measured no more often than its save allows: so what is the best
    so far can always be saved, and takes no more than `BEST_SHARE` of the time.

    Args:
        size_bytes, save_seconds: as `worth_saving` takes them.
    """
    if size_bytes <= SMALL_CHECKPOINT_BYTES or not settings.takes_best:
        return INTERVAL_SECONDS
    return max(INTERVAL_SECONDS, save_seconds / BEST_SHARE)


def intervals_of(settings: RunSettings, steps: int | None, least_seconds: float = INTERVAL_SECONDS) -> int:
    """How many intervals a run has; of one in minutes so many at most, where nobody chose their steps.

    Args:
        least_seconds: between two measurements, as `interval_seconds` has them.
    """
    return _intervals(settings, least_seconds) if steps is None else math.ceil(steps / interval(settings, steps))


def _intervals(settings: RunSettings, least_seconds: float = INTERVAL_SECONDS) -> int:
    if settings.minutes is None:
        return INTERVALS
    return min(INTERVALS, max(1, int(60 * settings.minutes / least_seconds)))


def expected_saves(settings: RunSettings, steps: int | None, size_bytes: int) -> int:
    """How many checkpoints a run writes, the last one included; of a large model about, since its saves are timed."""
    if steps is not None:
        return intervals_of(settings, steps)
    if settings.minutes is None or settings.evaluate_steps:
        return _intervals(settings)
    total, saved, saves, seconds = 60 * settings.minutes, 0.0, 1, size_bytes / SAVE_BYTES_PER_SECOND
    intervals = _intervals(settings, interval_seconds(settings, size_bytes, seconds))
    for at in (total * n / intervals for n in range(1, intervals)):
        if settings.takes_best or worth_saving(
            size_bytes, seconds, at - saved, total - at
        ):  # each may be the best so far
            saved, saves = at, saves + 1
    return saves

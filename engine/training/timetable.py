"""How long a run in minutes trains: planned again as it goes, and kept, so that each step's learning rate follows from it."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

DECAY_SHARE = 0.3  # of the steps, at the end, over which the learning rate falls
FLOOR = 0.1  # of the peak, where it falls to
FIRST_STEPS = 4  # timed before the first plan, beside the first step, which compiles
PLANS = 20  # about so many in a run
OVERTIME = 1.05  # of the time, at which a run ends wherever it is


@dataclass(frozen=True)
class Timetable:
    """What was decided at a step.

    Attributes:
        step: at which. steps: the last one. warmup: steps in which the rate rises.
        decay_from: the step from which the rate falls. rate: what it had reached there, as a share of the peak.
        measure_at: the step to measure at next. plan_at: the step to plan again at.
    """

    step: int
    steps: int
    warmup: int
    decay_from: int
    rate: float
    measure_at: int
    plan_at: int

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Timetable":
        """What an event or a manifest holds; other keys are passed over."""
        return cls(**{name: value[name] for name in cls.__dataclass_fields__})

    def to_json(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)

    def share(self, step: int) -> float:
        """The learning rate of a step counted from 0, as a share of the peak: up, constant, down."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        if step <= self.decay_from:
            return self.rate
        done = min(1.0, (step - self.decay_from) / max(1, self.steps - self.decay_from))
        return self.rate + (FLOOR - self.rate) * done


def make(
    former: Timetable | None,
    step: int,
    step_seconds: float,
    left_seconds: float,
    next_measurement_seconds: float,
    whole_seconds: float,
    most_warmup: tuple[int, float],
) -> Timetable:
    """Decides again how far the training goes.

    Args:
        step: done. step_seconds: what one takes now. left_seconds: until the end.
        next_measurement_seconds: until the next measurement; infinite = at the end. whole_seconds: of the whole run.
        most_warmup: steps, and share of all steps.
    """
    pace = max(step_seconds, 1e-9)
    steps = step + max(0, round(left_seconds / pace))
    warmup = min(most_warmup[0], int(most_warmup[1] * steps)) if former is None else former.warmup
    if former is not None and step > former.decay_from:
        decay_from, rate = step, former.share(step)
    else:
        decay_from, rate = max(step, math.floor(steps * (1 - DECAY_SHARE))), 1.0
    measure_at = step + max(1, round(min(next_measurement_seconds, left_seconds) / pace))
    if measure_at + (measure_at - step) / 2 > steps:  # not right before the measurement of the end
        measure_at = steps
    plan_at = step + max(1, round(whole_seconds / PLANS / pace))
    return Timetable(step, steps, warmup, decay_from, rate, measure_at, min(plan_at, measure_at))


def end_at(former: Timetable, step: int) -> Timetable:
    """Ends a training at a step: its time is over."""
    return replace(former, step=step, steps=step, measure_at=step, plan_at=step)

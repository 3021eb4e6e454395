"""When a run measures, how far it goes, and its learning rate: by its steps, or by a timetable that follows the clock."""

import math
import time

import numpy as np

from engine.runs import needs, spacing
from engine.runs.settings import EVERYTHING, RunSettings
from engine.training import schedules, timetable
from engine.training.setup import Setup
from engine.training.state import TrainingState

_QUEUE_SECONDS = 15.0  # between the request and the trainer's start, at most, that count: a queue's hours do not


class Timekeeper:
    """Plans a run under way.

    A run in steps or epochs knows its end and follows half a cosine. One in minutes is planned after a few steps, again
    some twenty times and at every measurement, by what a step takes at that time; each plan is an event and stands in the
    checkpoints behind it, so that a run that is resumed takes the same decisions.

    Attributes:
        end_seconds: what is expected to take place after the training: measuring, saving, the figures at the end.
        measurement_seconds: what a measurement takes, with its save. interval_seconds: of training, between two at least.
    """

    def __init__(self, setup: Setup, state: TrainingState) -> None:
        self._run, self._settings, self._peak, self._state = setup.run, setup.settings, setup.learning_rate, state
        # A run that an earlier version planned has steps and no plan: it goes on as it began.
        self._follows_clock = self._settings.minutes is not None and (state.timetable is not None or not state.steps)
        self._decided = {
            event["step"]: timetable.Timetable.from_json(event)
            for event in (setup.past.plans if self._follows_clock else ())
            if timetable.Timetable.__dataclass_fields__.keys() <= event.keys()
        }
        self._planned_steps = 0  # of this process, at the last plan
        self._begun = time.monotonic()
        self._elapsed_before = state.elapsed or _waited(setup)
        self.end_seconds = 0.0
        self.measurement_seconds = 0.0
        self.interval_seconds = spacing.INTERVAL_SECONDS

    def learning_rate(self, step: int) -> float:
        """Of a step counted from 0."""
        s, state = self._settings, self._state
        if state.timetable is not None:
            return self._peak * state.timetable.share(step)
        warmup = s.warmup_steps
        if state.steps:
            warmup = min(warmup, int(s.warmup_share * state.steps))
        return schedules.warmup_cosine(step, self._peak, warmup, state.steps)

    def interval_ends(self) -> bool:
        """Whether the step that is done is one to measure at."""
        s, state = self._settings, self._state
        if not state.steps:
            return False
        if self._follows_clock and not s.evaluate_steps:
            return state.timetable is not None and state.step >= state.timetable.measure_at
        return state.step % spacing.interval(s, state.steps) == 0

    def due(self) -> int:
        """So many steps done, it is time to measure or to plan again."""
        s, state = self._settings, self._state
        if not self._follows_clock:
            every = spacing.interval(s, state.steps)
            return (state.step // every + 1) * every
        if state.timetable is None:
            return state.step + 1
        found = state.timetable.plan_at
        if s.evaluate_steps:
            return min(found, (state.step // s.evaluate_steps + 1) * s.evaluate_steps)
        return min(found, state.timetable.measure_at)

    def after_steps(self) -> None:
        """Plans again where it is time."""
        state = self._state
        if not self._follows_clock:
            return
        if state.timetable is None:
            if len(state.step_seconds) > timetable.FIRST_STEPS:
                self._plan()
        elif not state.finished and state.step >= state.timetable.plan_at and not self.interval_ends():
            self._plan()  # at an interval's end that follows the measurement
        elif not state.finished and self._left() < -(timetable.OVERTIME - 1) * 60 * (self._settings.minutes or 0):
            self._take(timetable.end_at(state.timetable, state.step))

    def measured(self) -> None:
        """Notes that a measurement took place, and plans again."""
        self._state.measurements += 1
        self._state.measured_at_seconds = self._state.seconds
        if self._follows_clock and self._state.timetable is not None and not self._state.finished:
            self._plan()

    def ends_at(self) -> float:
        """Unix time at which the result of a run that counts everything is expected; 0 = not known yet."""
        s, state = self._settings, self._state
        if s.minutes_of != EVERYTHING or state.timetable is None or not state.step_seconds:
            return 0.0
        training = (state.steps - state.step) * self._pace()
        between = 0.0 if state.finished else self._measuring_seconds()
        return time.time() + training + between + self.end_seconds

    def elapsed(self) -> float:
        """Seconds since the run was asked for, those left out in which nobody worked on it."""
        return self._elapsed_before + time.monotonic() - self._begun

    def _plan(self) -> None:
        state, s = self._state, self._settings
        if state.step in self._decided:
            self._take(self._decided[state.step])
            return
        left = self._left()
        remaining = max(1, spacing.intervals_of(s, None, self.interval_seconds) - state.measurements)
        since = state.seconds - state.measured_at_seconds
        until_measurement = math.inf if s.evaluate_steps else (left + since) / remaining - since
        if self.interval_seconds > spacing.INTERVAL_SECONDS:
            until_measurement = max(until_measurement, self.interval_seconds - since)
        self._take(
            timetable.make(
                state.timetable,
                state.step,
                self._pace(),
                left,
                until_measurement,
                60 * (s.minutes or 0),
                (s.warmup_steps, s.warmup_share),
            )
        )

    def _left(self) -> float:
        """Seconds of training until the end."""
        whole = 60 * (self._settings.minutes or 0)
        if self._settings.minutes_of != EVERYTHING:
            return whole - self._state.seconds
        return whole - self.elapsed() - self.end_seconds - self._measuring_seconds()

    def _pace(self) -> float:
        """Seconds of a step now: those since the last plan, or the newest one."""
        steps = self._state.step_seconds
        return float(np.mean(steps[max(1, self._planned_steps) :] or steps[-1:]))

    def _measuring_seconds(self) -> float:
        """What the measurements to come will take, the one at the end apart."""
        to_come = spacing.intervals_of(self._settings, None, self.interval_seconds) - self._state.measurements - 1
        return max(0, to_come) * self.measurement_seconds

    def _take(self, found: timetable.Timetable) -> None:
        state = self._state
        state.timetable, state.steps, self._planned_steps = found, found.steps, len(state.step_seconds)
        self._run.append_event("plan", **found.to_json(), minutes=self._settings.minutes)
        self._run.write_state(durable=False, steps=found.steps)


def _waited(setup: Setup) -> float:
    """Seconds from the request to now, the most of a queue's left out."""
    now, started = time.time(), setup.run.state().since
    requested_at = float(setup.run.config.get("created", started))
    return max(0.0, now - started) + min(_QUEUE_SECONDS, max(0.0, started - requested_at))


def settled_steps(s: RunSettings, steps_per_epoch: float) -> int:
    """The steps of a run that knows them from the beginning, every window of each epoch among them; 0 = in minutes."""
    if s.steps is not None:
        return s.steps
    return 0 if s.epochs is None else needs.steps_of_epochs(s.epochs, steps_per_epoch)

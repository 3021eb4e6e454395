"""How a run in minutes is planned: its end follows the clock, and its learning rate the plan."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine.runs import needs, spacing
from engine.runs.settings import RunSettings
from engine.training import timetable
from engine.training.past import Past
from engine.training.state import TrainingState
from engine.training.steppers import Outcome
from engine.training.timekeeper import Timekeeper
from engine.training.timetable import Timetable


def planned(former=None, step=4, pace=0.1, left=60.0, until=10.0, warmup=(20, 0.1)) -> Timetable:
    return timetable.make(former, step, pace, left, until, 60.0, warmup)


def test_a_first_plan_divides_the_time_by_what_a_step_takes():
    found = planned()
    assert (found.steps, found.measure_at, found.plan_at) == (604, 104, 34)
    assert (found.warmup, found.decay_from, found.rate) == (20, 422, 1.0)


@pytest.mark.parametrize(("left", "most"), [(0.8, 1), (4.0, 4), (60.0, 20)])
def test_the_warm_up_takes_a_tenth_of_the_steps_at_most(left, most):
    found = planned(left=left)
    assert found.warmup == most
    assert found.share(found.warmup) == 1.0 or found.warmup > found.decay_from


def test_the_rate_rises_stays_and_falls_to_a_tenth():
    found = planned()
    assert [found.share(step) for step in (0, 9, 19, 20, 300, 422)] == [0.05, 0.5, 1.0, 1.0, 1.0, 1.0]
    assert found.share(604) == pytest.approx(timetable.FLOOR)
    assert found.share(513) == pytest.approx((1 + timetable.FLOOR) / 2)


def test_a_machine_that_becomes_slower_gets_fewer_steps_and_one_that_becomes_free_more():
    first = planned()
    slower = planned(first, step=304, pace=0.2, left=30.0)
    assert (slower.steps, slower.warmup, slower.rate) == (454, 20, 1.0)
    faster = planned(first, step=304, pace=0.05, left=30.0)
    assert faster.steps == 904


def test_a_plan_made_while_the_rate_falls_goes_on_where_it_is():
    first = planned()
    again = planned(first, step=500, pace=0.2, left=10.0)
    assert again.steps == 550
    assert again.share(500) == first.share(500) < 1.0
    assert again.share(550) == pytest.approx(timetable.FLOOR)


def test_no_measurement_stands_right_before_the_one_of_the_end():
    assert planned(step=504, left=10.0, until=9.0).measure_at == 604
    assert planned(step=504, left=10.0, until=5.0).measure_at == 554


def test_a_plan_is_read_back_as_it_was_written():
    found = planned()
    assert Timetable.from_json({**found.to_json(), "kind": "plan", "minutes": 1.0}) == found


class Folder:
    """A run's folder, in memory."""

    def __init__(self) -> None:
        self.config, self.appended = {}, []

    def events(self, *kinds):
        return [event for event in self.appended if event["kind"] in kinds]

    def append_event(self, kind, **fields):
        self.appended.append({"kind": kind, **fields})

    def write_state(self, **changes):
        pass

    def state(self):
        return SimpleNamespace(since=0.0)


def simulated(
    pace, minutes=1.0, folder=None, state=None, until=None, interval_seconds=10.0, **settings
) -> tuple[TrainingState, Folder]:
    """A run whose step number n takes pace(n, seconds of training so far)."""
    folder, state = folder or Folder(), state or TrainingState()
    s = RunSettings("p", "a", "n", minutes=minutes, **settings)
    timekeeper = Timekeeper(SimpleNamespace(run=folder, settings=s, learning_rate=1.0, past=Past.of(folder, -1)), state)
    timekeeper.interval_seconds = interval_seconds
    while not state.finished and state.step != until:
        state.count(Outcome(1.0, 0.5, 1, pace(state.step, state.seconds)))
        timekeeper.after_steps()
        if not state.finished and timekeeper.interval_ends():
            folder.append_event("evaluation", step=state.step, seconds=state.seconds)
            timekeeper.measured()
    return state, folder


@pytest.mark.parametrize("minutes", [0.25, 1.0, 5.0])
@pytest.mark.parametrize("later", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("from_share", [0.1, 0.5, 0.85])
def test_a_minute_is_a_minute_on_a_machine_that_becomes_busy_or_free(minutes, later, from_share):
    state, _ = simulated(lambda step, seconds: 0.1 * (later if seconds > from_share * 60 * minutes else 1), minutes)
    assert state.seconds == pytest.approx(60 * minutes, rel=0.1)


def test_the_measurements_of_a_minute_are_ten_seconds_apart():
    _, folder = simulated(lambda step, seconds: 0.1)
    assert [round(event["seconds"]) for event in folder.events("evaluation")] == [10, 20, 30, 40, 50]


def test_a_large_model_is_measured_no_more_often_than_its_best_can_be_saved():
    minute = RunSettings("p", "a", "n", minutes=1.0)
    large, small = needs.checkpoint_bytes(124_000_000, 0), needs.checkpoint_bytes(4_200_000, 0)
    assert spacing.interval_seconds(minute, large, 6.0) == 24.0
    assert spacing.interval_seconds(minute, large, 1.0) == spacing.interval_seconds(minute, small, 6.0) == 10.0
    last = RunSettings("p", "a", "n", minutes=1.0, result="last")
    assert spacing.interval_seconds(last, large, 6.0) == 10.0
    _, folder = simulated(lambda step, seconds: 0.1, minutes=4.0, interval_seconds=50.0)
    at = [event["seconds"] for event in folder.events("evaluation")]
    assert len(at) == 3
    assert min(np.diff([0.0, *at, 240.0])) >= 50.0 - 0.1
    busy, spaced = simulated(lambda step, seconds: 0.1 if seconds < 30 else 0.3, interval_seconds=24.0)
    assert min(np.diff([0.0, *(event["seconds"] for event in spaced.events("evaluation"))])) >= 24.0 - 0.3
    assert busy.finished


def test_a_resumed_run_takes_the_decisions_that_it_took():
    _, folder = simulated(lambda step, seconds: 0.1)
    state, half = simulated(lambda step, seconds: 0.1, until=300)
    decided = [event for event in folder.events("plan") if event["step"] > 300]
    half.appended = [*half.appended, *decided]  # what the events held when it was cut off
    begun = len(half.appended)
    state.step_seconds = []
    simulated(lambda step, seconds: 0.102, folder=half, state=state)
    again = [event for event in half.appended[begun:] if event["kind"] == "plan"]
    assert again[: len(decided)] == decided


def test_the_rate_of_a_run_in_steps_reaches_its_peak():
    s = RunSettings("p", "a", "n", steps=8)
    setup = SimpleNamespace(run=Folder(), settings=s, learning_rate=1.0, past=Past())
    timekeeper = Timekeeper(setup, TrainingState(steps=8))
    assert timekeeper.learning_rate(0) == 1.0

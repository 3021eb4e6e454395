"""The loop alone: what follows a step, an interval, a stop, an early end, in which order."""

import pytest

from engine.core.progress import Cancelled, Phase
from engine.training import loop
from engine.training.loop import Loop
from engine.training.state import TrainingState
from engine.training.steppers import Outcome


class Steps:
    """A stepper whose step number n loses n nats a token."""

    def train(self, course):
        step = course.first_step
        while not course.last_step() or step < course.last_step():
            step += 1
            course.after_steps([Outcome(float(step), 0.5, 10, 0.1)])

    def settle(self):
        pass


class Recorder:
    """Writes down what the loop asks of it."""

    def __init__(self, state, every=2, patience=None, cancelled_at=None):
        self.state, self.every, self.patience, self.cancelled_at = state, every, patience, cancelled_at
        self.done, self.sums, self.told = [], [], []

    def note(self, what):
        self.done.append((what, self.state.step))

    def due(self):
        return 10**9

    def after_steps(self):
        pass

    def report(self, sums):
        self.sums.append(sums)
        self.note("report")

    def interval_ends(self):
        return self.state.step % self.every == 0

    def measure(self):
        if self.state.step == self.cancelled_at:
            raise Cancelled
        self.note("measure")

    def worth_saving(self):
        return self.state.step != 2

    def save(self):
        self.note("save")

    def ends_early(self):
        return self.state.step == self.patience

    def training_continues(self):
        self.note("continues")


def trained(steps=5, stop_at=None, first=0, **recorded):
    state = TrainingState(step=first, steps=steps)
    recorder = Recorder(state, **recorded)

    def on_progress(progress):
        recorder.told.append(progress)
        if stop_at is not None and progress.done >= stop_at:
            raise Cancelled

    return Loop(state, None, Steps(), lambda step: 1.0, recorder, on_progress), recorder


def test_it_reports_measures_saves_and_continues_in_that_order(monkeypatch):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    work, recorder = trained()
    work.run()
    assert recorder.done == [
        *[("report", 1), ("report", 2), ("measure", 2), ("continues", 2)],  # not worth saving
        *[("report", 3), ("report", 4), ("measure", 4), ("save", 4), ("continues", 4)],
        *[("report", 5), ("measure", 5), ("save", 5)],
    ]


def test_a_report_sums_the_steps_since_the_last_one_and_the_first_and_last_step_are_reported():
    work, recorder = trained(steps=4, every=100)
    work.run()
    assert [what for what in recorder.done if what[0] == "report"] == [("report", 1), ("report", 4)]
    last = recorder.sums[-1]
    assert (last.loss / last.tokens, last.tokens) == (3.0, 30)  # steps 2, 3 and 4
    assert last.seconds == pytest.approx(0.3)
    assert work.state.seconds == pytest.approx(0.3)  # the first step of a process compiles
    assert work.state.tokens == 40


@pytest.mark.parametrize("stop_at", [0, 3, 4])
def test_a_stop_saves_the_step_that_is_done(stop_at):
    work, recorder = trained(stop_at=stop_at)
    with pytest.raises(Cancelled):
        work.run()
    assert recorder.done[-1] == ("save", stop_at) or recorder.done[-2:] == [("continues", 4), ("save", 4)]
    assert work.state.step == stop_at


def test_each_step_but_the_last_is_told_with_the_figures_of_the_last_report():
    work, recorder = trained(steps=4, every=100)
    work.run()  # whose last step is told by what follows it
    assert [(p.done, p.total, p.phase) for p in recorder.told] == [(n, 4, Phase.TRAINING) for n in range(4)]
    assert [p.loss for p in recorder.told] == [None, 1.0, 1.0, 1.0]  # reported at the first and the last step


def test_steps_are_not_lost_where_a_measurement_is_ended():
    work, recorder = trained(cancelled_at=4)
    with pytest.raises(Cancelled):
        work.run()
    assert recorder.done[-1] == ("save", 4)


def test_an_early_end_is_saved_whatever_that_is_worth_and_measured_once():
    work, recorder = trained(patience=2)
    work.run()
    assert recorder.done[-2:] == [("measure", 2), ("save", 2)]
    assert work.state.step == 2


def test_a_training_that_a_plan_ends_at_a_measurement_is_not_measured_twice():
    """The first measurement took so long that no time is left."""
    work, recorder = trained(every=3)
    measure = recorder.measure

    def plans_to_end_here():
        measure()
        work.state.steps = work.state.step

    recorder.measure = plans_to_end_here
    work.run()
    done = [what for what, step in recorder.done if step == 3 and what != "report"]
    assert done == ["measure", "save", "continues", "save"], "and a save of what is saved does nothing"
    assert work.state.step == 3


def test_a_training_whose_last_step_is_done_is_measured_again():
    work, recorder = trained(first=5)
    work.run()
    assert recorder.done == [("measure", 5), ("save", 5)]

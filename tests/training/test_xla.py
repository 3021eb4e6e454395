"""Whether XLA compiles a run's functions is decided once, and a run that goes on keeps to it."""

import pytest
import tensorflow as tf
from training_helpers import settings_of

from engine.evaluation import scoring
from engine.runs import lifecycle, submission
from engine.runs.settings import RunSettings
from engine.services import worker
from engine.training import xla
from engine.training.past import Past
from engine.training.saver import Saver

MINI, BASE = 4_243_200, 124_439_808  # parameters


def decided(run, past=Past(), available=True, on_cpu=True, parameters=MINI, **settings) -> bool:
    s = RunSettings("p", "a", "n", **settings)
    return xla.decide(
        run, s, past, available=available, on_cpu=on_cpu, parameters=parameters, step_tokens=2048, steps_per_epoch=40.0
    )


@pytest.fixture
def run(root):
    return lifecycle.create(RunSettings("p", "a", "one", steps=4))


@pytest.mark.parametrize(
    ("compiled", "settings"),
    [
        (False, {"minutes": 1.0}),
        (False, {"minutes": 0.5}),
        (True, {"minutes": 1.1}),
        (False, {"steps": 250}),
        (True, {"steps": 300}),
        (False, {"epochs": 6.0}),  # 240 steps
        (True, {"epochs": 7.5}),
        (True, {"minutes": 1.0, "compilation": "on"}),
        (False, {"steps": 600, "compilation": "off"}),
        (True, {"minutes": 1.0, "on_cpu": False}),
        (True, {"minutes": 1.0, "parameters": BASE}),
        (False, {"steps": 600, "compilation": "on", "available": False}),
    ],
)
def test_a_short_run_of_a_small_model_on_a_cpu_does_not_wait_for_xla(run, compiled, settings):
    assert decided(run, **settings) is compiled
    assert [event["xla"] for event in run.events("compilation")] == [compiled]


@pytest.mark.parametrize("before", [True, False])
def test_a_run_that_goes_on_keeps_to_what_was_decided(run, before):
    run.append_event("compilation", xla=before)
    run.append_event("resume", step=-1)
    assert decided(run, Past.of(run, -1), minutes=1.0 if before else 9.0) is before
    assert len(run.events("compilation")) == 1


def test_a_run_that_an_earlier_version_began_is_compiled_as_it_was(run):
    assert decided(run, Past.of(run, 4), minutes=1.0)
    run.append_event("step", step=1, loss=5.0)
    assert decided(run, Past.of(run, -1), minutes=1.0)
    assert not run.events("compilation")


def test_what_a_run_had_reported_is_what_stands_when_it_goes_on(run):
    run.append_event("plan", step=5, steps=9)
    run.append_event("memory", step=3, failed_step=4, micro_batch=4, batch_size=8)
    run.append_event("memory", step=6, failed_step=7, micro_batch=2, batch_size=8)
    found = Past.of(run, 3)
    assert ([event["step"] for event in found.plans], found.micro_batches, found.begun) == ([5], (4,), True)
    assert Past.of(run, 6).micro_batches == (4, 2)


@pytest.mark.slow
def test_nothing_of_a_short_run_is_compiled_nor_when_it_goes_on(tiny_preset, sample_folder, root, monkeypatch):
    made, function, save = [], tf.function, Saver.save

    def noted(*args, **options):
        made.append(options.get("jit_compile"))
        return function(*args, **options)

    def cut_off(self):
        save(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(tf, "function", noted)
    monkeypatch.setattr(scoring, "JIT_COMPILE", True)
    run = submission.submit(settings_of(tiny_preset, sample_folder, steps=2, evaluate_steps=1))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Saver, "save", cut_off)
        worker.work(run)
    monkeypatch.setattr(xla, "BREAK_EVEN_SECONDS", 0.0)  # a new run of this length would be compiled
    worker.work(run)
    assert [event["xla"] for event in run.events("compilation")] == [False]
    assert False in made and True not in made

"""Which checkpoint is a run's result, when it ends early, and how it then goes on."""

import json

import numpy as np
import pytest
from training_helpers import settings_of

from engine.core.errors import EngineError
from engine.corpus import preparation, windows
from engine.evaluation import cache, evidence, measure
from engine.models.backend import keras
from engine.presets import tokenizers
from engine.runs import checkpoints, lifecycle, needs, references, spacing, states, submission
from engine.runs.history import shared
from engine.runs.settings import RunSettings, from_json
from engine.services import worker
from engine.training.measurer import Measurer
from engine.training.step_tensorflow import Accumulator

pytestmark = pytest.mark.slow


@pytest.fixture
def losses(monkeypatch, only_trains):
    """What validation is said to have been, by step; every other part of a measurement is left out."""
    by_step: dict[int, float] = {}

    def measure(self, name):
        loss = by_step.get(self._state.step, 9.0)
        self._state.metrics = {"validation": {"loss": loss}}
        if name == "run":
            self._state.take_loss(loss)

    monkeypatch.setattr(Measurer, "measure", measure)
    return by_step


def epochs(preset, articles, **changes) -> RunSettings:
    """A run of 12 steps, measured at each second."""
    stream = preparation.prepare(articles, tokenizers.load(preset)).tokens("train")
    wanted = 11.5 / (windows.count(len(stream), 32) / 4)
    return settings_of(preset, articles, **{"steps": None, "epochs": wanted, "evaluate_steps": 2, **changes})


def trained(settings):
    run = submission.submit(settings)
    result = worker.work(run)
    return run, result


def test_an_epoch_visits_every_window():
    assert needs.steps_of_epochs(1.0, 37.25) == 38
    assert needs.steps_of_epochs(2.0, 37.0) == 74
    assert needs.steps_of_epochs(0.001, 37.0) == 1
    assert needs.steps_of_epochs(3.0, 10 / 3) == 10  # and no more, whatever the arithmetic of floats


def test_the_best_checkpoint_is_the_result_of_a_run_in_epochs_and_the_last_of_one_in_steps():
    base = {"preset": "p", "articles": "a", "name": "n"}
    assert RunSettings(**base, epochs=1.0).takes_best and RunSettings(**base, minutes=1.0).takes_best
    assert not RunSettings(**base, steps=9).takes_best
    assert RunSettings(**base, steps=9, result="best").takes_best
    assert not RunSettings(**base, epochs=1.0, result="last").takes_best
    assert RunSettings(**base, epochs=1.0).patience_measurements == 3
    assert RunSettings(**base, steps=9).patience_measurements == 0
    assert RunSettings(**base, steps=9, patience=2).patience_measurements == 2


def test_a_run_of_an_earlier_version_goes_on_as_it_began():
    config = RunSettings("p", "a", "n", epochs=1.0).to_json()
    for name in ("result", "patience", "warmup_share", "minutes_of"):
        del config[name]
    former = from_json(config)
    assert (former.takes_best, former.patience_measurements, former.warmup_share) == (False, 0, 1.0)


def test_figures_are_of_the_best_checkpoint_which_everything_then_takes(tiny_preset, sample_folder, root, eager):
    """With the real measurements: a rate that is far too high after a good beginning."""
    settings = settings_of(
        tiny_preset, sample_folder, steps=6, evaluate_steps=2, result="best", learning_rate=0.1, keep_checkpoints=1
    )
    run, result = trained(settings)
    found = checkpoints.of_run(run)
    best = checkpoints.best(found)
    assert result["last_checkpoint"] == "run/6"
    by_step = {e["step"]: e["loss"] for e in run.events("evaluation") if e["split"] == "validation" and not e["whole"]}
    assert result["best_step"] == best.step == min((s for s in by_step if s), key=by_step.get)
    if result["base_better"]:
        assert by_step[0] < min(loss for step, loss in by_step.items() if step)
        assert result["checkpoint"] == "run/6"
    else:
        assert result["checkpoint"] == f"run/{best.step}"
    assert checkpoints.find("run").reference == result["checkpoint"]
    (whole,) = [e for e in run.events("evaluation") if e["whole"] and e["model"] == "run" and e["split"] == "test"]
    assert (whole["step"], whole["loss"]) == (checkpoints.find("run").step, result["loss"])
    assert checkpoints.find("run").manifest["metrics"]["test"]["loss"] == result["loss"]
    assert checkpoints.best(checkpoints.of_run(run)).step == best.step  # the whole figures compare with no other's


@pytest.mark.parametrize("tokens", [0, 200])
def test_the_bigram_that_a_run_reports_is_that_of_its_evaluation_in_full(
    tiny_preset, sample_folder, root, eager, tokens
):
    run, _result = trained(settings_of(tiny_preset, sample_folder, steps=1, evaluate_tokens=tokens))
    (reported,) = run.events("bigram")
    whole = shared.of(run.folder).on_whole_splits()["run", "validation"]
    way = cache.PassSettings(tokens=tokens, sequence_length=32, seed=run.settings.seed)
    full = measure.examine(references.resolve(run.name), str(sample_folder), "validation", way)
    assert reported["accuracy"] == pytest.approx(full["baselines"]["bigram"]["accuracy"], abs=1e-12)
    assert reported["tokens"] == whole["evaluated_tokens"] == full["evaluated_tokens"]
    assert evidence.gather(run.state(), shared.of(run.folder)).bigram.accuracy == reported["accuracy"]


def test_a_run_that_does_not_improve_ends_early_and_goes_on_to_the_same_end(tiny_preset, sample_folder, root, losses):
    losses.update({2: 5.0, 4: 4.0, 6: 4.5, 8: 4.1, 10: 4.2, 12: 4.3})
    whole, _ = trained(epochs(tiny_preset, sample_folder, name="whole", patience=0))
    assert whole.state().step == whole.state().steps == 12
    run, _ = trained(epochs(tiny_preset, sample_folder, patience=2))
    state = run.state()
    assert (state.state, state.step, state.steps, state.ended_early) == (states.FINISHED, 8, 12, True)
    (event,) = run.events("early_end")
    assert {"step": 8, "steps": 12, "best_step": 4, "patience": 2}.items() <= event.items()
    assert [c.step for c in checkpoints.of_run(run)] == [2, 4, 6, 8]
    assert checkpoints.find("run").step == 4  # the best so far
    weights = run.folder / "step-00000004" / checkpoints.of_run(run)[1].weights_files[0]
    whole_bytes = weights.read_bytes()
    weights.write_bytes(whole_bytes[:-1] + b"x")
    assert checkpoints.find("run").step == 8  # the best of those that are whole
    weights.write_bytes(whole_bytes)
    run.request_resume()
    keras.backend.clear_session()
    run = lifecycle.find("run")
    worker.work(run)
    assert (run.state().step, run.state().ended_early) == (12, False)
    assert [e["loss"] for e in run.events("step")] == [e["loss"] for e in whole.events("step")]
    with pytest.raises(EngineError, match="finished"):
        run.request_resume()


def test_the_best_of_a_large_model_is_saved_whatever_a_save_takes(
    tiny_preset, sample_folder, root, losses, monkeypatch
):
    monkeypatch.setattr(spacing, "SMALL_CHECKPOINT_BYTES", 0)  # as if the model were large
    monkeypatch.setattr(spacing, "SAVE_BYTES_PER_SECOND", 1)
    losses.update({2: 5.0, 4: 4.0, 6: 4.5, 8: 4.1, 10: 4.2, 12: 4.3})
    run, _ = trained(epochs(tiny_preset, sample_folder, evaluate_steps=0, patience=0))
    assert [event["step"] for event in run.events("checkpoint")][:2] == [
        2,
        4,
    ]  # the first save is thought to take years
    assert checkpoints.best(checkpoints.of_run(run)).step == 4


def test_an_early_end_counts_from_the_checkpoint_that_a_run_goes_on_from(tiny_preset, sample_folder, root, losses):
    from training_helpers import cut_off_at

    losses.update({2: 4.0, 4: 4.5, 6: 4.5, 8: 4.5})
    run = submission.submit(epochs(tiny_preset, sample_folder, patience=3))
    cut_off_at(run, 4)
    assert worker.work(run) is not None
    assert (run.state().step, run.state().ended_early) == (8, True)


def test_a_loss_that_becomes_no_number_leaves_the_last_good_checkpoint(
    tiny_preset, sample_folder, root, only_trains, monkeypatch
):
    figures, done = Accumulator.figures, iter(range(100))

    def overflows(self, dispatched):
        found = figures(self, dispatched)
        return np.full_like(found, np.inf) if next(done) == 4 else found

    monkeypatch.setattr(Accumulator, "figures", overflows)
    run = submission.submit(settings_of(tiny_preset, sample_folder, steps=6, evaluate_steps=2))
    with pytest.raises(
        EngineError, match=r"became infinite or no number at step 5: .* The result is the checkpoint of step 4"
    ):
        worker.work(run)
    assert (run.state().state, run.state().result) == (states.FAILED, 4)
    assert checkpoints.find("run").step == 4
    for line in (run.folder / "events.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} in the events"))

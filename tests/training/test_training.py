"""Training, evaluating and generating with a tiny real GPT-2."""

import contextlib
import itertools
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from engine import __main__ as cli
from engine.core import machine
from engine.core.errors import ArticlesError, CheckpointError, EngineError, PresetError, ResourcesError, SettingsError
from engine.corpus import preparation, windows
from engine.evaluation import forgetting, scoring
from engine.inference.generation import Generator, Sampler
from engine.models import hugging_face, loading
from engine.models.backend import keras
from engine.presets import catalogue, memory, tokenizers
from engine.runs import checkpoints, lifecycle, submission
from engine.runs.checkpoints import ModelReference
from engine.runs.settings import RunSettings
from engine.services import dispatcher, worker
from engine.training import accumulation, loop, schedules

pytestmark = pytest.mark.slow


def settings_of(preset, articles, **changes) -> RunSettings:
    return RunSettings(
        **{
            "preset": str(preset),
            "articles": str(articles),
            "name": "run",
            "steps": 6,
            "sequence_length": 32,
            "batch_size": 4,
            "evaluate_steps": 3,
            "interval_tokens": 256,
            "sample_tokens": 8,
            "device": "cpu",
            "learning_rate": 5e-3,
            "warmup_steps": 2,
            **changes,
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_preset, sample_folder):
    """One finished run of 6 steps, with dropout, and its result."""
    root = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CHECKPOINTS", str(root))
        patch.setenv("ATELIER_CORPORA", str(root / ".corpora"))
        run = submission.submit(settings_of(tiny_preset, sample_folder, dropout=0.1))
        result = worker.work(run)
    return run, result


def test_the_result_says_everything_that_programs_read(trained):
    run, result = trained
    assert run.state().state == lifecycle.FINISHED
    assert {"run", "checkpoint", "steps", "tokens", "seconds", "tokens_per_second", "split", "evaluated_tokens"} <= set(
        result
    )
    for figure in ("accuracy", "loss", "bits_per_byte"):
        assert math.isfinite(result[figure])
        assert math.isfinite(result[f"base_{figure}"])
    assert (result["split"], result["checkpoint"], result["steps"]) == ("test", "run/6", 6)
    assert result["tokens"] == 6 * 4 * 32
    assert result["loss"] < result["base_loss"]


def test_the_curve_starts_at_the_base_and_has_a_point_an_interval(trained):
    run, _ = trained
    points = [(e["model"], e["step"], e["split"]) for e in run.events("evaluation") if not e["whole"]]
    moments = [("base", 0), ("run", 3), ("run", 6)]
    assert points == [(*moment, split) for moment in moments for split in ("validation", "english")]
    tokens = {(e["split"], e["evaluated_tokens"]) for e in run.events("evaluation") if not e["whole"]}
    assert len(tokens) == 2  # the same ones at every point
    assert dict(tokens)["english"] <= 2048
    samples = {(e["model"], e["step"]) for e in run.events("sample")}
    assert samples == {("base", 0), ("run", 3), ("run", 6)}
    assert [e["step"] for e in run.events("checkpoint")] == [3, 6]


def test_whole_evaluations_of_base_and_run_are_on_the_same_tokens(trained):
    run, _ = trained
    whole = {(e["model"], e["split"]): e["evaluated_tokens"] for e in run.events("evaluation") if e["whole"]}
    assert set(whole) == {(m, s) for m in ("run", "base") for s in ("validation", "test")}
    assert whole["run", "test"] == whole["base", "test"]
    assert {e["sequence_length"] for e in run.events("evaluation") if e["whole"]} == {32}


def test_a_checkpoint_read_back_gives_the_figures_of_its_manifest(trained, tiny_preset):
    run, _ = trained
    checkpoint = checkpoints.of_run(run)[-1]
    model, tokenizer = loading.load(ModelReference(catalogue.find(tiny_preset), checkpoint))
    prepared = preparation.prepare(run.settings.articles, tokenizer, run.folder.parent / ".corpora")
    scores = scoring.evaluate(scoring.Scorer(model), prepared.tokens("test"), tokenizer.token_bytes, 32)
    assert scores.to_json() == pytest.approx(checkpoint.manifest["metrics"]["test"], rel=1e-6)


def test_a_manifest_says_which_articles_were_seen_and_how_often(trained):
    manifest = checkpoints.of_run(trained[0])[-1].manifest
    assert (manifest["articles"], manifest["lineage"]) == ([1, 24], [])
    assert manifest["epochs"] == trained[0].events("step")[-1]["epoch"]


def test_the_weights_of_base_and_checkpoint_differ_and_base_is_the_preset(trained, tiny_preset):
    run, _ = trained
    base = ModelReference(catalogue.find(tiny_preset))
    tuned = ModelReference(base.preset, checkpoints.of_run(run)[-1])
    assert base.hash != tuned.hash
    assert base.hash == checkpoints.of_run(run)[-1].manifest["preset"]["hash"]


@pytest.mark.parametrize("form", checkpoints.FORMATS)
def test_a_killed_run_resumed_has_the_losses_and_weights_of_one_that_was_not(
    trained, tiny_preset, sample_folder, root, form
):
    """With dropout and shuffle, in the middle of an epoch, in every format: bit for bit on a CPU."""
    whole, _ = trained  # in the default format: the format changes nothing that is computed
    run = submission.submit(settings_of(tiny_preset, sample_folder, dropout=0.1, checkpoint_format=form))
    asked = iter(range(10_000))
    with pytest.MonkeyPatch.context() as patch:
        # Cut off without a goodbye right after the checkpoint of step 3.
        from engine.training import loop

        original = loop._Training._checkpoint

        def cut_off(self):
            original(self)
            if next(asked) == 0:
                raise KeyboardInterrupt

        patch.setattr(loop._Training, "_checkpoint", cut_off)
        with pytest.raises(KeyboardInterrupt):
            worker.work(run)
    with checkpoints.commit(run, 5, {"format": form}) as staging:  # a newer one that is damaged is passed over
        for name in checkpoints.WEIGHTS_FILES[form]:
            (staging / name).write_bytes(b"weights")
    (run.folder / "step-00000005" / name).write_bytes(b"wEights")
    assert checkpoints.newest_verified(run).step == 3
    assert run.state().state == lifecycle.INTERRUPTED
    if form == "weights.h5":  # as of a run that was begun before there were other formats: its configuration names none
        config = json.loads((run.folder / "config.json").read_text())
        del config["checkpoint_format"]
        (run.folder / "config.json").write_text(json.dumps(config))
        run, form = lifecycle.find(run.name), "ckpt"
    keras.backend.clear_session()
    worker.work(run)
    first, second = (checkpoints.of_run(r)[-1] for r in (whole, run))
    assert (first.format, second.format) == ("ckpt", form)
    with np.load(first.folder / checkpoints.TRAINING) as a, np.load(second.folder / checkpoints.TRAINING) as b:
        random_states = [name for name in a.files if name.startswith("random")]
        assert random_states and all(np.array_equal(a[name], b[name]) for name in random_states)
    if form == "ckpt":
        a, b = (tf.train.load_checkpoint(str(c.folder / "model.ckpt")) for c in (first, second))
        names = [
            name for name in a.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name and "save_counter" not in name
        ]
        assert any("optimizer" in name for name in names)
        assert all(np.array_equal(a.get_tensor(name), b.get_tensor(name)) for name in names)
    # One start, and as many resumes after a checkpoint as before the first.
    assert run.state().starts == 1 and dispatcher.MOST_STARTS == 4
    (passed_over,) = run.events("damaged")
    assert passed_over["checkpoint"] == "run/5"
    losses = [[e["loss"] for e in r.events("evaluation")] for r in (whole, run)]
    assert losses[0] == losses[1]
    one, two = (loading.load(ModelReference(catalogue.find(tiny_preset), c))[0] for c in (first, second))
    assert all(np.array_equal(x, y) for x, y in zip(one.get_weights(), two.get_weights(), strict=True))


def test_a_stop_while_it_measures_saves_the_steps_since_the_last_checkpoint(tiny_preset, sample_folder, root):
    run = submission.submit(settings_of(tiny_preset, sample_folder, steps=1000, evaluate_steps=3))

    def say(line):
        if line == "evaluating" and run.state().step == 3:
            (run.folder / "control.json").write_text(json.dumps({"action": "stop"}))

    assert worker.work(run, say=say) is None
    assert run.state().state == lifecycle.STOPPED
    assert checkpoints.newest_verified(run).step == 3
    assert checkpoints.newest_verified(run).manifest["metrics"] == {}  # nothing has been measured there


@pytest.mark.parametrize(("asked_for", "state"), [("stop", lifecycle.STOPPED), ("pause", lifecycle.PAUSED)])
def test_stop_and_pause_end_in_a_checkpoint_and_a_state_that_says_so(
    tiny_preset, sample_folder, root, asked_for, state
):
    run = submission.submit(settings_of(tiny_preset, sample_folder, steps=1000, evaluate_steps=500))
    run_step = {"asked": False}

    def say(line):
        if line.startswith("step 3") and not run_step["asked"]:
            run_step["asked"] = True
            (run.folder / "control.json").write_text(json.dumps({"action": asked_for}))

    with pytest.MonkeyPatch.context() as patch:
        from engine.training import loop

        patch.setattr(loop, "REPORT_SECONDS", 0.0)
        assert worker.work(run, say=say) is None
    assert run.state().state == state
    assert checkpoints.newest_verified(run).step == run.state().step
    assert 3 <= run.state().step < 10


def test_a_run_from_a_checkpoint_names_its_parent_and_measures_it(trained, tiny_preset, sample_folder, monkeypatch):
    run, first = trained
    monkeypatch.setenv("ATELIER_CHECKPOINTS", str(run.folder.parent))
    monkeypatch.setenv("ATELIER_CORPORA", str(run.folder.parent / ".corpora"))
    child = submission.submit(settings_of(tiny_preset, sample_folder, name="child", parent="run", steps=2))
    assert child.settings.parent == "run/6"
    result = worker.work(child)
    assert result["parent_loss"] == pytest.approx(first["loss"], rel=1e-6)
    assert result["base_loss"] == pytest.approx(first["base_loss"], rel=1e-6)
    assert checkpoints.of_run(child)[-1].manifest["parent"] == "run/6"


def cut_off_at(run, step):
    """Trains until the checkpoint of that step is written, and not a step further."""
    save = loop._Training._checkpoint

    def cut_off(self):
        save(self)
        if self.progress.step == step:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop._Training, "_checkpoint", cut_off)
        with pytest.raises(KeyboardInterrupt):
            worker.work(run)
    keras.backend.clear_session()


@pytest.fixture
def parent(trained, root):
    """A finished run "one" with checkpoints after its steps 3 and 6."""
    return lifecycle.Run(shutil.copytree(trained[0].folder, root / "one"))


def test_a_run_with_a_checkpoint_of_its_own_goes_on_without_its_parent(parent, tiny_preset, sample_folder):
    short = {"steps": 2, "evaluate_steps": 1, "parent": "one/3"}
    child = submission.submit(settings_of(tiny_preset, sample_folder, name="child", **short))
    first = checkpoints.find("one/3")
    cut_off_at(child, 1)
    checkpoints.delete(first)
    result = worker.work(child)
    assert child.state().state == lifecycle.FINISHED
    assert "parent_loss" not in result and math.isfinite(result["base_loss"])
    (event,) = child.events("parent_lost")
    assert str(EngineError.from_json(event["reason"])) == "The run one has no checkpoint 3."
    manifest = checkpoints.newest_verified(child).manifest
    assert (manifest["parent"], manifest["parent_hash"]) == ("one/3", first.hash)


def test_a_parent_that_is_damaged_while_the_run_is_under_way_does_not_fail_it(parent, tiny_preset, sample_folder):
    child = submission.submit(
        settings_of(tiny_preset, sample_folder, name="child", steps=1, evaluate_steps=1, parent="one/3", seed=2)
    )

    def damage(line):
        if line == "finishing":
            (checkpoints.find("one/3").folder / checkpoints.WEIGHTS_FILES["ckpt"][0]).write_bytes(b"damaged")

    result = worker.work(child, say=damage)
    assert child.state().state == lifecycle.FINISHED
    assert "parent_loss" not in result
    assert "one/3 is damaged" in str(EngineError.from_json(child.events("parent_lost")[0]["reason"]))


@pytest.mark.parametrize("lora_rank", [0, 2])
def test_a_run_whose_articles_or_preset_have_changed_does_not_go_on_without_a_word(
    tiny_preset, sample_folder, root, tmp_path, only_trains, lora_rank
):
    articles = shutil.copytree(sample_folder, tmp_path / "articles")
    preset = shutil.copytree(tiny_preset, tmp_path / "preset")
    short = {"steps": 2, "evaluate_steps": 1, "lora_rank": lora_rank}
    run = submission.submit(settings_of(preset, articles, **short))
    cut_off_at(run, 1)
    train = articles / "train.jsonl"
    words = train.read_text()
    train.write_text(words.replace("insulin", "glucagon"))
    with pytest.raises(ArticlesError, match=r"The words of .*articles have changed since .*run/1.*train --from run/1"):
        worker.work(run)
    train.write_text(words)
    weights = (preset / "model.weights.h5").read_bytes()
    other, _ = loading.load(checkpoints.resolve(str(tiny_preset)))
    other.backbone.trainable_variables[0].assign_add(keras.ops.ones_like(other.backbone.trainable_variables[0]))
    loading.save_weights(other, preset / "model.weights.h5")
    run.request_resume()
    with pytest.raises(PresetError, match="The weights of the preset .* have changed since this run was made"):
        worker.work(run)
    assert run.state().state == lifecycle.FAILED
    (preset / "model.weights.h5").write_bytes(weights)
    run.request_resume()
    worker.work(run)
    assert run.state().state == lifecycle.FINISHED


# Forks a trainer, without what `only_trains` leaves out, for each folder of a run that it reads: loading takes seconds.
NURSERY = """
import os, sys
from pathlib import Path
import tensorflow as tf  # its runtime begins in the children
from engine.runs import lifecycle
from engine.services import worker
from engine.training import loop
loop.REPORT_SECONDS = 0.0
for method in ("_measure_start", "_measure_interval", "_finish"):
    setattr(loop._Training, method, lambda self, *rest: {})
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        tf.config.run_functions_eagerly(True)
        worker.work(lifecycle.Run(Path(line.strip())))
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def ends_alike(one, two):
    """Whether two runs have the same loss at each step, and the same weights, random states and moments at the end.

    The moments of a `ckpt` are in its own files, so those of runs of two formats are not compared.
    """
    first, second = ([(e["step"], e["loss"]) for e in run.events("step")] for run in (one, two))
    assert len(first) == len(second) == one.settings.steps
    a, b = (checkpoints.of_run(run)[-1] for run in (one, two))
    with np.load(a.folder / checkpoints.TRAINING) as x, np.load(b.folder / checkpoints.TRAINING) as y:
        shared = [name for name in x.files if a.format == b.format or name.startswith("random")]
        states = shared and all(name in y.files and np.array_equal(x[name], y[name]) for name in shared)
    preset = catalogue.find(one.settings.preset)
    weights = [loading.load(ModelReference(preset, checkpoint))[0].get_weights() for checkpoint in (a, b)]
    return first == second and states and all(np.array_equal(x, y) for x, y in zip(*weights, strict=True))


def await_moment(run, pid, step, in_a_save, rng) -> bool:
    """Waits for a moment inside the save after the next, or for any moment from the trainer's start on, at most for its end.

    Returns:
        Whether it is inside a save.
    """
    end = time.monotonic() + (60 if in_a_save else rng.uniform(0, 1.2))
    while time.monotonic() < end and run.state().state != lifecycle.FINISHED:
        if in_a_save and run.saved_step() > step and any(run.folder.glob(f".step-*.{pid}-*.tmp")):
            time.sleep(rng.uniform(0, 0.02))
            return any(run.folder.glob(f".step-*.{pid}-*.tmp"))
        time.sleep(0.0005)
    return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks a process that has loaded TensorFlow")
def test_a_trainer_that_is_killed_twenty_times_loses_nothing(tiny_preset, sample_folder, root, only_trains):
    """In every format, at any moment from its start on and inside a save, with dropout and shuffle, by the dispatcher's rule."""
    rng, kills, in_saves, end = random.Random(1), 0, 0, time.monotonic() + 300
    short = {"dropout": 0.1, "steps": 16, "evaluate_steps": 1, "keep_checkpoints": 2}
    whole = submission.submit(settings_of(tiny_preset, sample_folder, **short, name="whole"))
    worker.work(whole)
    command = [sys.executable, "-c", NURSERY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        for number in itertools.count():
            form = checkpoints.FORMATS[number % 3]
            run = submission.submit(
                settings_of(tiny_preset, sample_folder, **short, name=f"killed-{number}", checkpoint_format=form)
            )
            last = kills + 7
            while run.state().state != lifecycle.FINISHED:
                assert time.monotonic() < end
                had = checkpoints.newest_verified(run)
                print(run.folder, file=nursery.stdin, flush=True)
                pid = int(nursery.stdout.readline())
                if kills < last:
                    saving = await_moment(run, pid, had.step if had else 0, kills % 2, rng)
                    with contextlib.suppress(ProcessLookupError):  # it has finished
                        os.kill(pid, signal.SIGKILL)
                    in_saves += saving
                code = int(nursery.stdout.readline())
                assert code in (0, -signal.SIGKILL)
                kills += code != 0
                has = checkpoints.newest_verified(run)
                assert had is None or has.step >= had.step
                dispatcher.settle(run, code)
                assert run.state().state != lifecycle.FAILED
            assert ends_alike(whole, run)
            if kills >= 20:
                break
        nursery.stdin.close()
    assert in_saves > 3


def test_a_lora_run_that_is_killed_has_the_losses_and_weights_of_one_that_was_not(
    tiny_preset, sample_folder, root, only_trains
):
    short = {"dropout": 0.1, "steps": 3, "evaluate_steps": 2, "lora_rank": 2}
    whole, run = (submission.submit(settings_of(tiny_preset, sample_folder, **short, name=n)) for n in ("whole", "run"))
    worker.work(whole)
    cut_off_at(run, 2)
    worker.work(run)
    assert ends_alike(whole, run)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_run_in_a_checkpoint(tiny_preset, sample_folder, root, only_trains, name):
    run = submission.submit(settings_of(tiny_preset, sample_folder, steps=1000, evaluate_steps=500))

    def say(line):
        if line.startswith("step 2/"):
            os.kill(os.getpid(), getattr(signal, name))

    assert worker.work(run, say=say) is None
    assert (run.state().state, run.control()) == (lifecycle.STOPPED, "")
    assert checkpoints.newest_verified(run).step == run.state().step == 2


def test_a_save_that_costs_too_much_of_the_training_is_left_out_where_nobody_said_how_often(
    tiny_preset, sample_folder, root, only_trains, monkeypatch
):
    small, large = submission.checkpoint_bytes(2_600_000, 0), submission.checkpoint_bytes(124_000_000, 0)
    assert submission.checkpoint_bytes(124_000_000, lora_rank=4) == large / 3
    assert submission.worth_saving(small, 3.7, 1, 1)
    assert submission.worth_saving(large, 3.7, 75, 75)
    assert not submission.worth_saving(large, 3.7, 70, 1000) and not submission.worth_saving(large, 3.7, 1000, 70)
    monkeypatch.setattr(submission, "SMALL_CHECKPOINT_BYTES", 0)  # as if the model were large
    monkeypatch.setattr(submission, "SAVE_BYTES_PER_SECOND", 1)
    saved = {}
    for every in (0, 2):
        settings = settings_of(tiny_preset, sample_folder, steps=4, evaluate_steps=every, name=f"every-{every}")
        run = submission.submit(settings)
        worker.work(run)
        saved[every] = [event["step"] for event in run.events("checkpoint")]
    assert saved == {0: [4], 2: [2, 4]}
    minute = settings_of(tiny_preset, sample_folder, steps=None, minutes=1.0, evaluate_steps=0)
    assert submission.estimate(minute).checkpoints == 1


def test_lora_trains_adapters_alone_and_its_checkpoint_loads_into_the_plain_model(tiny_preset, sample_folder, root):
    run = submission.submit(settings_of(tiny_preset, sample_folder, lora_rank=2, steps=4, evaluate_steps=2))
    result = worker.work(run)
    assert result["loss"] < result["base_loss"]
    final = checkpoints.of_run(run)[-1]
    points = [e for e in run.events("evaluation") if e["model"] == "run" and not e["whole"] and e["step"] == 4]
    assert points.pop()["split"] == "english"
    model, tokenizer = loading.load(ModelReference(catalogue.find(tiny_preset), final))
    stream = preparation.prepare(sample_folder, tokenizer).tokens("validation")
    part = scoring.part(stream, 32, 256, 1)
    scores = scoring.evaluate(scoring.Scorer(model), stream, tokenizer.token_bytes, 32, part)
    assert scores.loss == pytest.approx(points[0]["loss"], rel=1e-5)


def test_lora_from_a_checkpoint_has_the_bases_and_the_parents_zero_line(tiny_preset, sample_folder, root):
    """So that what it forgot is measured against the base, as that of every other run is."""
    one = submission.submit(settings_of(tiny_preset, sample_folder, name="one", learning_rate=0.05))
    worker.work(one)
    short = {"parent": "one", "steps": 2, "evaluate_steps": 2}
    starts = {}
    for name, rank in (("adapters", 2), ("all", 0)):
        run = submission.submit(settings_of(tiny_preset, sample_folder, name=name, lora_rank=rank, **short))
        worker.work(run)
        assert forgetting.of_events(run.events()) is not None
        starts[name] = {
            (e["model"], e["split"]): e["loss"] for e in run.events("evaluation") if not e["whole"] and e["step"] == 0
        }
        assert {e["model"] for e in run.events("sample") if e["step"] == 0} == {"base", "parent"}
        assert {e["model"] for e in run.events("passage") if e["step"] == 0} == {"base", "parent"}
    assert starts["adapters"] == pytest.approx(starts["all"], rel=1e-6)
    first = {("base", e["split"]): e["loss"] for e in one.events("evaluation") if not e["whole"] and e["step"] == 0}
    last = {("parent", e["split"]): e["loss"] for e in one.events("evaluation") if not e["whole"] and e["step"] == 6}
    assert starts["adapters"] == pytest.approx(first | last, rel=1e-5)
    assert abs(starts["adapters"]["base", "english"] - starts["adapters"]["parent", "english"]) > 0.01


def test_lora_trains_query_and_value_and_their_biases(tiny_preset):
    """What the pages, the command line and the settings say that it trains."""
    model, _ = loading.load(checkpoints.resolve(str(tiny_preset)))
    model.backbone.enable_lora(2)
    trained = sorted(variable.path.split("/", 1)[1] for variable in model.trainable_variables)
    of_layer = [f"self_attention/{which}/{leaf}" for which in ("query", "value")
                for leaf in ("bias", "lora_kernel_a", "lora_kernel_b")]  # fmt: skip
    assert trained == sorted(2 * of_layer)


def test_loras_automatic_rate_is_fifteen_times_the_usual_one():
    """Measured on the mini model: benchmarks/lora_rates.py."""

    def rate(width: int, **changes) -> float:
        return submission.peak_learning_rate(settings_of("p", "a", learning_rate=0.0, **changes), width)

    assert (rate(192), rate(192, lora_rank=4), rate(192, lora_rank=8)) == pytest.approx((2e-3, 3e-2, 3e-2))
    assert rate(768, lora_rank=4) == pytest.approx(1.875e-3)
    assert rate(32, lora_rank=4) == pytest.approx(3e-2)  # no higher than what was tried
    assert submission.peak_learning_rate(settings_of("p", "a", learning_rate=1e-3, lora_rank=4), 192) == 1e-3


def test_minutes_become_a_number_of_steps_once(tiny_preset, sample_folder, root):
    run = submission.submit(
        settings_of(tiny_preset, sample_folder, steps=None, minutes=0.02, evaluate_steps=10_000, sample_tokens=1)
    )
    result = worker.work(run)
    (plan,) = run.events("plan")
    assert plan["step"] == 21
    assert result["steps"] == plan["steps"] == run.state().steps


@pytest.mark.parametrize(
    ("given", "steps", "interval"),
    [
        ({"steps": 200}, 200, 20),
        ({"minutes": 1.0}, 102, 17),
        ({"minutes": 30.0}, 3000, 300),
        ({"minutes": 0.02}, 21, 21),
    ],
)
def test_a_run_saves_ten_times_but_not_more_often_than_every_ten_seconds(given, steps, interval):
    settings = settings_of("preset", "articles", **{"steps": None, "evaluate_steps": 0, **given})
    assert submission.interval(settings, steps) == interval


@pytest.mark.parametrize(
    ("given", "checkpoints_at_a_time"),
    [
        ({"steps": 200}, 10),
        ({"steps": 4}, 4),
        ({"steps": 1000, "evaluate_steps": 10}, 100),
        ({"steps": 1000, "evaluate_steps": 10, "keep_checkpoints": 3}, 5),  # the best, and one that is being written
        ({"steps": 2, "keep_checkpoints": 3}, 2),
        ({"minutes": 1.0}, 6),
        ({"epochs": 4.0, "evaluate_steps": 5}, None),  # known since the articles are prepared
    ],
)
def test_the_disk_that_a_run_will_need_follows_from_when_it_saves_and_what_it_keeps(
    tiny_preset, sample_folder, root, given, checkpoints_at_a_time
):
    corpus = preparation.prepare(sample_folder, tokenizers.load(tiny_preset))
    settings = settings_of(
        tiny_preset, sample_folder, **{"steps": None, "evaluate_steps": 0, "keep_checkpoints": 0, **given}
    )
    needed = submission.estimate(settings)
    steps = 4 * windows.count(len(corpus.tokens("train")), 32) / 4
    assert needed.checkpoints == (checkpoints_at_a_time or math.ceil(round(steps) / 5))


def test_everything_that_stands_against_a_run_is_said_before_it_starts(tiny_preset, sample_folder, root):
    with pytest.raises(SettingsError) as caught:
        submission.check(settings_of("nowhere", sample_folder, first_article=20, last_article=40, parent="nobody"))
    sentences = " ".join(str(problem) for problem in caught.value.problems)
    assert "There is no preset nowhere" in sentences
    assert "There is no run nobody" in sentences
    assert "Articles 20-40 lie outside the corpus: its train split holds 1-24." in sentences


# Evaluation


def test_loss_and_accuracy_equal_keras_evaluate(tiny_preset, sample_folder, root):
    model, tokenizer = loading.load(checkpoints.resolve(str(tiny_preset)))
    stream = preparation.prepare(sample_folder, tokenizer).tokens("test")
    scores = scoring.evaluate(scoring.Scorer(model), stream, tokenizer.token_bytes, 32)
    batch = windows.take(stream, np.arange(windows.count(len(stream), 32)), 32)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    x = {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}
    by_keras = keras.Model.evaluate(
        model, x, batch.targets, sample_weight=batch.weights, batch_size=len(batch.targets), return_dict=True, verbose=0
    )
    assert scores.evaluated_tokens == len(stream) - 1
    assert scores.loss == pytest.approx(by_keras["loss"] / (len(stream) - 1), rel=1e-5)
    assert scores.accuracy == pytest.approx(by_keras["accuracy"], abs=1e-6)
    size = len(tokenizer.decode(stream).replace("<|endoftext|>", "").encode())
    assert scores.bits_per_byte == pytest.approx(scores.loss * scores.evaluated_tokens / math.log(2) / size, rel=1e-6)
    assert scores.perplexity == pytest.approx(math.exp(scores.loss))


def test_the_part_of_validation_is_the_same_every_time():
    stream = np.zeros(10_000, dtype=np.uint16)
    assert np.array_equal(scoring.part(stream, 32, 640, 5), scoring.part(stream, 32, 640, 5))
    assert len(scoring.part(stream, 32, 640, 5)) == 20
    assert scoring.part(stream, 32, 0, 5) is None


# Generation


def test_same_seed_same_sample_and_greedy_is_keras_own(tiny_preset):
    model, tokenizer = loading.load(checkpoints.resolve(str(tiny_preset)))
    generator = Generator(model, tokenizer)
    hot = Sampler(temperature=1.0, top_k=0)
    assert generator.generate("the cells", 20, hot, seed=3) == generator.generate("the cells", 20, hot, seed=3)
    assert generator.generate("the cells", 20, hot, seed=3) != generator.generate("the cells", 20, hot, seed=4)
    ids = [tokenizer.end_of_text, *tokenizer.encode("the cells")]
    padded = np.zeros((1, 64), dtype=np.int32)
    padded[0, : len(ids)] = ids
    mask = np.zeros((1, 64), dtype=np.int32)
    mask[0, : len(ids)] = 1
    model.compile(sampler="greedy")
    keras_ids = np.asarray(
        model.generate({"token_ids": padded, "padding_mask": mask}, stop_token_ids=None)["token_ids"]
    )[0]
    ours = list(generator.stream("the cells", 20, Sampler(temperature=0)))
    assert ours == keras_ids[len(ids) : len(ids) + len(ours)].tolist()


def test_the_command_says_what_it_leaves_out_of_a_prompt(tiny_preset, capsys):
    def said(prompt: str) -> tuple[dict, str]:
        command = ["generate", "--checkpoint", str(tiny_preset), "--max-new-tokens", "4", "--json", "--prompt", prompt]
        assert cli.main(command) == 0
        captured = capsys.readouterr()
        told = [line for line in captured.err.splitlines() if line.startswith("engine: The ")]
        return json.loads(captured.out), "\n".join(told)

    plain, nothing = said("the cells")
    assert nothing == "" and plain["dropped_tokens"] == 0
    blank, told = said("the cells \t ")
    assert told.startswith("engine: The blank at the prompt's end was left out")
    assert (blank["prompt"], blank["text"]) == ("the cells", plain["text"])
    long, told = said("the cells " * 200)
    assert long["dropped_tokens"] > 300
    assert told.splitlines()[1] == (
        f"engine: The prompt is longer than the context: its first {long['dropped_tokens']:,} tokens were left out."
    )


@pytest.mark.parametrize("prompt", ["", "the cells " * 200, "細胞 😀 <b>bold</b>", "the"])
def test_any_prompt_is_continued(tiny_preset, prompt):
    generator = Generator(*loading.load(checkpoints.resolve(str(tiny_preset))))
    assert 0 < len(list(generator.stream(prompt, 10, Sampler(temperature=1.0)))) <= 10


def test_samplers_allow_exactly_what_they_say():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    rng = np.random.default_rng(0)

    def drawn(sampler):
        return {sampler.draw(logits, rng) for _ in range(300)}

    assert drawn(Sampler(temperature=0)) == {0}
    assert drawn(Sampler(1.0, 2, 1.0)) == {0, 1}
    assert drawn(Sampler(1.0, 0, 0.9)) == {0, 1, 2}
    assert drawn(Sampler(1.0, 0, 0.5)) == {0}
    assert drawn(Sampler(1.0, 0, 1.0)) == {0, 1, 2, 3}
    with pytest.raises(SettingsError) as caught:
        Sampler(-1, -1, 0)
    assert len(caught.value.problems) == 3


# Presets


def test_a_hugging_face_folder_loads_with_the_same_logits(tiny_preset, tmp_path):
    model, tokenizer = loading.load(checkpoints.resolve(str(tiny_preset)))
    x = {"token_ids": np.array([[1, 2, 3]]), "padding_mask": np.ones((1, 3), "int32")}
    logits = np.asarray(model(x))  # (1, 3, vocabulary)
    keras_task(model, tiny_preset).export_to_transformers(str(tmp_path / "hf"))
    other, other_tokenizer = loading.load(checkpoints.resolve(str(tmp_path / "hf")))
    assert np.allclose(logits, np.asarray(other(x)), atol=1e-5)
    assert other_tokenizer.encode("insulin levels") == tokenizer.encode("insulin levels")


def keras_task(model, preset):
    from engine.models.backend import keras_hub

    folder = tokenizers.find_assets(preset)
    tokenizer = keras_hub.models.GPT2Tokenizer(
        vocabulary=json.loads((folder / "vocabulary.json").read_text()),
        merges=(folder / "merges.txt").read_text().split("\n")[:-1],
    )
    model.preprocessor = keras_hub.models.GPT2CausalLMPreprocessor(tokenizer, sequence_length=64)
    return model


def test_a_hub_name_without_network_fails_at_once_with_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr(catalogue, "reachable", lambda preset: False)
    sentence = "is fetched from the network, and .* cannot be reached: connect, or give"
    for name in ("gpt2_base_en", "hf://openai-community/gpt2"):
        with pytest.raises(PresetError, match=sentence):
            loading.load(checkpoints.resolve(name))


def test_of_a_hub_name_the_vocabulary_alone_can_be_fetched(monkeypatch, tiny_preset, tmp_path):
    from keras_hub.src.utils import preset_utils

    asked = []

    def get_file(name, path):
        asked.append((name, path))
        return str(tiny_preset / path)

    monkeypatch.setattr(catalogue, "check_available", lambda preset: None)
    monkeypatch.setattr(catalogue, "reachable", lambda preset: True)
    monkeypatch.setattr(preset_utils, "get_file", get_file)
    found = loading.hub_tokenizer(catalogue.find("gpt2_base_en"))
    assert found.hash == tokenizers.load(tiny_preset).hash
    assert {path for _, path in asked} == {"assets/tokenizer/merges.txt", "assets/tokenizer/vocabulary.json"}


def test_of_a_hub_name_the_configuration_is_looked_at_and_one_file_of_vocabulary_is_enough(
    monkeypatch, tiny_preset, tmp_path
):
    from keras_hub.src.utils import preset_utils

    def get_file(name, path):
        if not (tmp_path / path).is_file():
            raise FileNotFoundError(path)
        return str(tmp_path / path)

    config = {"model_type": "gpt2", "scale_attn_by_inverse_layer_idx": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    vocabulary, merges = tokenizers.assets(tiny_preset)
    hugging_face._tokenizer(vocabulary, merges).save(str(tmp_path / "tokenizer.json"))
    monkeypatch.setattr(catalogue, "check_available", lambda preset: None)
    monkeypatch.setattr(catalogue, "reachable", lambda preset: True)
    monkeypatch.setattr(preset_utils, "get_file", get_file)
    with pytest.raises(PresetError, match="scale_attn_by_inverse_layer_idx is true"):
        loading.load(checkpoints.resolve("hf://somebody/gpt2"))
    found = loading.hub_tokenizer(catalogue.find("hf://somebody/gpt2"))
    assert found.hash == tokenizers.load(tiny_preset).hash


def test_what_is_no_preset_is_said(tmp_path):
    with pytest.raises(PresetError, match="There is no run, checkpoint or preset"):
        checkpoints.resolve(str(tmp_path / "nothing"))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(PresetError, match="is not a GPT-2 preset but bert"):
        checkpoints.resolve(str(tmp_path))


def test_a_damaged_preset_is_one_sentence(tiny_preset, tmp_path):
    broken = shutil.copytree(tiny_preset, tmp_path / "broken")
    (broken / "model.weights.h5").write_bytes(b"not HDF5")
    with pytest.raises(PresetError, match="cannot be loaded"):
        loading.load(checkpoints.resolve(str(broken)))


def test_a_checkpoint_altered_on_disk_is_not_loaded(trained):
    run, _ = trained
    copy = shutil.copytree(run.folder, run.folder.parent / "copy")
    file = copy / "step-00000006" / checkpoints.WEIGHTS_FILES["ckpt"][0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="copy/6 is damaged"):
        loading.load(checkpoints.resolve("copy/6", run.folder.parent))
    shutil.rmtree(copy)


def test_training_and_generating_work_without_tensorflow_text(tiny_preset, sample_folder, root):
    """As on Windows, which has no wheel of it."""
    code = (
        "import sys; sys.modules['tensorflow_text'] = None; from engine.__main__ import main; "
        f"a = main(['train', '--preset', {str(tiny_preset)!r}, '--articles', {str(sample_folder)!r}, '--steps', '2', "
        "'--sequence-length', '32', '--name', 'w', '--json']); "
        "sys.exit(a or main(['generate', '--checkpoint', 'w', '--prompt', 'the cells', '--max-new-tokens', '5', '--json']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    trained, generated = (json.loads(line) for line in done.stdout.splitlines()[-2:])
    assert trained["steps"] == 2
    assert generated["text"]


def test_the_learning_rate_warms_up_and_falls_along_half_a_cosine():
    rates = [schedules.warmup_cosine(step, 1.0, 4, 104) for step in range(105)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[54] == pytest.approx(0.55)
    assert rates[104] == pytest.approx(0.1)
    assert schedules.warmup_cosine(50, 1.0, 4, 0) == 1.0


def test_a_loss_that_is_no_number_fails_the_run_with_its_reason(tiny_preset, sample_folder, root, monkeypatch):
    from engine.training import loop

    run = submission.submit(settings_of(tiny_preset, sample_folder))
    monkeypatch.setattr(
        loop._Training,
        "_step",
        lambda self: (_ for _ in ()).throw(EngineError("The loss became {loss}.", loss="nan")),
    )
    with pytest.raises(EngineError):
        worker.work(run)
    assert run.state().state == lifecycle.FAILED
    assert str(run.state().error) == "The loss became nan."


# Memory


def compiled(preset, dropout=0.0):
    model, _ = loading.load(checkpoints.resolve(str(preset)), dropout)
    # Plain descent: Adam would make a full step of the rounding of gradients that are zero (the keys' biases).
    model.compile(
        optimizer=keras.optimizers.SGD(0.5, global_clipnorm=0.5),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def test_a_batch_in_pieces_makes_the_step_of_the_whole_batch(tiny_preset):
    """Five windows in pieces of 2, 2 and 1, with weights that differ and padding, over three steps."""
    whole, pieces = compiled(tiny_preset), compiled(tiny_preset)
    start = whole.get_weights()
    accumulator = accumulation.Accumulator(pieces, 2, jit_compile=False)
    rng = np.random.default_rng(1)
    for _ in range(3):
        ids, targets = rng.integers(0, 399, (2, 5, 32), dtype=np.int32)
        weights = rng.choice([0.0, 0.5, 1.0, 3.0], (5, 32)).astype(np.float32)
        weights[4, 7:] = 0
        whole.reset_metrics()
        expected = whole.train_on_batch(
            {"token_ids": ids, "padding_mask": np.ones_like(ids)}, targets, sample_weight=weights, return_dict=True
        )
        pieces.reset_metrics()
        assert accumulator.step(windows.Batch(ids, targets, weights)) == pytest.approx(
            {name: float(expected[name]) for name in ("loss", "accuracy")}, rel=1e-5
        )
    moved = 0.0
    for first, expected, found in zip(start, whole.get_weights(), pieces.get_weights(), strict=True):
        assert np.allclose(found, expected, atol=2e-6)
        moved = max(moved, np.abs(found - first).max())
    assert moved > 1e-2


@pytest.fixture
def only_trains(monkeypatch):
    """Leaves out what has no part in what is tested, and takes most of the time of so small a run."""
    from engine.training import loop

    for method in ("_measure_start", "_measure_interval", "_finish"):
        monkeypatch.setattr(loop._Training, method, lambda self, *rest: {})
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)  # the loss of each step
    tf.config.run_functions_eagerly(True)  # tracing takes longer than so few steps
    yield
    tf.config.run_functions_eagerly(False)


def runs_out(monkeypatch, too_large, at_step=0):
    """Steps on that many windows or more at a time end as TensorFlow ends them where memory runs out."""
    from engine.training import loop

    step = loop._Training._step

    def limited(self):
        if self.progress.step >= at_step and (self.progress.micro_batch or self.batch_size) >= too_large:
            raise tf.errors.ResourceExhaustedError(None, None, "Out of memory while trying to allocate 1.85GiB.")
        return step(self)

    monkeypatch.setattr(loop._Training, "_step", limited)


def test_a_run_whose_memory_runs_out_goes_on_in_pieces_to_the_same_end(
    tiny_preset, sample_folder, root, monkeypatch, only_trains
):
    short = {"dropout": 0.0, "steps": 4, "evaluate_steps": 2}
    whole = submission.submit(settings_of(tiny_preset, sample_folder, **short, name="whole"))
    worker.work(whole)
    assert not whole.events("memory")
    runs_out(monkeypatch, 3, at_step=2)
    run = submission.submit(settings_of(tiny_preset, sample_folder, **short))
    with pytest.raises(memory.GoesOn):
        worker.work(run)
    assert (run.state().state, run.state().starts) == (lifecycle.QUEUED, 0)
    worker.work(run)
    assert run.state().state == lifecycle.FINISHED
    (event,) = run.events("memory")
    assert {"step": 2, "failed_step": 3, "micro_batch": 2, "batch_size": 4}.items() <= event.items()
    losses, expected = ([e["loss"] for e in r.events("step")] for r in (run, whole))
    assert len(losses) == 4
    assert losses == pytest.approx(expected, rel=1e-4)
    assert losses[:2] == expected[:2]


def test_a_run_in_pieces_resumes_bit_for_bit(tiny_preset, sample_folder, root, monkeypatch, only_trains):
    """With dropout, and more memory free when it resumes: it keeps to its pieces."""
    from engine.training import loop

    preset = catalogue.find(tiny_preset)
    found = machine.look(root)
    short = replace(found, available_bytes=memory._bytes(preset, 32, 2, 4, 0))
    ends = []
    for name in ("whole", "cut"):
        run = submission.submit(
            settings_of(tiny_preset, sample_folder, dropout=0.1, name=name, steps=2, evaluate_steps=1)
        )
        with monkeypatch.context() as patch:
            patch.setattr(machine, "look", lambda folder: short)
            if name == "cut":
                save = loop._Training._checkpoint

                def cut_off(self, save=save):
                    save(self)
                    raise KeyboardInterrupt

                patch.setattr(loop._Training, "_checkpoint", cut_off)
                with pytest.raises(KeyboardInterrupt):
                    worker.work(run)
            else:
                worker.work(run)
        if name == "cut":
            assert checkpoints.newest_verified(run).manifest["micro_batch"] == 2
            (run.folder / "events.jsonl").write_text("")  # what the checkpoint keeps is enough
            keras.backend.clear_session()
            worker.work(run)
        else:
            (event,) = run.events("memory")
            assert {"step": -1, "failed_step": None, "micro_batch": 2, "batch_size": 4}.items() <= event.items()
        model, _ = loading.load(ModelReference(preset, checkpoints.of_run(run)[-1]))
        ends.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize("method", ["packed", "report"])
def test_where_one_window_does_not_fit_the_failure_says_what_to_change(
    tiny_preset, sample_folder, root, monkeypatch, method, only_trains
):
    from engine.training import keras_fit as original

    def never_fits(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    runs_out(monkeypatch, 1)
    monkeypatch.setattr(original, "fit", never_fits)
    run = submission.submit(settings_of(tiny_preset, sample_folder, batch_size=1, method=method))
    said = {
        "packed": r"one window of 32 tokens at a time: set sequence_length to 16 or less \(about \d+ MB less\), train LoRA",
        "report": "batches of 1 windows.*set batch_size to 1 or less",
    }[method]
    with pytest.raises(ResourcesError, match=said):
        worker.work(run)
    assert run.state().state == lifecycle.FAILED
    assert not run.events("memory")


def test_what_to_change_is_computed():
    preset = catalogue.find("checkpoints/presets/gpt2_mini_en")
    batch = memory.training_bytes(preset, 256, 8)
    assert memory.micro_batch(preset, 256, 8, 0, batch) == 8
    assert memory.micro_batch(preset, 256, 8, 0, batch - 1) == 4
    for rank, available, said in (
        (0, memory.training_bytes(preset, 64, 1), "set sequence_length to 64 or less"),
        (4, machine.FRAMEWORK_BYTES, "smaller preset than gpt2_mini_en"),
    ):
        with pytest.raises(ResourcesError, match=said) as caught:
            memory.micro_batch(preset, 256, 8, rank, available)
        assert caught.value.values["available"] == available >> 20
        assert caught.value.values.get("less", 0) <= available >> 20
    base = replace(preset, hidden_dim=768, num_layers=12, num_heads=12, vocabulary_size=50_257)
    free = memory.training_bytes(base, 256, 1, 1)  # far less than the weights' gradients and moments take
    with pytest.raises(ResourcesError, match=rf"LoRA adapters \(lora_rank 4, about {free >> 20} MB\)"):
        memory.micro_batch(base, 256, 8, 0, free)


def test_an_evaluation_whose_memory_runs_out_scores_fewer_windows_at_a_time(tiny_preset):
    model, _ = loading.load(checkpoints.resolve(str(tiny_preset)))
    scorer = scoring.Scorer(model, jit_compile=False)
    stream = np.random.default_rng(0).integers(0, 399, 5 * 32 + 1)
    batch = windows.take(stream, np.arange(5), 32)
    expected, score, most = scorer.batch(batch), scorer._score, [2]

    def limited(token_ids, targets):
        if len(token_ids) > most[0]:
            raise tf.errors.ResourceExhaustedError(None, None, "Out of memory")
        return score(token_ids, targets)

    scorer._score = limited
    for found, whole in zip(scorer.batch(batch), expected, strict=True):
        assert np.allclose(found, whole, atol=1e-5)
    most[0] = 0
    with pytest.raises(ResourcesError, match="one window of 32 tokens was scored: set sequence_length to 16 or less"):
        scorer.batch(batch)

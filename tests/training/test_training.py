"""A run of a tiny real GPT-2: what it reports and saves, and what it goes on from."""

import json
import math
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from project import PROJECT
from training_helpers import cut_off_at, settings_of

from engine.core.errors import CheckpointError, EngineError, SettingsError
from engine.core.progress import Phase
from engine.corpus import preparation
from engine.evaluation import scoring
from engine.inference.generation import Generator, Sampler
from engine.models import loading
from engine.models.backend import keras
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, references, states, submission
from engine.runs.folder import Run
from engine.runs.references import ModelReference
from engine.services import dispatcher, worker
from engine.training import schedules
from engine.training.saver import Saver
from engine.training.step_tensorflow import Accumulator

pytestmark = pytest.mark.slow


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
    assert run.state().state == states.FINISHED
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
    measured = [("base", 0), ("run", 3), ("run", 6)]
    assert points == [(*which, split) for which in measured for split in ("validation", "english")]
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


@pytest.mark.parametrize(
    "form", ["ckpt", *(pytest.param(form, marks=pytest.mark.long) for form in ("weights.h5", "keras"))]
)
def test_a_killed_run_resumed_has_the_losses_and_weights_of_one_that_was_not(
    trained, tiny_preset, sample_folder, root, form
):
    """With dropout and shuffle, in the middle of an epoch, in every format: bit for bit on a CPU."""
    whole, _ = trained  # in the default format: the format changes nothing that is computed
    run = submission.submit(settings_of(tiny_preset, sample_folder, dropout=0.1, checkpoint_format=form))
    checks = iter(range(10_000))
    with pytest.MonkeyPatch.context() as patch:
        # Cut off without a goodbye right after the checkpoint of step 3.
        save = Saver.save

        def cut_off(self):
            save(self)
            if next(checks) == 0:
                raise KeyboardInterrupt

        patch.setattr(Saver, "save", cut_off)
        with pytest.raises(KeyboardInterrupt):
            worker.work(run)
    with checkpoints.commit(run, 5, {"format": form}) as staging:  # a newer one that is damaged is passed over
        for name in checkpoints.WEIGHTS_FILES[form]:
            (staging / name).write_bytes(b"weights")
    (run.folder / "step-00000005" / name).write_bytes(b"wEights")
    assert checkpoints.newest_verified(run).step == 3
    assert run.state().state == states.INTERRUPTED
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


@pytest.fixture
def parent(trained, root):
    """A finished run "one" with checkpoints after its steps 3 and 6."""
    return Run(shutil.copytree(trained[0].folder, root / "one"))


def test_a_run_with_a_checkpoint_of_its_own_goes_on_without_its_parent(parent, tiny_preset, sample_folder, eager):
    short = {"steps": 2, "evaluate_steps": 1, "parent": "one/3"}
    child = submission.submit(settings_of(tiny_preset, sample_folder, name="child", **short))
    first = checkpoints.find("one/3")
    cut_off_at(child, 1)
    checkpoints.delete(first)
    result = worker.work(child)
    assert child.state().state == states.FINISHED
    assert "parent_loss" not in result and math.isfinite(result["base_loss"])
    (event,) = child.events("parent_lost")
    assert str(EngineError.from_json(event["reason"])) == "The run one has no checkpoint 3."
    manifest = checkpoints.newest_verified(child).manifest
    assert (manifest["parent"], manifest["parent_hash"]) == ("one/3", first.hash)


def test_a_parent_that_is_damaged_while_the_run_is_under_way_does_not_fail_it(
    parent, tiny_preset, sample_folder, eager
):
    child = submission.submit(
        settings_of(tiny_preset, sample_folder, name="child", steps=1, evaluate_steps=1, parent="one/3", seed=2)
    )

    def damage(progress):
        if progress.phase == Phase.FINISHING:
            (checkpoints.find("one/3").folder / checkpoints.WEIGHTS_FILES["ckpt"][0]).write_bytes(b"damaged")

    result = worker.work(child, on_progress=damage)
    assert child.state().state == states.FINISHED
    assert "parent_loss" not in result
    assert "one/3 is damaged" in str(EngineError.from_json(child.events("parent_lost")[0]["reason"]))


def test_minutes_are_planned_and_kept(tiny_preset, sample_folder, root):
    run = submission.submit(
        settings_of(tiny_preset, sample_folder, steps=None, minutes=0.1, evaluate_steps=10_000, sample_tokens=1)
    )
    result = worker.work(run)
    plans = run.events("plan")
    assert plans[0]["step"] == 5
    assert result["steps"] == plans[-1]["steps"] == run.state().steps == run.state().step
    assert result["seconds"] == pytest.approx(60 * 0.1, rel=0.1)


def test_samples_are_drawn_at_the_temperature_that_the_run_says(tiny_preset, sample_folder, root, eager):
    changes = {"steps": 1, "evaluate_steps": 1, "prompts": ("The",), "sample_tokens": 6}
    run = submission.submit(settings_of(tiny_preset, sample_folder, sample_temperature=0.0, **changes))
    worker.work(run)
    base = next(event for event in run.events("sample") if event["model"] == "base")
    generator = Generator(*loading.load(ModelReference(catalogue.find(str(tiny_preset)))))
    assert base["temperature"] == 0
    assert base["text"] == generator.generate("The", 6, Sampler(temperature=0)) != generator.generate("The", 6)


def test_everything_that_stands_against_a_run_is_said_before_it_starts(tiny_preset, sample_folder, root):
    with pytest.raises(SettingsError) as caught:
        submission.check(settings_of("nowhere", sample_folder, first_article=20, last_article=40, parent="nobody"))
    sentences = " ".join(str(problem) for problem in caught.value.problems)
    assert "There is no preset nowhere" in sentences
    assert "There is no run nobody" in sentences
    assert "Articles 20-40 lie outside the corpus: its train split holds 1-24." in sentences


def test_a_checkpoint_altered_on_disk_is_not_loaded(trained):
    run, _ = trained
    copy = shutil.copytree(run.folder, run.folder.parent / "copy")
    file = copy / "step-00000006" / checkpoints.WEIGHTS_FILES["ckpt"][0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="copy/6 is damaged"):
        loading.load(references.resolve("copy/6", run.folder.parent))
    shutil.rmtree(copy)


@pytest.mark.long  # trains and writes in a process of its own
def test_training_and_generating_work_without_tensorflow_text(tiny_preset, sample_folder, root):
    """As on Windows, which has no wheel of it."""
    code = """
import sys
sys.modules["tensorflow_text"] = None
import tensorflow as tf
tf.config.run_functions_eagerly(True)  # nothing is traced, which would take most of the time
from training_helpers import settings_of
from engine.cli.app import main
from engine.runs import submission
from engine.services import worker
print(worker.work(submission.submit(settings_of(*sys.argv[1:], steps=2)))["steps"])
sys.exit(main(["generate", "--checkpoint", "run", "--prompt", "the cells", "--max-new-tokens", "5", "--json"]))
"""
    command = [sys.executable, "-c", code, str(tiny_preset), str(sample_folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "tests")])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    *_, trained, generated = done.stdout.splitlines()
    assert trained == "2"
    assert json.loads(generated)["text"]


def test_the_learning_rate_warms_up_and_falls_along_half_a_cosine():
    rates = [schedules.warmup_cosine(step, 1.0, 4, 104) for step in range(105)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[54] == pytest.approx(0.55)
    assert rates[104] == pytest.approx(0.1)
    assert schedules.warmup_cosine(50, 1.0, 4, 0) == 1.0


def test_a_loss_that_is_no_number_fails_the_run_with_its_reason(tiny_preset, sample_folder, root, monkeypatch, eager):
    run = submission.submit(settings_of(tiny_preset, sample_folder))
    monkeypatch.setattr(Accumulator, "figures", lambda self, dispatched: np.full((len(dispatched), 3), np.nan))
    with pytest.raises(EngineError):
        worker.work(run)
    assert run.state().state == states.FAILED
    assert str(run.state().error).startswith("The loss became infinite or no number at step 1: ")

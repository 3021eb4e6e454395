"""Keras on JAX: the same steps as TensorFlow's, on one device and on two, and what it cannot do is said before anything loads."""

import json

import jax_steps
import numpy as np
import pytest
from jax_helpers import TESTS, TWO_PROCESSORS, on_jax, require_jax
from training_helpers import settings_of

from engine.core import framework
from engine.core.errors import ResourcesError, SettingsError
from engine.models import loading
from engine.models.backend import keras
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, submission
from engine.runs.references import ModelReference

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def needs_jax():
    require_jax()


STEPS = "runpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.fixture(scope="module")
def found(needs_jax, tmp_path_factory):
    """What `jax_steps.py` found on both frameworks: on JAX in one process, on TensorFlow in this one, which has loaded it."""
    folder = tmp_path_factory.mktemp("jax")
    parts = ("steps", "pieces", "devices", "scorer", "attention", "dropout")
    answer = on_jax(STEPS, TESTS / "jax_steps.py", folder, *parts, **TWO_PROCESSORS)
    assert answer.returncode == 0, answer.stderr[-3000:]
    own = tmp_path_factory.mktemp("tensorflow")
    jax_steps.steps(own)
    return folder, own


@pytest.mark.parametrize("way", ["steps", "pieces", "devices"])
def test_fifty_steps_are_tensorflows(found, way):
    """In float32 without dropout: whole batches, in pieces of 2, 2 and 1 windows, and shared by two devices as 3 and 2."""
    folder, own = found
    with np.load(own / "steps.npz") as expected, np.load(folder / f"{way}.npz") as steps:
        assert np.abs(steps["losses"] - expected["losses"]).max() < 1e-5
        assert np.array_equal(steps["accuracies"], expected["accuracies"])
        assert np.abs(steps["weights"] - expected["weights"]).max() < 1e-5
        assert expected["losses"][-1] < expected["losses"][0] - 0.01


def test_a_scorer_scores_what_the_model_holds_at_the_call(found):
    before, after = json.loads((found[0] / "scorer.json").read_text())
    assert after == pytest.approx(np.log(300), abs=1e-4), "weights of nothing expect every token alike"
    assert abs(before - after) > 1e-3


def test_on_a_gpu_attention_is_cudnns_causal_kernel_where_nothing_is_dropped(found):
    kernels = json.loads((found[0] / "attention.json").read_text())
    assert kernels["0.0"] == [["__cudnn$fmhaSoftmax", "__cudnn$fmhaSoftmaxBackward"], ["CAUSAL"]]
    assert kernels["0.1"] == [[], []]


def test_dropout_drops_in_training_alone(found):
    without, with_half, apart = json.loads((found[0] / "dropout.json").read_text())
    assert apart < 1e-5
    assert abs(without - with_half) > 1e-3


TRAINED = """
import dataclasses
import jax
import numpy as np
from jax_helpers import CompilationLog
from engine import __main__ as cli
from engine.models import loading
from engine.runs import lifecycle, references, submission
from engine.services import worker
from engine.training import loop
from training_helpers import cut_off_at, ends_alike
loop.REPORT_SECONDS = 0
assert cli.main(sys.argv[1:]) == 0
whole = lifecycle.find("whole")
weights = loading.load(references.resolve("whole"))[0].backbone.weights
np.save(whole.folder.parent / "weights.npy", np.concatenate([np.asarray(v.value).ravel() for v in weights]))
cut = submission.submit(dataclasses.replace(whole.settings, name="cut"))
cut_off_at(cut, 3)
worker.work(cut)
print("alike" if ends_alike(whole, cut) else "different")
jax.config.update("jax_log_compiles", True)
compilations = CompilationLog()
follows = submission.submit(dataclasses.replace(whole.settings, name="follows", parent="whole"))
worker.work(follows)
assert {event["model"] for event in follows.events("evaluation")} == {"base", "parent", "run"}
print(compilations.of_the_lab())
"""


@pytest.fixture(scope="module")
def trained(needs_jax, tiny_preset, sample_folder, tmp_path_factory):
    """A run of the command line on JAX of six steps, one with its settings that goes on behind a cut at the third, and one that
    follows the first; in one process, which loads JAX once."""
    root = tmp_path_factory.mktemp("runs")
    folders = {"ATELIER_CHECKPOINTS": str(root), "ATELIER_CORPORA": str(root / ".corpora")}
    common = ["--preset", tiny_preset, "--articles", sample_folder, "--sequence-length", 32, "--batch-size", 4]
    common += ["--evaluate-steps", 3, "--dropout", 0.1, "--device", "cpu", "--steps", 6, "--prompt", "the", "--json"]
    answer = on_jax(TRAINED, "engine", "train", "--name", "whole", *common, **folders)
    assert answer.returncode == 0, answer.stderr[-3000:]
    *_, result, resumed, compiled = answer.stdout.splitlines()
    return root, json.loads(result), resumed, compiled


def test_a_run_trains_evaluates_and_saves_without_tensorflow(trained):
    root, result, *_ = trained
    assert (result["steps"], result["checkpoint"]) == (6, "whole/6")
    run = lifecycle.find("whole", root)
    assert run.settings.checkpoint_format == checkpoints.H5
    assert {"evaluation", "sample", "passage", "checkpoint", "result"} <= {event["kind"] for event in run.events()}
    assert "jax" in checkpoints.of_run(run)[-1].manifest["versions"]


def test_its_checkpoint_goes_on_exactly(trained):
    """From the weights, the moments and the random states of step 3 to the bits of a run that was never cut off."""
    assert trained[2] == "alike"


def test_base_parent_and_run_share_a_model_each_function_compiled_once(trained):
    assert trained[3] == "{'pure': 4, '_make_step': 1}"


def test_tensorflow_reads_its_weights_to_the_bit(trained, tiny_preset):
    root, *_ = trained
    checkpoint = checkpoints.of_run(lifecycle.find("whole", root))[-1]
    model, _ = loading.load(ModelReference(catalogue.find(str(tiny_preset)), checkpoint))
    ours = np.concatenate([keras.ops.convert_to_numpy(v).ravel() for v in model.backbone.weights])
    assert np.array_equal(ours, np.load(root / "weights.npy"))


@pytest.fixture
def jax_asked(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(framework.importlib.util, "find_spec", lambda name: object())


def test_what_needs_tensorflow_is_refused_before_anything_is_loaded(jax_asked, tiny_preset, sample_folder, root):
    with pytest.raises(SettingsError, match=r"A \.ckpt checkpoint is TensorFlow's own, and KERAS_BACKEND asks for JAX"):
        submission.check(settings_of(tiny_preset, sample_folder, checkpoint_format="ckpt"))
    with pytest.raises(SettingsError, match="The original report's way trains by Keras fit on TensorFlow's data sets"):
        submission.check(settings_of(tiny_preset, sample_folder, method="first-tokens", checkpoint_format="weights.h5"))
    submission.check(settings_of(tiny_preset, sample_folder, checkpoint_format="weights.h5"))


@pytest.mark.parametrize(
    ("value", "there", "sentence"),
    [
        ("torch", True, "KERAS_BACKEND is “torch”: Atelier computes with tensorflow or jax"),
        ("jax", False, "KERAS_BACKEND asks for JAX, which is not installed: pip install -r requirements-jax.txt"),
        ("", False, "TensorFlow is not installed: pip install -r requirements.txt"),
    ],
)
def test_a_framework_that_is_not_there_is_said_in_one_sentence(monkeypatch, value, there, sentence):
    monkeypatch.setenv("KERAS_BACKEND", value)
    monkeypatch.setattr(framework.importlib.util, "find_spec", lambda name: object() if there else None)
    with pytest.raises(ResourcesError, match=sentence):
        framework.require()

"""A run on several devices is the run on one; it goes on exactly, and on another number of them too."""

import json

import pytest
from jax_helpers import TWO_PROCESSORS, on_jax, require_jax
from training_helpers import settings_of

from engine.core import framework, machine
from engine.core.errors import EngineError, SettingsError
from engine.runs import devices, submission

pytestmark = pytest.mark.slow

# Five windows a step, which two devices cannot share evenly; each step is reported.
TRAINED = """
import json
import jax
from jax_helpers import CompilationLog
from engine.cli import app
from engine.training import loop
from engine.runs import checkpoints, lifecycle
from training_helpers import cut_off_at, ends_alike, settings_of
from engine.models import loading
from engine.models.backend import keras
from engine.presets import catalogue
from engine.runs import submission
from engine.runs.references import ModelReference
from engine.services import worker

loop.REPORT_SECONDS = 0
jax.config.update("jax_log_compiles", True)
compilations = CompilationLog()
preset, articles = sys.argv[1:3]
common = ["--preset", preset, "--articles", articles, "--sequence-length", "32", "--batch-size", "5", "--dropout", "0"]
common += ["--evaluate-steps", "25", "--learning-rate", "0.005", "--device", "cpu", "--steps", "50", "--json"]
found = {}

def weights(run):
    newest = checkpoints.of_run(run)[-1]
    return loading.load(ModelReference(catalogue.find(preset), newest))[0].get_weights()

def apart(one, two):
    losses = [[event["loss"] for event in run.events("step")] for run in (one, two)]
    assert len(losses[0]) == len(losses[1]) == one.settings.steps
    return {
        "losses": max(abs(a - b) for a, b in zip(*losses)),
        "weights": max(float(abs(a - b).max()) for a, b in zip(weights(one), weights(two))),
        "fallen": losses[0][0] - losses[0][-1],
    }

for count in (1, 2):
    compilations.clear()
    assert app.main(["train", "--name", f"on-{count}", "--devices", str(count), *common]) == 0
    found[f"compiled on {count}"] = compilations.of_the_lab()
runs = [lifecycle.find(f"on-{count}") for count in (1, 2)]
found["train"] = apart(*runs)
found["devices"] = [run.events("result")[-1]["device"] for run in runs]
found["batch"] = [run.config["shape"]["batch_size"] for run in runs]

def cut(name, step, **changes):
    run = submission.submit(settings_of(preset, articles, name=name, batch_size=5, devices=2, **changes))
    cut_off_at(run, step)
    return run

whole = submission.submit(settings_of(preset, articles, name="whole", batch_size=5, dropout=0.1, devices=2))
worker.work(whole)
again = cut("again", 3, dropout=0.1)
worker.work(again)
found["exactly"] = ends_alike(whole, again)

fewer = cut("fewer", 25, dropout=0.0, steps=50, evaluate_steps=25, learning_rate=0.005, warmup_steps=20)
lifecycle.find("fewer").request_resume(devices=1)
fewer = lifecycle.find("fewer")
worker.work(fewer)
found["fewer"] = apart(runs[0], fewer), fewer.events("result")[-1]["device"]
assert app.main(["evaluate", "--checkpoint", "on-2", "--articles", articles, "--split", "test", "--sequence-length", "32", "--json"]) == 0
found["result"] = runs[1].events("result")[-1]["loss"]
print()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tiny_preset, sample_folder, tmp_path_factory):
    require_jax()
    root = tmp_path_factory.mktemp("several")
    folders = {"ATELIER_CHECKPOINTS": str(root), "ATELIER_CORPORA": str(root / ".corpora")}
    answer = on_jax(TRAINED, "x", tiny_preset, sample_folder, **folders, **TWO_PROCESSORS)
    assert answer.returncode == 0, answer.stdout[-1000:] + answer.stderr[-3000:]
    lines = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")]
    return {**lines[-1], "evaluated": lines[-2]}


@pytest.mark.long
def test_fifty_steps_on_two_devices_are_those_of_one(found):
    assert found["devices"] == ["/device:CPU:0", "/device:CPU:0, /device:CPU:1"]
    assert found["batch"] == [5, 5], "the batch is not larger because more share it"
    assert found["train"]["losses"] < 1e-5 and found["train"]["weights"] < 1e-5
    assert found["train"]["fallen"] > 0.01


@pytest.mark.long
def test_on_the_same_number_it_goes_on_to_the_bit_and_on_another_it_goes_on(found):
    assert found["exactly"], "with dropout, whose random numbers differ from device to device"
    apart, device = found["fewer"]
    assert apart["losses"] < 1e-5 and apart["weights"] < 1e-5
    assert device == "/device:CPU:0"


@pytest.mark.long
@pytest.mark.parametrize("count", [1, 2])
def test_base_and_run_share_one_model_and_what_was_compiled_for_it(found, count):
    """Three measurements and the figures at the end: a score, a look, a reading of prompts, a turn of texts, and the step."""
    assert found[f"compiled on {count}"] == {"pure": 4, "_make_step": 1}


@pytest.mark.long
def test_its_checkpoint_is_measured_like_any_other(found):
    assert found["evaluated"]["loss"] == pytest.approx(found["result"], abs=1e-5)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ("one", "two"))
    monkeypatch.setattr(machine, "gpu_problem", lambda: None)
    monkeypatch.setattr(machine, "gpu_memory", lambda number: None)


def test_tensorflow_says_in_one_sentence_that_it_cannot(tiny_preset, sample_folder, root, two_gpus):
    with pytest.raises(SettingsError, match="Several devices share a run on JAX alone") as caught:
        submission.check(settings_of(tiny_preset, sample_folder, device="auto", devices=2))
    assert len(caught.value.problems) == 1


def test_more_devices_than_there_are_is_one_sentence(tiny_preset, sample_folder, root, two_gpus, monkeypatch):
    require_jax()  # without it that is the sentence
    monkeypatch.setenv(framework.VARIABLE, framework.JAX)
    wanted = {"checkpoint_format": "weights.h5", "device": "auto"}
    submission.check(settings_of(tiny_preset, sample_folder, devices=2, **wanted))
    with pytest.raises(
        SettingsError, match=r"3 devices are to share this run, and here are 2 \(gpu:0, gpu:1\)"
    ) as caught:
        submission.check(settings_of(tiny_preset, sample_folder, devices=3, **wanted))
    assert len(caught.value.problems) == 1
    with pytest.raises(EngineError, match=r"2 devices are to share this run, and here are 1 \(cpu\)"):
        devices.suiting(settings_of(tiny_preset, sample_folder, devices=2, device="cpu"))
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    assert devices.suiting(settings_of(tiny_preset, sample_folder, devices=2, device="cpu")) == (("cpu",), 1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"device": "gpu:1", "devices": 2}, "gpu:1 is one device, and 2 are asked for"),
        ({"devices": 5, "batch_size": 4}, "A batch of 4 windows cannot be shared by 5 devices"),
        ({"devices": 0}, "devices must lie between 1 and 64"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, sentence):
    with pytest.raises(SettingsError, match=sentence):
        settings_of("preset", "articles", **changes)

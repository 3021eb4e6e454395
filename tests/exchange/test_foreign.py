"""Checkpoints from elsewhere: the same numbers whichever program wrote them, or one sentence; nothing run, nothing leaked."""

import hashlib
import itertools
import json
import random

import hostile_weights
import numpy as np
import psutil
import pytest
from project import FILES
from waiting_helpers import until

from engine import __main__ as cli
from engine.core import paths
from engine.core.errors import CheckpointError, RunError, SettingsError, StorageError
from engine.core.progress import Progress
from engine.exchange.foreign import child_main, importing, validator
from engine.exchange.foreign.layout import Sizes
from engine.exchange.foreign.validator import Validator
from engine.models import loading
from engine.models.backend import keras_hub
from engine.presets import catalogue
from engine.presets.catalogue import Preset
from engine.runs import checkpoints, lifecycle, queue, references, states
from engine.services import dispatcher

OLD = FILES / "keras_nlp_0_6"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def looking():
    """One validator for all: a child of each kind, started once."""
    with Validator() as shared:
        yield shared


@pytest.fixture(scope="module")
def fine_tuned(two_layer_preset):
    """A GPT2CausalLM of the tiny preset's size with other weights, and a built optimizer."""
    model, _ = loading.load(references.ModelReference(catalogue.find(two_layer_preset)))
    rng = np.random.default_rng(1)
    model.backbone.set_weights([w + rng.normal(0, 0.05, w.shape) for w in model.backbone.get_weights()])
    model.compile(optimizer="adam", loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def good(fine_tuned, tmp_path_factory):
    return hostile_weights.forms(fine_tuned, tmp_path_factory.mktemp("good"))


FORMS = ["backbone.weights.h5", "model.weights.h5", "backbone.keras", "model.keras", "backbone.h5", "model.h5",
         "backbone.ckpt", "with-optimizer.ckpt", "causal.ckpt", "ckpt.zip", "half.weights.h5"]  # fmt: skip


def look(looking, path, preset, folder, **options):
    (folder / "scratch").mkdir(exist_ok=True)
    out = folder / "clean.weights.h5"
    out.unlink(missing_ok=True)
    return looking.check(path, [preset], folder / "scratch", out, **options), out


def test_every_form_is_listed(good):
    assert sorted(FORMS) == sorted(good)


@pytest.mark.parametrize("name", FORMS)
def test_what_keras_and_tensorflow_write_becomes_the_same_weights(
    name, good, fine_tuned, looking, two_layer_preset, tmp_path
):
    inspection, out = look(looking, good[name], catalogue.find(two_layer_preset), tmp_path)
    assert inspection.left_out == []
    backbone = keras_hub.models.GPT2Backbone.from_config(fine_tuned.backbone.get_config())
    backbone.load_weights(out)
    for read, wanted in zip(backbone.get_weights(), fine_tuned.backbone.get_weights(), strict=True):
        assert np.array_equal(read, wanted.astype("f2").astype("f4") if name.startswith("half") else wanted)


@pytest.mark.parametrize("name", ["model.ckpt", "model.weights.h5", "backbone.keras"])
def test_files_of_the_original_projects_time_give_the_logits_they_gave_then(name, looking, tmp_path):
    """Written by keras-nlp 0.6.4 on TensorFlow 2.15 (files/keras_nlp_0_6/make.py)."""
    sizes = loading.Architecture(60, 2, 2, 8, 16)
    _inspection, out = look(looking, OLD / name, Preset("old", OLD, "keras-hub", 60, 2, 2, 8, 16), tmp_path)
    model = loading.new(sizes)
    model.backbone.load_weights(out)
    ids = np.arange(16).reshape(2, 8) % 60
    logits = np.asarray(model({"token_ids": ids, "padding_mask": np.ones_like(ids)}))
    np.testing.assert_allclose(logits, np.load(OLD / "logits.npy"), atol=1e-6)


def test_no_attack_runs_code_reads_elsewhere_or_ends_in_more_than_a_sentence(good, looking, two_layer_preset, tmp_path):
    canary = tmp_path / "canary"
    (tmp_path / "attacks").mkdir()
    attacks = hostile_weights.attacks(good, tmp_path / "attacks", canary)
    passed = []
    for name, path in attacks.items():
        try:
            look(looking, path, catalogue.find(two_layer_preset), tmp_path)
            passed.append(name)
        except CheckpointError as error:
            assert str(error) and "\n" not in str(error), name
    assert passed == [name for name in attacks if hostile_weights.harmless(name)]
    assert not canary.exists()
    assert not (tmp_path.parent / "outside.weights.h5").exists()
    assert looking.peak_bytes(child_main.PLAIN) < validator.MEMORY_BYTES[child_main.PLAIN]
    assert looking.peak_bytes(child_main.TENSORFLOW) < validator.MEMORY_BYTES[child_main.TENSORFLOW]


@pytest.mark.parametrize("name", ["backbone.weights.h5", "backbone.keras", "backbone.ckpt"])
def test_mutated_files_end_in_numbers_or_a_sentence(name, good, looking, two_layer_preset, tmp_path):
    rng = random.Random(name)
    path = tmp_path / name
    for number in range(20):
        if good[name].is_dir():
            path.mkdir(exist_ok=True)
            for file in good[name].iterdir():
                content = file.read_bytes()
                if file.suffix == ".index":
                    change = hostile_weights.mutated_behind_checksums if number % 2 else hostile_weights.mutated
                    content = change(content, rng)
                (path / file.name).write_bytes(content)
        else:
            path.write_bytes(hostile_weights.mutated(good[name].read_bytes(), rng))
        try:
            look(looking, path, catalogue.find(two_layer_preset), tmp_path)
        except CheckpointError as error:
            assert str(error)


def test_a_child_that_crashes_eats_memory_or_hangs_is_a_sentence_and_the_next_file_is_read(
    good, two_layer_preset, tmp_path, monkeypatch
):
    """The file is good; the child is told by its environment to misbehave once."""
    bad = tmp_path / "sitecustomize.py"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(validator.MEMORY_BYTES, child_main.PLAIN, 200 << 20)
    for act, said, silent_seconds in (
        ("os.abort()", "crashed", 30.0),
        ("time.sleep(60)", "stood still", 1.0),
        ("x = b'1' * (300 << 20); time.sleep(60)", "more than 200 MB", 30.0),
    ):
        monkeypatch.setattr(validator, "SILENT_SECONDS", silent_seconds)
        bad.write_text(
            "import sys, os, time\n"
            "def hook(event, args):\n"
            "    if event == 'open' and str(args[0]).endswith('backbone.weights.h5'):\n"
            f"        {act}\n"
            "sys.addaudithook(hook)\n"
        )
        with Validator() as own:
            with pytest.raises(CheckpointError, match=said):
                look(own, good["backbone.weights.h5"], catalogue.find(two_layer_preset), tmp_path)
            bad.write_text("")
            monkeypatch.setattr(validator, "SILENT_SECONDS", 30.0)
            look(own, good["backbone.weights.h5"], catalogue.find(two_layer_preset), tmp_path)


def test_a_full_disk_is_not_the_files_fault(good, looking, two_layer_preset, root, monkeypatch):
    """The child sees as little free space as its environment tells it."""
    hook = "import shutil; shutil.disk_usage = lambda path: shutil._ntuple_diskusage(1, 1, FREE)"
    for name, free, said in (
        ("backbone.keras", 1000, r"0 MB free, and 1 MB are needed"),  # nothing is unpacked
        ("backbone.keras", 3_000_000, r"2 MB free|3 MB free"),  # unpacked, its numbers do not fit
        ("backbone.weights.h5", 1000, r"0 MB free"),
    ):
        folder = root.parent / "hook"
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(hook.replace("FREE", str(free)))
        with monkeypatch.context() as patch, Validator() as own:
            patch.setenv("PYTHONPATH", str(folder))
            with pytest.raises(StorageError, match=said):
                importing.import_checkpoint(good[name], "mine", str(two_layer_preset), root, validator=own)
    assert not lifecycle.all_runs(root) and not list((root / importing.IMPORTS_FOLDER).iterdir())


def test_what_the_library_says_of_a_full_disk_is_the_sentence(good, two_layer_preset, tmp_path, monkeypatch):
    """HDF5 passes the system's words on, in one of its own errors."""
    (tmp_path / "sitecustomize.py").write_text(
        "import h5py\n"
        "def fail(*arguments, **named):\n"
        "    raise RuntimeError(\"Can't write data (errno = 28, error message = 'No space left on device')\")\n"
        "h5py.Group.create_dataset = fail\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Validator() as own, pytest.raises(StorageError, match="is full: free some space"):
        look(own, good["backbone.weights.h5"], catalogue.find(two_layer_preset), tmp_path)


def test_hashing_a_large_file_is_not_silence(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 5_000_000)
    updates: list[int] = []
    found = child_main._hashes(tmp_path / "large", lambda progress: updates.append(progress.done))
    assert found == {"large": hashlib.sha256(b"x" * 5_000_000).hexdigest()}
    assert updates[-1] == 5_000_000 and max(b - a for a, b in itertools.pairwise([0, *updates])) <= 1 << 20


def test_one_child_serves_all_ends_when_idle_and_is_started_anew(good, two_layer_preset, tmp_path):
    preset = catalogue.find(two_layer_preset)
    with Validator(idle_seconds=0.5) as shared:
        pids = []
        for _ in range(2):
            look(shared, good["backbone.weights.h5"], preset, tmp_path)
            pids.append(shared._children[child_main.PLAIN].process.pid)
        assert pids[0] == pids[1]
        until(lambda: not psutil.pid_exists(pids[0]), 10)
        look(shared, good["backbone.weights.h5"], preset, tmp_path)


def test_whoever_gives_up_half_way_leaves_no_answer_for_the_next(
    good, looking, two_layer_preset, tmp_path, monkeypatch
):
    class GaveUp(Exception):
        """As Streamlit ends a page's script."""

    def give_up(progress: Progress) -> None:
        raise GaveUp

    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "sitecustomize.py").write_text("import time; time.monotonic = iter(range(10**9)).__next__")
    with Validator() as own:
        with pytest.raises(GaveUp):
            look(own, good["backbone.weights.h5"], catalogue.find(two_layer_preset), tmp_path, on_progress=give_up)
        inspection, _out = look(own, good["backbone.keras"], catalogue.find(two_layer_preset), tmp_path)
        assert inspection.form == "keras"


def test_an_import_is_a_checkpoint_like_any_other(good, looking, two_layer_preset, root, fine_tuned):
    checkpoint = importing.import_checkpoint(
        good["model.keras"], "mine", str(two_layer_preset), root, validator=looking
    )
    assert checkpoint.reference == "mine/0"
    checkpoints.verify(checkpoint)
    assert checkpoint.manifest["imported"]["file"] == "model.keras"
    assert set(checkpoint.manifest["imported"]["files"]) == {"model.keras"}
    model, _ = loading.load(references.resolve("mine", root))
    for read, wanted in zip(model.backbone.get_weights(), fine_tuned.backbone.get_weights(), strict=True):
        assert np.array_equal(read, wanted)
    assert lifecycle.find("mine", root).state().state == states.FINISHED
    assert not dispatcher.work_left(root)
    with pytest.raises(SettingsError, match="how long"):
        queue.extend("mine", root=root)
    assert queue.extend("mine", root=root, steps=2).settings.parent == "mine/0"
    with pytest.raises(RunError, match="already a run"):
        importing.import_checkpoint(good["model.keras"], "mine", str(two_layer_preset), root, validator=looking)
    assert not list((root / importing.IMPORTS_FOLDER).iterdir())


def test_what_fits_no_preset_is_refused_with_both_sizes_and_leaves_nothing(good, looking, root):
    with pytest.raises(CheckpointError, match=r"2 × 32 \(2\), 400, 64; gpt2_mini_en 4 × 192"):
        importing.import_checkpoint(good["model.keras"], "mine", "", root, validator=looking)
    assert not lifecycle.all_runs(root)
    assert not list((root / importing.IMPORTS_FOLDER).iterdir())


def test_the_command_measures_the_import_against_its_base(
    good, fine_tuned, two_layer_preset, sample_folder, root, capsys, monkeypatch
):
    monkeypatch.setattr(paths, "SAMPLE_ARTICLES", sample_folder)
    assert (
        cli.main(["import", str(good["backbone.h5"]), "--name", "a", "--preset", str(two_layer_preset), "--json"]) == 0
    )
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["checkpoint"] == "a/0" and result["left_out"] == []
    assert result["loss"] > result["base_loss"]  # random weights with noise added are worse than random weights
    whole = {(e["model"], e["split"]): e["loss"] for e in lifecycle.find("a").events("evaluation")}
    assert (whole["run", "test"], whole["base", "test"]) == (result["loss"], result["base_loss"])
    assert checkpoints.find("a").manifest["metrics"]["test"]["loss"] == result["loss"]


def test_sizes_come_from_whatever_has_them(two_layer_preset):
    assert Sizes.of(catalogue.find(two_layer_preset)) == Sizes(400, 2, 2, 32, 64)

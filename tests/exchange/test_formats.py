"""The three formats of a checkpoint, what leaves the lab, and what is read back: the same logits."""

import json
import shutil

import numpy as np
import pytest

from engine import __main__ as cli
from engine.core.errors import CheckpointError, EngineError, StorageError
from engine.exchange import conversion
from engine.models import formats, loading
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, queue, references, states, submission
from engine.runs.folder import Run
from engine.runs.references import ModelReference
from engine.runs.settings import CHECKPOINT_FORMATS, RunSettings
from engine.services import worker

pytestmark = pytest.mark.slow

IDS = np.arange(1, 33, dtype=np.int32)[None]  # (1, 32)
INPUTS = {"token_ids": IDS, "padding_mask": np.ones_like(IDS)}


def logits(model) -> np.ndarray:
    return np.asarray(model(INPUTS))  # (1, 32, vocabulary)


@pytest.fixture(scope="module")
def a_run(tmp_path_factory, two_layer_preset, sample_folder):
    """Makes short finished runs in a folder of this module's own."""
    root = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CHECKPOINTS", str(root))
        patch.setenv("ATELIER_CORPORA", str(root / ".corpora"))

        def make(name: str, **changes) -> ModelReference:
            settings = RunSettings(
                **{
                    "preset": str(two_layer_preset),
                    "articles": str(sample_folder),
                    "name": name,
                    "steps": 2,
                    "sequence_length": 32,
                    "batch_size": 4,
                    "evaluate_tokens": 128,
                    "interval_tokens": 64,
                    "sample_tokens": 2,
                    "learning_rate": 5e-3,
                    **changes,
                }
            )
            worker.work(submission.submit(settings))
            return references.resolve(name)

        yield make


@pytest.fixture(scope="module")
def trained(a_run):
    return a_run("plain")


def test_ckpt_is_the_default_and_the_manifest_says_what_it_holds(trained):
    manifest = trained.checkpoint.manifest
    assert manifest["format"] == "ckpt"
    assert {"step", "tokens", "articles", "corpus", "parent", "metrics", "config_hash", "versions", "files"} <= set(
        manifest
    )
    assert set(checkpoints.WEIGHTS_FILES["ckpt"]) <= set(manifest["files"])


@pytest.mark.parametrize("form", CHECKPOINT_FORMATS)
def test_every_format_is_read_back_to_the_same_logits(trained, two_layer_preset, tmp_path, form):
    model, _ = loading.load(trained)
    formats.save(model, tmp_path, form)
    fresh, _ = loading.load(ModelReference(catalogue.find(str(two_layer_preset))))
    assert not np.array_equal(logits(fresh), logits(model))
    loading.read_weights(fresh.backbone, tmp_path, form)
    assert np.array_equal(logits(fresh), logits(model))


@pytest.mark.parametrize("form", CHECKPOINT_FORMATS)
def test_adapters_are_merged_whatever_the_format(trained, tmp_path, form):
    model, _ = loading.load(trained)
    before = logits(model)
    model.backbone.enable_lora(2)
    rng = np.random.default_rng(1)
    for variable in model.backbone.trainable_variables:
        variable.assign(variable + rng.normal(0, 0.2, variable.shape))
    adapted = logits(model)
    assert not np.allclose(adapted, before)
    formats.save(model, tmp_path, form, lora_rank=2)
    fresh, _ = loading.load(ModelReference(trained.preset))
    loading.read_weights(fresh.backbone, tmp_path, form)
    assert np.allclose(logits(fresh), adapted, rtol=0, atol=1e-5)  # x W + x A B and x (W + A B) round differently


@pytest.mark.parametrize("form", formats.EXPORTS)
def test_what_is_exported_has_the_same_logits(trained, two_layer_preset, tmp_path, form):
    exported = formats.export(trained, form, tmp_path / "out")
    expected = logits(loading.load(trained)[0])
    if form in (formats.PRESET, formats.HUGGING_FACE):
        other, tokenizer = loading.load(references.resolve(str(exported)))
        assert tokenizer.encode("insulin levels") == loading.load(trained)[1].encode("insulin levels")
        tolerance = 1e-5 if form == formats.HUGGING_FACE else 0
        assert np.allclose(logits(other), expected, rtol=0, atol=tolerance)
        assert "Trained: 2 steps" in (exported / "README.md").read_text()
        return
    folder = tmp_path / "read"
    folder.mkdir()
    if form == checkpoints.CKPT:
        shutil.copytree(exported, folder, dirs_exist_ok=True)
    else:
        shutil.copy(exported, folder / checkpoints.WEIGHTS_FILES[form][0])
    fresh, _ = loading.load(ModelReference(catalogue.find(str(two_layer_preset))))
    loading.read_weights(fresh.backbone, folder, form)
    assert np.array_equal(logits(fresh), expected)


def test_nothing_is_written_over_and_an_unknown_format_is_named(trained, tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(EngineError, match="is there already"):
        formats.export(trained, "ckpt", tmp_path / "mine")
    with pytest.raises(
        EngineError, match="must be one of ckpt, weights.h5, keras, preset, hugging-face; received pickle"
    ):
        formats.export(trained, "pickle", tmp_path / "x")


def test_a_checkpoint_is_converted_through_every_format_and_back_to_the_same_logits(trained):
    expected, before = logits(loading.load(trained)[0]), trained
    for form in (checkpoints.H5, checkpoints.KERAS, checkpoints.CKPT):
        made = conversion.convert(before, form)
        reference = references.resolve(made.reference)
        checkpoints.verify(made)
        assert (made.format, made.step, made.manifest["parent"]) == (form, 2, before.reference)
        assert made.manifest["metrics"] == trained.checkpoint.manifest["metrics"]
        assert made.manifest["converted"]["sha256"] == before.hash
        assert np.array_equal(logits(loading.load(reference)[0]), expected)
        before = reference
    checkpoints.verify(trained.checkpoint)  # the first one is untouched


def test_a_conversion_is_a_finished_run_whose_lineage_is_true_and_from_which_one_goes_on(trained):
    made = conversion.convert(trained, checkpoints.H5, "as-h5")
    run = lifecycle.find("as-h5")
    assert (run.state().state, run.state().step) == (states.FINISHED, 2)
    assert run.settings.parent == trained.reference
    assert submission.lineage(made) == [
        {**entry, "checkpoint": "as-h5/2", "hash": made.hash} for entry in submission.lineage(trained.checkpoint)
    ]
    assert queue.extend("as-h5", "further", steps=1).settings.parent == "as-h5/2"
    assert "Converted from: `plain/2`" in formats.card(references.resolve("as-h5"))
    for arguments, said in (
        ((trained, "ckpt"), "is kept as ckpt already"),
        ((trained, "preset"), "must be one of ckpt, weights.h5, keras; received preset"),
        ((trained, "keras", "as-h5"), "already a run as-h5"),
        ((ModelReference(trained.preset), "keras"), "is a base model"),
    ):
        with pytest.raises(EngineError, match=said):
            conversion.convert(*arguments)


def test_a_conversion_that_would_read_back_otherwise_leaves_nothing(trained, monkeypatch):
    model, _ = loading.load(trained)
    monkeypatch.setattr(loading, "read_weights", lambda backbone, folder, form: None)  # the base's stay
    monkeypatch.setattr(
        loading, "load", lambda reference, load=loading.load: load(reference) if reference.is_base else (model, None)
    )
    with pytest.raises(CheckpointError, match="reads back other"):
        conversion.convert(trained, checkpoints.KERAS, "never")
    assert "never" not in [run.name for run in lifecycle.all_runs()]


def test_the_command_converts(trained, capsys):
    assert cli.main(["convert", "plain", "--format", "keras", "--name", "by-command", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["checkpoint"] == "by-command/2"


@pytest.mark.parametrize("form", [checkpoints.H5, checkpoints.KERAS])
def test_a_second_export_does_not_replace_the_first_whose_ending_was_added(trained, tmp_path, form):
    exported = formats.export(trained, form, tmp_path / "new folder" / "x")
    content = exported.read_bytes()
    for target in (tmp_path / "new folder" / "x", exported):
        with pytest.raises(EngineError, match="is there already"):
            formats.export(trained, form, target)
    assert exported.read_bytes() == content
    assert [path.name for path in exported.parent.iterdir()] == [f"x.{form}"]


@pytest.mark.parametrize("form", formats.EXPORTS)
def test_what_does_not_fit_the_disk_is_not_begun(trained, tmp_path, monkeypatch, form):
    """A full disk would crash HDF5's writer, and the process with it."""
    weights = 4 * trained.preset.parameters
    for free, action in (
        (weights, lambda: formats.export(trained, form, tmp_path / "out" / "x")),
        (weights + 5_000_000, lambda: formats.pack(trained, form, tmp_path)),
    ):
        if free > weights and form in (checkpoints.H5, checkpoints.KERAS):
            continue  # packed, these are one file still
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda folder, free=free: shutil._ntuple_diskusage(1, 1, free))
            with pytest.raises(StorageError, match=r"MB free, and \d+ MB are needed"):
                action()
    assert [path for path in tmp_path.rglob("*") if path.name not in ("out", ".exports")] == []


def test_a_disk_that_fills_during_an_export_is_one_sentence_whoever_says_it(trained, tmp_path, monkeypatch):
    def fill(*arguments, **named):
        raise Exception("I/O error: No space left on device (os error 28)")  # as safetensors says it

    monkeypatch.setattr("keras_hub.models.GPT2CausalLM.export_to_transformers", fill)
    with pytest.raises(StorageError, match="is full: free some space"):
        formats.pack(trained, formats.HUGGING_FACE, tmp_path)
    assert list((tmp_path / formats.EXPORTS_FOLDER).iterdir()) == []
    (tmp_path / "a file").touch()
    with pytest.raises(StorageError, match="Nothing can be written"):
        formats.export(trained, "ckpt", tmp_path / "a file" / "x")


def test_visitors_exports_do_not_fill_the_disk(trained, tmp_path):
    packed = formats.pack(trained, "ckpt", tmp_path, 4_400_000)
    with pytest.raises(EngineError, match="may take 4 MB together"):
        formats.pack(trained, "ckpt", tmp_path, 4_400_000)
    assert list((tmp_path / formats.EXPORTS_FOLDER).iterdir()) == [packed]
    formats.pack(trained, "ckpt", tmp_path)


@pytest.mark.parametrize("form", [formats.PRESET, formats.HUGGING_FACE])
def test_a_run_on_a_preset_of_the_hub_is_exported_with_the_vocabulary_that_was_fetched(
    trained, two_layer_preset, tmp_path, monkeypatch, form
):
    from keras_hub.src.utils import preset_utils

    load = loading._load_preset
    monkeypatch.setattr(loading, "_load_preset", lambda preset, dtype, *more: load(trained.preset, dtype, *more))
    monkeypatch.setattr(catalogue, "check_available", lambda preset: None)
    monkeypatch.setattr(catalogue, "reachable", lambda preset: True)
    monkeypatch.setattr(preset_utils, "get_file", lambda name, path: str(two_layer_preset / path))
    hub = ModelReference(catalogue.find("gpt2_base_en"), trained.checkpoint)
    exported = formats.export(hub, form, tmp_path / "out")
    assert loading.load(references.resolve(str(exported)))[1].hash == loading.load(trained)[1].hash


@pytest.mark.parametrize("form", CHECKPOINT_FORMATS)
def test_weights_of_another_size_are_refused(trained, tmp_path, form):
    other = loading.new(loading.Architecture(400, 1, 2, 16, 64))
    formats.save(other, tmp_path, form)
    fresh, _ = loading.load(ModelReference(trained.preset))
    with pytest.raises((ValueError, OSError, KeyError, AssertionError)):
        loading.read_weights(fresh.backbone, tmp_path, form)


@pytest.mark.parametrize("file", range(3))
def test_a_flipped_bit_anywhere_in_a_checkpoint_is_noticed(trained, file, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained.checkpoint.folder.parent, copy)
    names = sorted(trained.checkpoint.manifest["files"])
    path = copy / trained.checkpoint.folder.name / names[file]
    for position in np.random.default_rng(file).integers(0, path.stat().st_size, 20):
        content = bytearray(path.read_bytes())
        content[position] ^= 1
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="is damaged"):
            checkpoints.verify(checkpoints.of_run(Run(copy))[-1])
        content[position] ^= 1
        path.write_bytes(content)
    checkpoints.verify(checkpoints.of_run(Run(copy))[-1])

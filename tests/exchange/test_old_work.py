"""Work from other programs: folders of Hugging Face and keras-hub, tf_model.h5, OpenAI's TensorFlow 1 checkpoints."""

import json
import shutil
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from foreign_helpers import tensorflow_1, zipped
from project import FILES
from safetensors.numpy import load_file, save_file

from engine import __main__ as cli
from engine.core import paths
from engine.core.errors import CheckpointError, PresetError
from engine.exchange.foreign import importing, layout
from engine.models import formats, loading
from engine.models.backend import keras_hub
from engine.presets import catalogue
from engine.presets.catalogue import Preset
from engine.runs import checkpoints, references
from engine.runs.references import ModelReference

OLD = FILES / "transformers_4"
pytestmark = pytest.mark.slow


def sharded(folder: Path, target: Path, change=lambda tensors: tensors) -> Path:
    target.mkdir()
    tensors = list(change(load_file(folder / "model.safetensors")).items())
    for number, part in enumerate((tensors[::2], tensors[1::2]), 1):
        save_file(dict(part), target / f"model-{number:05d}-of-00002.safetensors")
    shutil.copy(folder / "config.json", target)
    return target


def given(name: str, fine_tuned, tmp_path: Path) -> Path:
    _weights, keras_folder, hf_folder = fine_tuned
    if name == "keras-hub folder":
        return keras_folder
    if name == "its zip":
        return zipped(keras_folder, tmp_path / "preset.zip")
    if name == "Hugging Face folder":
        return hf_folder
    if name == "Hugging Face zip":
        return zipped(hf_folder, tmp_path / "model.zip")
    if name == "model.safetensors alone":
        return Path(shutil.copy(hf_folder / "model.safetensors", tmp_path))
    if name == "two shards":
        return sharded(hf_folder, tmp_path / "sharded")
    if name == "the hub's names and masks":  # as openai-community/gpt2 has them

        def change(tensors):
            names = {n.removeprefix("transformer."): v for n, v in tensors.items() if n != "lm_head.weight"}
            mask = np.tril(np.ones((1, 1, 64, 64), np.float32))
            return names | {f"h.{n}.attn.bias": mask for n in range(2)}

        return sharded(hf_folder, tmp_path / "hub", change)
    folder = tensorflow_1(
        load_file(hf_folder / "model.safetensors"), tmp_path / "run1", name.startswith("gpt-2-simple")
    )
    return zipped(folder, tmp_path / "run1.zip") if name.endswith("zip") else folder


@pytest.mark.parametrize(
    ("name", "form", "program"),
    [
        ("keras-hub folder", "h5", layout.KERAS),
        ("its zip", "h5", layout.KERAS),
        ("Hugging Face folder", "safetensors", layout.HUGGING_FACE),
        ("Hugging Face zip", "safetensors", layout.HUGGING_FACE),
        ("model.safetensors alone", "safetensors", layout.HUGGING_FACE),
        ("two shards", "safetensors", layout.HUGGING_FACE),
        ("the hub's names and masks", "safetensors", layout.HUGGING_FACE),
        ("OpenAI's folder", "ckpt", layout.OPENAI),
        ("gpt-2-simple's folder", "ckpt", layout.OPENAI),
        ("gpt-2-simple's zip", "ckpt", layout.OPENAI),
    ],
)
def test_what_people_have_is_read_to_the_last_bit(name, form, program, fine_tuned, looking, two_layer_preset, tmp_path):
    path = given(name, fine_tuned, tmp_path)
    (tmp_path / "scratch").mkdir()
    out = tmp_path / "clean.weights.h5"
    inspection = looking.check(path, [catalogue.find(two_layer_preset)], tmp_path / "scratch", out)
    assert (inspection.form, inspection.program, inspection.left_out) == (
        form,
        program,
        ["beta1_power"] if "simple" in name else [],
    )
    model, _ = loading.load(ModelReference(catalogue.find(two_layer_preset)))
    model.backbone.load_weights(out)
    for read, wanted in zip(model.backbone.get_weights(), fine_tuned[0], strict=True):
        assert np.array_equal(read, wanted)


def test_tf_model_h5_of_transformers_4_gives_the_logits_it_gave_there(looking, tmp_path):
    """Written by transformers 4.46 on TensorFlow (files/transformers_4/make.py)."""
    out = tmp_path / "clean.weights.h5"
    (tmp_path / "scratch").mkdir()
    inspection = looking.check(OLD, [Preset("old", OLD, "keras-hub", 60, 2, 2, 8, 16)], tmp_path / "scratch", out)
    assert (inspection.form, inspection.program, inspection.left_out) == ("h5", layout.HUGGING_FACE, [])
    model = loading.new(loading.Architecture(60, 2, 2, 8, 16))
    model.backbone.load_weights(out)
    ids = np.arange(16).reshape(2, 8) % 60
    logits = np.asarray(model({"token_ids": ids, "padding_mask": np.ones_like(ids)}))
    np.testing.assert_allclose(logits, np.load(OLD / "logits.npy"), atol=1e-6)


def test_bfloat16_and_half_are_read_as_the_numbers_they_are(fine_tuned, looking, two_layer_preset, tmp_path):
    """bfloat16 is the upper half of a float32; the library's numpy part cannot write it, so its bytes are written here."""
    tensors = load_file(fine_tuned[2] / "model.safetensors")
    upper = {n: (v.astype("<f4").view("<u4") >> 16).astype("<u2") for n, v in tensors.items()}
    write(tmp_path / "model.safetensors", {n: ("BF16", v.shape, v.tobytes()) for n, v in upper.items()})
    (tmp_path / "scratch").mkdir()
    looking.check(
        tmp_path / "model.safetensors", [catalogue.find(two_layer_preset)], tmp_path / "scratch", tmp_path / "clean.h5"
    )
    backbone = keras_hub.models.GPT2Backbone.from_preset(str(two_layer_preset))
    (tmp_path / "clean.h5").rename(tmp_path / "clean.weights.h5")
    backbone.load_weights(tmp_path / "clean.weights.h5")
    wanted = (upper["transformer.wte.weight"].astype("<u4") << 16).view("<f4")
    assert np.array_equal(backbone.token_embedding.embeddings.numpy(), wanted)


def write(path: Path, tensors: dict[str, tuple[str, tuple, bytes]], **changes) -> None:
    """A safetensors file by hand, with what is wrong in its header."""
    header, content = {}, b""
    for name, (kind, shape, data) in tensors.items():
        offsets = [len(content), len(content) + len(data)]
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": offsets} | changes.get(name, {})
        content += data
    text = json.dumps(header | changes.get("header", {})).encode()
    path.write_bytes(struct.pack("<Q", changes.get("length", len(text))) + text + content)


ZEROS = ("F32", (4,), bytes(16))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"length": 1 << 40}, "header's length"),
        ({"length": 1}, "header's length"),
        ({"length": 30}, "no JSON"),
        ({"a": {"shape": [1 << 39]}}, "another size"),
        ({"a": {"shape": [-4]}}, "no whole shape"),
        ({"a": {"shape": [True] * 4}}, "no whole shape"),
        ({"a": {"data_offsets": [16, 32]}}, "one behind the other"),
        ({"b": {"data_offsets": [1000, 1016]}}, "outside of it"),
        ({"a": {"dtype": "F8_E4M3"}}, "not read here"),
        ({"a": {"dtype": ["F32"]}}, "not read here"),
        ({"header": {"c": 3}}, "damaged: c"),
        ({}, "holds no GPT-2"),
    ],
)
def test_a_hostile_header_is_a_sentence(changes, said, looking, two_layer_preset, tmp_path):
    write(tmp_path / "x.safetensors", {"a": ZEROS, "b": ZEROS}, **changes)
    (tmp_path / "scratch").mkdir()
    with pytest.raises(CheckpointError, match=said):
        looking.check(
            tmp_path / "x.safetensors",
            [catalogue.find(two_layer_preset)],
            tmp_path / "scratch",
            tmp_path / "out.weights.h5",
        )


def test_what_is_not_read_is_named_with_the_way_to_convert_it(fine_tuned, looking, two_layer_preset, tmp_path):
    hf_folder = fine_tuned[2]
    old, new = tmp_path / "old", tmp_path / "new.bin"
    old.mkdir()
    (old / "config.json").write_text("{}")
    (old / "pytorch_model.bin").write_bytes(b"\x80\x02}q\x00.")
    with zipfile.ZipFile(new, "w") as archive:
        archive.writestr("pytorch_model/data.pkl", b"\x80\x02}q\x00.")
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + bytes(100))
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    save_file(
        {"base_model.model.h.0.attn.c_attn.lora_A.weight": np.ones((2, 2))}, adapter / "adapter_model.safetensors"
    )
    shard = sharded(hf_folder, tmp_path / "sharded")
    (shard / "model-00002-of-00002.safetensors").unlink()
    untied = sharded(hf_folder, tmp_path / "untied", lambda t: t | {"lm_head.weight": t["lm_head.weight"] + 1})
    other = tmp_path / "other"
    shutil.copytree(hf_folder, other)
    (other / "config.json").write_text(json.dumps({"model_type": "gpt2", "activation_function": "relu"}))
    program = zipped(hf_folder, tmp_path / "twice.zip")
    with zipfile.ZipFile(program, "a") as archive:
        archive.writestr("other/model.safetensors", b"")
    with zipfile.ZipFile(tmp_path / "outside.zip", "w") as archive:
        archive.writestr("C:x.safetensors", b"")
    for path, said in (
        (old, r"pytorch_model\.bin.*save_pretrained"),
        (old / "pytorch_model.bin", r"save_pretrained"),
        (new, r"save_pretrained"),
        (zipped(old, tmp_path / "old.zip"), "save_pretrained"),
        (tmp_path / "x.gguf", "GGUF"),
        (adapter, "merge_and_unload"),
        (shard, "kept in 2 safetensors files, and 1"),
        (untied, "twice, with different numbers"),
        (other, "something else than GPT-2 does.*: activation_function is relu, GPT-2's is gelu_new"),
        (program, "a file twice"),
        (tmp_path / "outside.zip", "no name of a file of weights"),
    ):
        (tmp_path / "scratch").mkdir(exist_ok=True)
        with pytest.raises(CheckpointError, match=said):
            looking.check(path, [catalogue.find(two_layer_preset)], tmp_path / "scratch", tmp_path / "out.weights.h5")
        shutil.rmtree(tmp_path / "scratch")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_type", "gpt_neo"),
        ("activation_function", "gelu"),
        ("layer_norm_epsilon", 1e-6),
        ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True),
        ("tie_word_embeddings", False),
        ("add_cross_attention", True),
        ("is_encoder_decoder", True),
        ("pruned_heads", {"0": [1]}),
        ("quantization_config", {"quant_method": "bitsandbytes"}),
        ("auto_map", {"AutoModelForCausalLM": "modeling.Own"}),
        ("n_inner", 96),
    ],
)
def test_a_configuration_that_computes_otherwise_is_refused_by_its_key(
    key, value, fine_tuned, looking, two_layer_preset, tmp_path
):
    folder = tmp_path / "otherwise"
    shutil.copytree(fine_tuned[2], folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {key: value}))
    for n, path in enumerate((folder, zipped(folder, tmp_path / "otherwise.zip"))):
        (tmp_path / f"scratch{n}").mkdir()
        with pytest.raises(CheckpointError, match=f"config.json it computes something else.*: {key} is"):
            looking.check(
                path, [catalogue.find(two_layer_preset)], tmp_path / f"scratch{n}", tmp_path / "out.weights.h5"
            )
    with pytest.raises(PresetError, match=f"{key} is|not a GPT-2 preset"):  # nor is it trained from
        catalogue.find(folder)


def test_what_changes_nothing_in_a_configuration_is_read(fine_tuned, looking, two_layer_preset, tmp_path):
    folder = tmp_path / "the-same"
    shutil.copytree(fine_tuned[2], folder)
    config = json.loads((folder / "config.json").read_text())
    same = {"reorder_and_upcast_attn": True, "attn_pdrop": 0.3, "activation_function": "gelu_pytorch_tanh"}
    same |= {"layer_norm_epsilon": 9.999999747378752e-06, "n_inner": None, "pruned_heads": {}, "use_cache": False}
    heads = config.pop("n_head")
    (folder / "config.json").write_text(json.dumps(config | same | {"num_attention_heads": heads}))
    (tmp_path / "scratch").mkdir()
    out = tmp_path / "out.weights.h5"
    assert looking.check(folder, [catalogue.find(two_layer_preset)], tmp_path / "scratch", out).fits


def test_the_command_imports_a_folder_and_measures_it(
    fine_tuned, two_layer_preset, sample_folder, root, capsys, monkeypatch
):
    monkeypatch.setattr(paths, "SAMPLE_ARTICLES", sample_folder)
    assert cli.main(["import", str(fine_tuned[2]), "--name", "theirs", "--preset", str(two_layer_preset)]) == 0
    said = capsys.readouterr().out
    assert "safetensors of Hugging Face transformers" in said and "its base" in said
    assert set(checkpoints.find("theirs").manifest["metrics"]) == {"validation", "test"}


def test_openais_checkpoint_is_named_and_the_way_to_convert_it_said(
    fine_tuned, two_layer_preset, sample_folder, root, capsys, monkeypatch, tmp_path
):
    monkeypatch.setattr(paths, "SAMPLE_ARTICLES", sample_folder)
    folder = tensorflow_1(load_file(fine_tuned[2] / "model.safetensors"), tmp_path / "run1", True)
    assert cli.main(["import", str(folder), "--name", "old", "--preset", str(two_layer_preset)]) == 0
    said = capsys.readouterr().out
    assert "gpt-2-simple (TensorFlow 1)" in said
    assert "python -m engine export old/0 --format hugging-face" in said
    formats.export(references.resolve("old"), "hugging-face", tmp_path / "new")
    theirs = load_file(tmp_path / "new" / "model.safetensors")
    for name, value in load_file(fine_tuned[2] / "model.safetensors").items():
        assert np.array_equal(theirs[name], value)


def test_the_heads_are_the_configurations_and_else_the_presets(fine_tuned, looking, two_layer_preset, tmp_path):
    """Three matrices side by side say nothing of how many heads share them."""
    folder = tmp_path / "four"
    shutil.copytree(fine_tuned[2], folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"n_head": 4}))
    (tmp_path / "scratch").mkdir()
    with pytest.raises(CheckpointError, match=r"2 × 32 \(4\)"):
        looking.check(folder, [catalogue.find(two_layer_preset)], tmp_path / "scratch", tmp_path / "out.weights.h5")


def test_a_name_is_made_of_the_files():
    assert importing._stem("model.safetensors") == "model"


def test_hdf5_of_transformers_is_the_kind_that_is_read():
    with h5py.File(OLD / "tf_model.h5") as file:
        names: list[str] = []
        file.visit(names.append)
    assert any(name.endswith("h_._0/attn/c_attn/weight:0") for name in names)


@pytest.mark.parametrize("file", ["config.json", "hparams.json"])
@pytest.mark.parametrize("key", ["n_head", "num_attention_heads"])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is null, and should be the number of attention heads"),
        ("2", 'is "2", and should be the number of attention heads'),
        (2.0, "is 2.0, and should be the number of attention heads"),
        (True, "is true, and should be the number of attention heads"),
        (0, "is 0, and should be the number of attention heads"),
        (5, "is 5, which does not fit the weights: their width of 32 does not part into so many heads"),
    ],
)
def test_heads_that_are_no_number_or_do_not_fit_the_weights_are_named(
    file, key, value, said, fine_tuned, looking, two_layer_preset, tmp_path
):
    folder = tmp_path / "heads"
    shutil.copytree(fine_tuned[2], folder)
    config = json.loads((folder / "config.json").read_text())
    config.pop("n_head")
    (folder / "config.json").unlink()
    (folder / file).write_text(json.dumps(config | {key: value}))
    (tmp_path / "scratch").mkdir()
    with pytest.raises(CheckpointError) as caught:
        looking.check(folder, [catalogue.find(two_layer_preset)], tmp_path / "scratch", tmp_path / "out.weights.h5")
    assert str(caught.value).startswith(f"By its {file} {key} {said}")

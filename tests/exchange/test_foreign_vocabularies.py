"""The vocabulary beside foreign weights: read in every form it comes in, and compared with the preset that they are to fit."""

import json
import shutil
from pathlib import Path

import pytest
from foreign_helpers import tensorflow_1, zipped
from safetensors.numpy import load_file

from engine.core.errors import CheckpointError, PresetError
from engine.presets import catalogue, tokenizers

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("packed", [False, True])
def test_another_vocabulary_of_the_same_size_is_refused(packed, fine_tuned, looking, two_layer_preset, tmp_path):
    folder = tmp_path / "theirs"
    shutil.copytree(fine_tuned[2], folder)
    vocabulary = json.loads((folder / "vocab.json").read_text())
    first, second = list(vocabulary)[300:302]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "scratch").mkdir()
    path = zipped(folder, tmp_path / "theirs.zip") if packed else folder
    with pytest.raises(CheckpointError, match="not that of tiny.*used as a preset"):
        looking.check(path, [catalogue.find(two_layer_preset)], tmp_path / "scratch", tmp_path / "out.weights.h5")


def as_transformers_5_saves(folder: Path, target: Path, pairs: bool = True) -> Path:
    """A Hugging Face folder whose vocabulary stands in tokenizer.json alone; its merges are pairs, or texts as before."""
    shutil.copytree(folder, target)
    for name in ("vocab.json", "merges.txt"):
        (target / name).unlink()
    content = json.loads((target / "tokenizer.json").read_text(encoding="utf-8"))
    merges = [merge.split(" ") if isinstance(merge, str) else merge for merge in content["model"]["merges"]]
    content["model"]["merges"] = merges if pairs else [" ".join(merge) for merge in merges]
    (target / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    return target


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("pairs", [False, True])
def test_the_vocabulary_of_a_tokenizer_json_is_read_and_compared(
    packed, pairs, fine_tuned, looking, two_layer_preset, tmp_path
):
    folder = as_transformers_5_saves(fine_tuned[2], tmp_path / "new", pairs)
    assert tokenizers.load(folder).hash == tokenizers.load(two_layer_preset).hash
    assert catalogue.tokenizer(catalogue.find(folder)).encode("insulin") == tokenizers.load(two_layer_preset).encode(
        "insulin"
    )
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))

    def fitting() -> list[str]:
        shutil.rmtree(tmp_path / "scratch", ignore_errors=True)
        (tmp_path / "scratch").mkdir()
        path = zipped(folder, tmp_path / "new.zip") if packed else folder
        return looking.check(
            path, [catalogue.find(two_layer_preset)], tmp_path / "scratch", tmp_path / "out.weights.h5"
        ).fits

    assert fitting()
    vocabulary = dict(content["model"]["vocab"])
    first, second = list(vocabulary)[300:302]
    swapped = vocabulary | {first: vocabulary[second], second: vocabulary[first]}
    for model, more in (
        ({"vocab": swapped}, {}),
        ({"merges": content["model"]["merges"][::-1]}, {}),
        ({"type": "WordPiece"}, {}),
        ({}, {"pre_tokenizer": {"type": "Metaspace"}}),
        ({"vocab": vocabulary | {"x" * (9 << 20): 0}}, {}),
    ):
        changed = content | {"model": content["model"] | model} | more
        (folder / "tokenizer.json").write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(CheckpointError, match="not that of tiny"):
            fitting()
    for name in ("vocab.json", "merges.txt"):  # the right one beside it: transformers reads tokenizer.json
        shutil.copy(fine_tuned[2] / name, folder)
    with pytest.raises(CheckpointError, match="not that of tiny"):
        fitting()


def test_a_tokenizer_json_of_another_kind_is_no_preset_and_keras_hubs_own_is_no_vocabulary(fine_tuned, tmp_path):
    folder = as_transformers_5_saves(fine_tuned[2], tmp_path / "new")
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    (folder / "tokenizer.json").write_text(json.dumps(content | {"pre_tokenizer": None}), encoding="utf-8")
    with pytest.raises(PresetError, match="another kind than GPT-2's, which is a byte-level BPE"):
        tokenizers.load(folder)
    for broken in ({"model": None}, {"model": {"vocab": {}, "merges": 3}}, {"model": {"vocab": {}, "merges": [1]}}):
        (folder / "tokenizer.json").write_text(json.dumps(content | broken), encoding="utf-8")
        with pytest.raises(PresetError):
            tokenizers.load(folder)
    without = shutil.copytree(fine_tuned[1], tmp_path / "keras")
    shutil.rmtree(without / "assets")
    assert (without / "tokenizer.json").is_file() and tokenizers.find_assets(without) is None


def test_the_vocabulary_of_openais_folder_is_compared(fine_tuned, looking, two_layer_preset, tmp_path):
    folder = tensorflow_1(load_file(fine_tuned[2] / "model.safetensors"), tmp_path / "run1", False)
    vocabulary = json.loads((fine_tuned[2] / "vocab.json").read_text(encoding="utf-8"))
    shutil.copy(fine_tuned[2] / "merges.txt", folder / "vocab.bpe")
    for n, change in enumerate((0, 1)):
        (folder / "encoder.json").write_text(json.dumps({k: v ^ change for k, v in vocabulary.items()}))
        (tmp_path / f"scratch{n}").mkdir()
        given = folder, [catalogue.find(two_layer_preset)], tmp_path / f"scratch{n}", tmp_path / f"{n}.weights.h5"
        if not change:
            assert looking.check(*given).fits
        else:
            with pytest.raises(CheckpointError, match="not that of tiny"):
                looking.check(*given)

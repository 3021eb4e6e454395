"""Presets by folder and by name: loaded with the same logits, or one sentence."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from project import PROJECT

from engine.core import framework
from engine.core.errors import PresetError
from engine.models import hugging_face, loading
from engine.presets import catalogue, tokenizers
from engine.runs import references

pytestmark = pytest.mark.slow


def test_a_hugging_face_folder_loads_with_the_same_logits(two_layer_preset, tmp_path):
    model, tokenizer = loading.load(references.resolve(str(two_layer_preset)))
    x = {"token_ids": np.array([[1, 2, 3]]), "padding_mask": np.ones((1, 3), "int32")}
    logits = np.asarray(model(x))  # (1, 3, vocabulary)
    keras_task(model, two_layer_preset).export_to_transformers(str(tmp_path / "hf"))
    other, other_tokenizer = loading.load(references.resolve(str(tmp_path / "hf")))
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
            loading.load(references.resolve(name))


def test_of_a_hub_name_the_vocabulary_alone_can_be_fetched(monkeypatch, two_layer_preset, tmp_path):
    from keras_hub.src.utils import preset_utils

    requests = []

    def get_file(name, path):
        requests.append((name, path))
        return str(two_layer_preset / path)

    monkeypatch.setattr(catalogue, "check_available", lambda preset: None)
    monkeypatch.setattr(catalogue, "reachable", lambda preset: True)
    monkeypatch.setattr(preset_utils, "get_file", get_file)
    found = loading.hub_tokenizer(catalogue.find("gpt2_base_en"))
    assert found.hash == tokenizers.load(two_layer_preset).hash
    assert {path for _, path in requests} == {"assets/tokenizer/merges.txt", "assets/tokenizer/vocabulary.json"}


def test_of_a_hub_name_the_configuration_is_looked_at_and_one_file_of_vocabulary_is_enough(
    monkeypatch, two_layer_preset, tmp_path
):
    from keras_hub.src.utils import preset_utils

    def get_file(name, path):
        if not (tmp_path / path).is_file():
            raise FileNotFoundError(path)
        return str(tmp_path / path)

    config = {"model_type": "gpt2", "scale_attn_by_inverse_layer_idx": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    vocabulary, merges = tokenizers.assets(two_layer_preset)
    hugging_face._tokenizer(vocabulary, merges).save(str(tmp_path / "tokenizer.json"))
    monkeypatch.setattr(catalogue, "check_available", lambda preset: None)
    monkeypatch.setattr(catalogue, "reachable", lambda preset: True)
    monkeypatch.setattr(preset_utils, "get_file", get_file)
    with pytest.raises(PresetError, match="scale_attn_by_inverse_layer_idx is true"):
        loading.load(references.resolve("hf://somebody/gpt2"))
    found = loading.hub_tokenizer(catalogue.find("hf://somebody/gpt2"))
    assert found.hash == tokenizers.load(two_layer_preset).hash


def test_what_is_no_preset_is_said(tmp_path):
    with pytest.raises(PresetError, match="There is no run, checkpoint or preset"):
        references.resolve(str(tmp_path / "nothing"))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(PresetError, match="is not a GPT-2 preset but bert"):
        references.resolve(str(tmp_path))


def test_a_damaged_preset_is_one_sentence(two_layer_preset, tmp_path):
    broken = shutil.copytree(two_layer_preset, tmp_path / "broken")
    (broken / "model.weights.h5").write_bytes(b"not HDF5")
    with pytest.raises(PresetError, match="cannot be loaded"):
        loading.load(references.resolve(str(broken)))


def test_what_only_converters_and_tables_need_is_not_imported_with_tensorflow():
    """It costs a third of the time until a trainer's first step; whoever wants it can import it afterwards."""
    program = (
        "import sys, importlib.util as u; from engine.models import backend; import gc; "
        "assert not {'jax', 'pandas'} & set(sys.modules) and gc.isenabled() and gc.get_freeze_count(); "
        "[__import__(name) for name in ('jax', 'pandas') if u.find_spec(name)]; print(backend.keras.__version__)"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), framework.VARIABLE: framework.TENSORFLOW}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=200
    )
    assert answer.returncode == 0, answer.stderr[-2000:]

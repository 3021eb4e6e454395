"""What a preset is, read from its files without TensorFlow: where it lies, its architecture, its hash.

Three forms: a folder in keras-hub's form, a local Hugging Face folder, and a name that keras-hub fetches.
"""

import json
import os
import re
import socket
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.core import fields, paths
from engine.core.errors import PresetError
from engine.core.files import open_plain, read_json, sha256
from engine.presets import arithmetic, tokenizers

HUB_NAMES = ("gpt2_base_en", "gpt2_medium_en", "gpt2_large_en", "gpt2_extra_large_en", "gpt2_base_en_cnn_dailymail")
_HUB_HOSTS = {"hf": "huggingface.co", "modelscope": "modelscope.cn", "kaggle": "www.kaggle.com"}
_HUB_CACHES = {  # where the hubs' own clients keep what they fetched
    "hf": ("HF_HOME", "~/.cache/huggingface", "hub/models--{handle}"),
    "modelscope": ("MODELSCOPE_CACHE", "~/.cache/modelscope", "**/{name}"),
    "kaggle": ("KAGGLEHUB_CACHE", "~/.cache/kagglehub", "models/**/{name}"),
}
_PROBE_SECONDS = 3.0
_MOST_CARD_BYTES = 1 << 20
_HUB_HANDLE = re.compile(r"(?:kaggle|hf|modelscope)://[\w./-]+")


class NoSuchPreset(PresetError):
    """Nothing of that name or path is there."""


@dataclass(frozen=True)
class Preset:
    """A preset's description.

    Attributes:
        reference: how it was named: a portable path, or a hub name.
        folder: its folder; None for a hub name.
        form: "keras-hub", "hugging-face" or "hub".
        vocabulary_size, num_layers, num_heads, hidden_dim, max_sequence_length: the architecture; 0 for a hub name
            that is not one of GPT-2's.
    """

    reference: str
    folder: Path | None
    form: str
    vocabulary_size: int = 0
    num_layers: int = 0
    num_heads: int = 0
    hidden_dim: int = 0
    max_sequence_length: int = 0

    @property
    def title(self) -> str:
        """The short name that pages show."""
        return self.folder.name if self.folder else self.reference

    @property
    def parameters(self) -> int:
        """Number of parameters of a GPT-2 of this size (embeddings tied)."""
        d = self.hidden_dim
        blocks = self.num_layers * (12 * d * d + 13 * d)
        return self.vocabulary_size * d + self.max_sequence_length * d + blocks + 2 * d

    @property
    def weights_file(self) -> Path | None:
        """The file of the weights; None for a hub name."""
        if self.folder is None:
            return None
        return self.folder / ("model.weights.h5" if self.form == "keras-hub" else "model.safetensors")

    def hash(self) -> str:
        """SHA-256 of the weights' file; the reference itself for a hub name."""
        file = self.weights_file
        if file is None:
            return self.reference
        status = file.stat()
        return _sha256_of(file, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=32)
def _sha256_of(path: Path, size: int, modified: int, changed: int) -> str:
    return sha256(path)


# Radford et al. 2019, table 2: layers, heads, width of the four sizes.
_HUB_SIZES = {
    "gpt2_base_en": (12, 12, 768),
    "gpt2_medium_en": (24, 16, 1024),
    "gpt2_large_en": (36, 20, 1280),
    "gpt2_extra_large_en": (48, 25, 1600),
    "gpt2_base_en_cnn_dailymail": (12, 12, 768),
}


def find(reference: str | Path) -> Preset:
    """The preset of that path or name.

    Raises:
        PresetError: nothing there, or not a GPT-2.
    """
    text = str(reference)
    if text in HUB_NAMES:
        layers, heads, width = _HUB_SIZES[text]
        return Preset(text, None, "hub", 50257, layers, heads, width, 1024)
    if _HUB_HANDLE.fullmatch(text):
        return Preset(text, None, "hub")
    folder = paths.locate(text)
    if not folder.is_dir() and (paths.PRESETS / text).is_dir() and "/" not in text and ".." not in text:
        folder = paths.PRESETS / text
    if not folder.is_dir():
        raise NoSuchPreset(
            "There is no preset {preset}: give a folder (of keras-hub or Hugging Face form) or one of {names}.",
            preset=paths.shortened(text),
            names=", ".join(HUB_NAMES),
        )
    return _read_folder(folder)


def _read_folder(folder: Path) -> Preset:
    config = read_json(folder / "config.json")
    if not config:
        raise PresetError("{folder} is not a preset: it has no readable config.json.", folder=folder)
    if str(config.get("registered_name", "")).endswith("GPT2Backbone") or config.get("class_name") == "GPT2Backbone":
        inner = config["config"] if isinstance(config.get("config"), dict) else {}
        names = ("vocabulary_size", "num_layers", "num_heads", "hidden_dim", "max_sequence_length")
        form, of = "keras-hub", inner
    elif config.get("model_type") == "gpt2":
        names = ("vocab_size", "n_layer", "n_head", "n_embd", "n_positions")
        form, of = "hugging-face", config
        arithmetic.check(config, "config.json", PresetError)
    else:
        kind = config.get("class_name") or config.get("model_type") or "unknown"
        raise PresetError("{folder} is not a GPT-2 preset but {kind}.", folder=folder, kind=kind)
    sizes = [of[name] for name in names if fields.positive(of.get(name)) and of[name] < 1_000_000]
    if len(sizes) != len(names):
        raise PresetError("The config.json of {folder} is damaged: sizes are missing.", folder=folder)
    preset = Preset(paths.portable(folder), folder.resolve(), form, *sizes)
    weights = preset.weights_file
    if weights is None or not weights.is_file():
        raise PresetError("{folder} has no {file}.", folder=folder, file=weights.name if weights else "")
    return preset


def _hub(preset: Preset) -> str:
    return preset.reference.split("://")[0] if "://" in preset.reference else "kaggle"


def reachable(preset: Preset) -> bool:
    """Whether the host of a hub name answers at all, within seconds, so that nobody waits for a client's retries."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True  # the proxy knows the way; a direct connection says nothing
    try:
        with socket.create_connection((_HUB_HOSTS[_hub(preset)], 443), timeout=_PROBE_SECONDS):
            return True
    except OSError:
        return False


def cached(preset: Preset) -> bool:
    """Whether a hub name was fetched before."""
    variable, default, pattern = _HUB_CACHES[_hub(preset)]
    handle = preset.reference.split("://")[-1].strip("/")
    folder = Path(os.environ.get(variable) or default).expanduser()
    return any(folder.glob(pattern.format(handle=handle.replace("/", "--"), name=handle.rsplit("/", 1)[-1])))


def check_available(preset: Preset) -> None:
    """Makes sure that a preset is here or can be fetched; folders always are.

    Raises:
        PresetError: a hub name that was never fetched, and the hub cannot be reached.
    """
    if preset.form == "hub" and not cached(preset) and not reachable(preset):
        raise PresetError(
            "{preset} is fetched from the network, and {host} cannot be reached: connect, or give the folder of a "
            "preset that is on this machine (checkpoints/presets/gpt2_mini_en ships with Atelier).",
            preset=preset.reference,
            host=_HUB_HOSTS[_hub(preset)],
        )


def shipped() -> list[Preset]:
    """The presets in `checkpoints/presets/`, the mini model first."""
    found = []
    for config in sorted(paths.PRESETS.glob("*/config.json")):
        try:
            found.append(_read_folder(config.parent))
        except PresetError:
            continue
    return sorted(found, key=lambda preset: preset.folder != paths.MINI_PRESET)


@lru_cache(maxsize=8)
def _tokenizer_of(folder: Path, changed: int) -> tokenizers.Tokenizer:
    return tokenizers.load(folder)


def tokenizer(preset: Preset) -> tokenizers.Tokenizer:
    """The tokenizer of a preset that lies in a folder.

    Raises:
        PresetError: a hub name that was not fetched yet, or no vocabulary.
    """
    if preset.folder is None:
        raise PresetError("{preset} is not on this machine yet.", preset=preset.reference)
    changed = max((file.stat().st_mtime_ns for file in tokenizers.asset_files(preset.folder)), default=0)
    return _tokenizer_of(preset.folder, changed)


def card(preset: Preset) -> str:
    """The README of a preset, or nothing."""
    path = preset.folder / "README.md" if preset.folder else None
    if path is None or not path.is_file():
        return ""
    try:
        with open_plain(path) as file:
            return file.read(_MOST_CARD_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def json_of(preset: Preset) -> dict[str, Any]:
    """The description as a run's configuration keeps it."""
    described: dict[str, Any] = json.loads(
        json.dumps({"reference": preset.reference, "form": preset.form, "hash": preset.hash()})
    )
    return described

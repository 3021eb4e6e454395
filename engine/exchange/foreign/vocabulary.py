"""Whether the vocabulary that lies beside strange weights is a preset's: the same ids for the same pieces of text."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.core.errors import CheckpointError, PresetError
from engine.presets import tokenizers
from engine.presets.tokenizers import OtherVocabulary

_LARGEST_BYTES = 8 << 20  # GPT-2's has 1 MB, its tokenizer.json 3.5
_OTHER, _UNREADABLE = "other", "unreadable"  # in place of a hash: no preset's; not known


def fitting(folder: Path, presets: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The presets whose vocabulary is the one in the folder; all of them where it holds none, or none that can be read.

    Args:
        presets: each with its `folder`, None for one that is fetched by name, which is believed.

    Raises:
        CheckpointError: it is none of theirs.
    """
    own = {_hash(files) for files in tokenizers.all_asset_files(folder)} - {_UNREADABLE}
    if not own:
        return list(presets)
    same = [p for p in presets if p["folder"] is None or _same(own, Path(p["folder"]))]
    if presets and not same:
        raise CheckpointError(
            "The vocabulary beside the weights is not that of {presets}, so that its numbers mean other pieces of text. "
            "A model with a vocabulary of its own is used as a preset: give its folder there.",
            presets=", ".join(p["title"] for p in presets[:6]),
        )
    return same


def _same(own: set[str], preset: Path) -> bool:
    """Whether each vocabulary that lies beside the weights is the preset's; one of the preset that cannot be read is believed."""
    files = tokenizers.asset_files(preset)
    known = _hash(files) if files else _UNREADABLE
    return own == {known} or (known == _UNREADABLE and _OTHER not in own)


def _hash(files: tuple[Path, ...]) -> str:
    if any(file.stat().st_size > _LARGEST_BYTES for file in files):
        return _OTHER
    try:
        vocabulary, merges = tokenizers.read_assets(files)
        content = json.dumps([sorted(vocabulary.items()), merges])
    except OtherVocabulary:
        return _OTHER
    except (PresetError, TypeError):
        return _UNREADABLE
    return hashlib.sha256(content.encode()).hexdigest()

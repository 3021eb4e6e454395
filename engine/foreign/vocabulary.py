"""Whether the vocabulary that lies beside strange weights is a preset's: the same ids for the same pieces of text."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine import tokenizers
from engine.errors import CheckpointError, PresetError

_LARGEST_BYTES = 8 << 20  # GPT-2's has 1 MB


def fitting(folder: Path, presets: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The presets whose vocabulary is the one in the folder; all of them where it holds none, or none that can be read.

    Args:
        presets: each with its `folder`, None for one that is fetched by name, which is believed.

    Raises:
        CheckpointError: it is none of theirs.
    """
    own = _hash(folder)
    if own is None:
        return list(presets)
    same = [p for p in presets if p["folder"] is None or _hash(Path(p["folder"])) in (own, None)]
    if presets and not same:
        raise CheckpointError(
            "The vocabulary beside the weights is not that of {presets}, so that its numbers mean other pieces of text. "
            "A model with a vocabulary of its own is used as a preset: give its folder there.",
            presets=", ".join(p["title"] for p in presets[:6]),
        )
    return same


def _hash(folder: Path) -> str | None:
    assets = tokenizers.find_assets(folder)
    if assets is None or any(
        path.stat().st_size > _LARGEST_BYTES for path in assets.iterdir() if path.suffix in (".json", ".txt")
    ):
        return None
    try:
        vocabulary, merges = tokenizers.assets(folder)
        content = json.dumps([sorted(vocabulary.items()), merges])
    except (PresetError, AttributeError, TypeError, RecursionError):
        return None
    return hashlib.sha256(content.encode()).hexdigest()

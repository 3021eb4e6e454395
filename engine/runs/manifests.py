"""The manifest of a checkpoint: what it holds, under a seal that no change passes."""

import hashlib
from pathlib import Path
from typing import Any

from engine.core import checked, fields
from engine.core.files import json_text, open_plain, parse_json, write_bytes
from engine.core.kept import Kept

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"
SEAL = "manifest_sha256"
_MOST_BYTES = 16 << 20


def sealed(manifest: dict[str, Any]) -> str:
    """The text of a manifest's file, with the hash of all that stands in it."""
    return json_text({**manifest, SEAL: hashlib.sha256(json_text(manifest).encode()).hexdigest()})


def write(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes the manifest of the checkpoint in `folder`, under its seal."""
    write_bytes(folder / MANIFEST, sealed(manifest).encode())


def _read(folder: Path) -> dict[str, Any] | None:
    """What the manifest in `folder` says, or None where it is absent, damaged or of another version.

    The text must be what would be written for its content, to the last character, so that no change passes.
    """
    try:
        with open_plain(folder / MANIFEST) as file:
            content = file.read(_MOST_BYTES)
        manifest = parse_json(content)
        text = content.decode("utf-8").replace("\r\n", "\n")  # git on Windows may have changed the ends of the lines
    except (OSError, ValueError):
        return None
    if not isinstance(manifest, dict):
        return None
    if manifest.get("schema_version") == 1 and SEAL not in manifest:  # written before there were seals
        return manifest if text == json_text(manifest) else None
    manifest.pop(SEAL, None)
    return manifest if text == sealed(manifest) and manifest.get("schema_version") == SCHEMA_VERSION else None


def _usable(path: Path) -> dict[str, Any] | None:
    manifest = _read(path.parent)
    return None if manifest is None or fields.wrong(manifest, checked.MANIFEST) else manifest


usable = Kept(_usable)  # by the path of the file: what it says, or None where no checkpoint can be read by it

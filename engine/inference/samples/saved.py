"""Results of Side by side that a person keeps: a JSON file each, in `.samples/` beside the runs."""

import re
import secrets
import time
from pathlib import Path

from engine.core import paths
from engine.core.errors import EngineError
from engine.core.files import make_folder, open_plain, parse_json, storage_errors, write_json
from engine.inference.samples import outcome
from engine.inference.samples.outcome import GenerationResult

FOLDER = ".samples"
_NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
_LARGEST_BYTES = 4 << 20


def _folder(root: Path | None) -> Path:
    return (root or paths.checkpoints_root()) / FOLDER


def _path(name: str, root: Path | None) -> Path:
    if not _NAME.fullmatch(name):
        raise EngineError("There is no kept result {name}.", name=name[:100])
    return _folder(root) / f"{name}.json"


def save(result: GenerationResult, root: Path | None = None) -> str:
    """Keeps the complete columns of a result; returns its name.

    Raises:
        EngineError: none is complete. StorageError: no rights or no space.
    """
    value = result.to_json()
    name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(result.time))}-{secrets.token_hex(4)}"
    make_folder(_folder(root))
    write_json(_path(name, root), value)
    return name


def names(root: Path | None = None) -> list[str]:
    """The names of what is kept, the newest first."""
    found = [path.stem for path in _folder(root).glob("*.json") if _NAME.fullmatch(path.stem)]
    return sorted(found, reverse=True)


def read(name: str, root: Path | None = None) -> GenerationResult:
    """A result that was kept, checked as if a stranger had written it.

    Raises:
        EngineError: it is gone, or is not what is kept here.
    """
    path = _path(name, root)
    try:
        with open_plain(path) as file:
            content = file.read(_LARGEST_BYTES + 1)
        value = parse_json(content) if len(content) <= _LARGEST_BYTES else None
    except FileNotFoundError as error:
        raise EngineError("There is no kept result {name}.", name=name) from error
    except (OSError, ValueError):
        value = None
    return outcome.from_json(value)


def delete(name: str, root: Path | None = None) -> None:
    """Removes a result.

    Raises:
        EngineError: no such name. StorageError: no rights.
    """
    path = _path(name, root)
    with storage_errors(path.parent):
        path.unlink(missing_ok=True)

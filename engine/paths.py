"""Where the project's folders are, and how a path is written so that it holds on another machine."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PRESETS = PROJECT / "checkpoints" / "presets"
MINI_PRESET = PRESETS / "gpt2_mini_en"
SAMPLE_ARTICLES = PROJECT / "articles" / "sample"
ENGLISH = PROJECT / "articles" / "english"


def checkpoints_root() -> Path:
    """The folder of all runs: `$ATELIER_CHECKPOINTS`, or `checkpoints/` in the project."""
    return Path(os.environ.get("ATELIER_CHECKPOINTS") or PROJECT / "checkpoints")


def corpora_root() -> Path:
    """The folder of prepared corpora: `$ATELIER_CORPORA`, or `corpora/` in the project."""
    return Path(os.environ.get("ATELIER_CORPORA") or PROJECT / "corpora")


def portable(path: Path | str) -> str:
    """A path as a run keeps it: relative to the project where it lies inside, absolute elsewhere."""
    resolved = Path(path).resolve()
    return resolved.relative_to(PROJECT).as_posix() if resolved.is_relative_to(PROJECT) else str(resolved)


def locate(path: Path | str) -> Path:
    """The absolute path of what `portable` wrote, or of what a person typed."""
    path = Path(path).expanduser()
    return path.resolve() if path.exists() or path.is_absolute() else (PROJECT / path).resolve()

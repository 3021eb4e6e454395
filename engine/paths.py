"""Where the project's folders are, and how a path is written so that it holds on another machine."""

import os
from pathlib import Path

from engine.errors import ArticlesError

PROJECT = Path(__file__).resolve().parent.parent
PRESETS = PROJECT / "checkpoints" / "presets"
MINI_PRESET = PRESETS / "gpt2_mini_en"
SAMPLE_ARTICLES = PROJECT / "articles" / "sample"
ENGLISH = PROJECT / "articles" / "english"
_SHOWN = 80  # characters of a path that is none


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
    """The absolute path of what `portable` wrote, or of what a person typed.

    Raises:
        ArticlesError: it can be none: too long, a home that nobody has, a character that no path holds.
    """
    try:
        found = Path(path).expanduser()
        return found.resolve() if found.exists() or found.is_absolute() else (PROJECT / found).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        typed, reason = str(path), getattr(error, "strerror", None) or error
        raise ArticlesError(
            "“{path}” is no path on this machine: {reason}",
            path=typed if len(typed) <= _SHOWN else f"{typed[:_SHOWN]}…",
            reason=reason,
        ) from error

"""Where the project's folders are, and how a path is written so that it holds on another machine."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.core import lab_settings
from engine.core.errors import ArticlesError, EngineError, StorageError

PROJECT = Path(__file__).resolve().parents[2]
PRESETS = PROJECT / "checkpoints" / "presets"
MINI_PRESET = PRESETS / "gpt2_mini_en"
SAMPLE_ARTICLES = PROJECT / "articles" / "sample"
ENGLISH = PROJECT / "articles" / "english"
RECORDED = PROJECT / "checkpoints" / "recorded-mini"
LESSONS = PROJECT / "lessons"
_SHOWN = 80  # characters of what can be no path or name
# What makes a path that is taken for a pattern match other files than its own.
_PATTERN = "[" if os.name == "nt" else "[\\"


def checkpoints_root() -> Path:
    """The folder of all runs: `$ATELIER_CHECKPOINTS`, or `checkpoints/` in the shared folder of `atelier.toml` or the project."""
    return Path(os.environ.get("ATELIER_CHECKPOINTS") or _kept_in() / "checkpoints")


def visitors_uploads(root: Path | None = None) -> Path:
    """Where visitors' uploads are kept: apart from all others, and deleted after a while."""
    return (root or checkpoints_root()) / ".uploads" / "visitors"


def corpora_root() -> Path:
    """The folder of prepared corpora: `$ATELIER_CORPORA`, or `corpora/` in the shared folder of `atelier.toml` or the project."""
    return Path(os.environ.get("ATELIER_CORPORA") or _kept_in() / "corpora")


def classes_root() -> Path:
    """The folder of classes' answers: `$ATELIER_CLASSES`, or `classes/` in the project.

    Never in the shared folder of `atelier.toml`: SQLite's log needs memory that processes of one machine share.
    """
    return Path(os.environ.get("ATELIER_CLASSES") or PROJECT / "classes")


def _kept_in() -> Path:
    try:
        return lab_settings.read().shared or PROJECT
    except EngineError:  # what is wrong with the file is said where a run is queued, and by `cluster check`
        return PROJECT


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
        found = found.resolve() if found.exists() or found.is_absolute() else (PROJECT / found).resolve()
        found.exists()  # what is too long shows here at the latest
        return found
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, UnicodeError):
            reason = f"{type(error).__name__}"  # its words hold the character that no encoding has
        raise ArticlesError(
            "“{path}” is no path on this machine: {reason}", path=shortened(str(path)), reason=reason
        ) from error


def shortened(typed: str) -> str:
    """What somebody typed or an address held, as much of it as a sentence shows, in characters that every encoding has."""
    plain = typed.encode("utf-8", "replace").decode()
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…"


@contextlib.contextmanager
def without_pattern(prefix: Path) -> Iterator[Path]:
    """A prefix of the same files (PREFIX.index, PREFIX.data-…) for TensorFlow's reader of checkpoints, which takes a path for
    a pattern: `CheckpointReader` and the operation `RestoreV2` ask `Env::GetMatchingPaths` whether there is such a file.

    `*` and `?` match themselves; `[L3]` matches one letter and never itself. There the files are reached through links
    whose path has no such character. The prefix holds as long as the block.

    Raises:
        StorageError: there is no place for the links.
    """
    prefix = Path(prefix).absolute()
    if not _is_pattern(prefix):
        yield prefix
        return
    with contextlib.ExitStack() as stack:
        yield _linked(prefix, stack)


def _is_pattern(path: Path) -> bool:
    return any(character in str(path) for character in _PATTERN)


def _linked(prefix: Path, stack: contextlib.ExitStack) -> Path:
    reason: OSError | None = None
    # None: the user's own folder for temporary files; it too may lie in a folder with brackets.
    for place in (None, Path("/tmp"), Path.home(), Path(prefix.anchor)):
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="atelier-", dir=place)))
            if _is_pattern(folder):
                continue
            for file in prefix.parent.iterdir():
                if file.name.startswith(f"{prefix.name}."):
                    _link(file, folder / f"model.ckpt{file.name.removeprefix(prefix.name)}")
            return folder / "model.ckpt"
        except OSError as error:
            reason = error
    raise StorageError(
        "{path} has brackets in its path, and no folder for temporary files takes links to it ({reason}): rename its folder.",
        path=prefix,
        reason=reason or "-",
    )


def _link(file: Path, link: Path) -> None:
    """Links a file: symbolically, where Windows does not allow that by its number, on another drive by a copy."""
    try:
        link.symlink_to(file)
    except OSError:
        try:
            link.hardlink_to(file)
        except OSError:
            shutil.copyfile(file, link)

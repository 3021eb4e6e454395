"""Reads what the owner wrote in the secrets files: her code, her folders, who may frame the pages, and what is wrong.

The dashboard reads these files itself. Streamlit takes a file that it cannot read for none at all, ends over one in
UTF-16, and copies what it reads into the environment, from where every child inherits it, also the one that reads
strangers' files. Here a file that exists and gives no usable code means that nobody is the owner.
"""

import contextlib
import logging
import os
import re
import stat
import threading
import time
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamlit import config

from engine.core.errors import EngineError

CODE_LENGTH = 8  # characters; a shorter code is refused
LARGEST_BYTES = 1_000_000
_SETTLED_SECONDS = (
    2.0  # a file younger than this may change again within the same time stamp: it is not taken from memory
)
_PROJECT = Path(__file__).resolve().parent.parent
_ORIGIN = re.compile(
    r"https?://(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?", re.I
)
_log = logging.getLogger("atelier.access")

_SECRET = re.compile(r"\W*secret", re.I)

Stamp = tuple[object, ...] | None  # None: there is no such file


@dataclass(frozen=True)
class OwnerFile:
    """What all secrets files together say."""

    exists: bool = False  # without any, whoever opens the dashboard is its owner
    code: str = field(default="", repr=False)  # "" where no usable one is given
    article_folders: tuple[Path, ...] = ()
    frame_ancestors: tuple[str, ...] = ()  # origins whose pages may hold this one in a frame, besides its own
    problems: tuple[EngineError, ...] = ()  # each tells the file and the line, never what stands there
    values: dict[str, Any] = field(
        default_factory=dict, repr=False
    )  # everything else that stands at the top, as it was written
    version: tuple[object, ...] = ()  # differs after each change of a file


_lock = threading.Lock()
_last: OwnerFile | None = None
_seen = False  # whether there was a file while this process has been running
_taken: list[str] | None = None  # the files that `secrets.files` named before Streamlit was kept from reading them


def keep_from_streamlit() -> None:
    """Keeps Streamlit from reading the secrets files, now and after each change of its configuration."""

    def take() -> None:
        global _taken
        if named := config.get_option("secrets.files"):
            _taken = list(named)
            config.set_option("secrets.files", [], config.get_where_defined("secrets.files"))

    config.on_config_parsed(take, force_connect=True)
    take()


def read() -> OwnerFile:
    """What the secrets files say now; read again only where one has changed."""
    global _last, _seen
    files, named = _secrets_files()
    files += [misnamed for path in files if (misnamed := _misnamed(path)) is not None]
    stamps = tuple((str(path), _stamp(path)) for path in files)
    with _lock:
        _seen = _seen or any(stamp is not None for _, stamp in stamps)
        version = (*stamps, named, _seen)
        if _last is None or _last.version != version or not all(_settled(stamp) for _, stamp in stamps):
            former, _last = _last, _parsed(files, stamps, named, version)
            if former is None or former.version != version:
                for problem in _last.problems:
                    _log.error("Atelier: %s", problem)
        return _last


def normal(code: str) -> str:
    """A code as it is compared: without blanks around it, its accents in one form whatever the keyboard."""
    return unicodedata.normalize("NFC", code.strip())


def shown(path: Path) -> str:
    """A secrets file as a page may name it: without the folders of the server."""
    if path == _PROJECT / ".streamlit" / path.name:
        return f".streamlit/{path.name}"
    if path == Path.home() / ".streamlit" / path.name:
        return f"~/.streamlit/{path.name}"
    return path.name


def _secrets_files() -> tuple[list[Path], bool]:
    """Lists the files in which secrets may stand, the later before the earlier, and whether the owner named them herself."""
    files = _taken if _taken is not None else config.get_option("secrets.files")
    # Streamlit looks beside the script that it was told to run; this is where it stands in any case.
    paths = [Path(file).expanduser().absolute() for file in files] + [_PROJECT / ".streamlit" / "secrets.toml"]
    return list(dict.fromkeys(paths)), config.is_manually_set("secrets.files")


def _misnamed(path: Path) -> Path | None:
    """What somebody may have meant as the secrets file of a folder that has none: `secrets.toml.txt`, `Secrets.toml`, or a
    file where the folder should be."""
    if os.path.lexists(path) or path.name != "secrets.toml":
        return None
    folder = path.parent
    try:
        if os.path.lexists(folder) and not folder.is_dir():
            return folder
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return None
    except OSError:
        return folder
    return next((folder / name for name in names if _SECRET.match(name)), None)


def _stamp(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ("dangling",) if os.path.lexists(path) else None
    except OSError as error:  # somebody may have put one there: the server cannot tell
        return ("refused", error.errno)
    return (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _settled(stamp: Stamp) -> bool:
    return stamp is None or len(stamp) < 3 or abs(time.time() - float(str(stamp[2])) / 1e9) > _SETTLED_SECONDS


def _parsed(files: list[Path], stamps: tuple[Any, ...], named: bool, version: tuple[Any, ...]) -> OwnerFile:
    there = [path for path, (_, stamp) in zip(files, stamps, strict=True) if stamp is not None]
    if not there:
        if named:
            problem = EngineError("secrets.files names files, and none of them is there.")
            return OwnerFile(exists=True, problems=(problem,), version=version)
        if _seen:
            problem = EngineError("The secrets file is gone. To run without an owner, start the server again.")
            return OwnerFile(exists=True, problems=(problem,), version=version)
        return OwnerFile(version=version)
    values: dict[str, tuple[Any, Path, str]] = {}  # a name → its value, its file, that file's text
    texts: list[tuple[Path, str, dict[str, Any]]] = []
    problems: list[EngineError] = []
    for path in there:
        try:
            text, data = _loaded(path)
        except EngineError as problem:
            problems.append(problem)
            continue
        texts.append((path, text, data))
        values |= {name: (value, path, text) for name, value in data.items()}
    code = _code(values, texts, there[-1], problems)
    folders = _folders(values, problems)
    ancestors = _ancestors(values, problems)
    if len(texts) < len(there):  # what the unreadable file would have said is not known
        code, folders, ancestors, values = "", (), (), {}
    rest = {name: value for name, (value, _path, _text) in values.items() if name != "owner_code"}
    return OwnerFile(True, code, folders, ancestors, tuple(problems), rest, version)


def _loaded(path: Path) -> tuple[str, dict[str, Any]]:
    """The text and the values of one file.

    Raises:
        EngineError: it cannot be read; the sentence tells the line.
    """
    name = shown(path)
    if path.parent.name == ".streamlit" and path.name != "secrets.toml" and _SECRET.match(path.name):
        raise EngineError("{file} is not read: rename it to secrets.toml.", file=name)
    if path.name == ".streamlit":
        raise EngineError(
            "{file} is no folder: it must be one, and the secrets stand in it, in secrets.toml.", file=name
        )
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a folder; a pipe would never end
            raise EngineError("{file} is no ordinary file: secrets stand in a text file that ends in .toml.", file=name)
        with open(path, "rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise EngineError("{file} cannot be read: {reason}", file=name, reason=error.strerror or error) from None
    if len(raw) > LARGEST_BYTES:
        raise EngineError("{file} is too large for a file of secrets.", file=name)
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in raw:
        raise EngineError("{file} is saved as UTF-16: save it as UTF-8.", file=name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise EngineError(
            "{file}, line {line}: this is not UTF-8. Save the file as UTF-8.", file=name, line=line
        ) from None
    try:
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise EngineError(
            '{file}, line {line}: this cannot be read. A text stands in straight quotes: owner_code = "…".',
            file=name,
            line=_line_of(error, text),
        ) from None


def _line_of(error: Exception, text: str) -> int:
    """The line that a TOML error is about; its own sentence would show what stands there."""
    found = re.search(r"\bat line (\d+)", str(error))
    return int(found.group(1)) if found else len(text.rstrip().splitlines()) or 1


def _line(name: str, text: str) -> int:
    """The first line that gives a value to a name; 1 where none does so plainly."""
    pattern = re.compile(rf"""[\s\w."'-]*\b{name}\b["']?\s*=""", re.I)
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def _code(values: dict[str, Any], texts: list[Any], last: Path, problems: list[EngineError]) -> str:
    if "owner_code" not in values:
        for path, text, data in texts:
            for where, name in _names(data):
                if re.sub(r"[^a-z]", "", name.lower()) == "ownercode":
                    place = {"file": shown(path), "line": _line(re.escape(name), text)}
                    problems.append(
                        EngineError("{file}, line {line}: move owner_code above the first line in brackets.", **place)
                        if where
                        else EngineError("{file}, line {line}: the name is owner_code, in small letters.", **place)
                    )
                    return ""
        if texts:
            problems.append(EngineError('{file} gives no owner_code = "…".', file=shown(last)))
        return ""
    code, path, text = values["owner_code"]
    if isinstance(code, str) and sum(sign.isprintable() and not sign.isspace() for sign in code) >= CODE_LENGTH:
        return normal(code)
    problems.append(
        EngineError(
            "{file}, line {line}: owner_code must be a text in quotes of at least {length} characters.",
            file=shown(path),
            line=_line("owner_code", text),
            length=CODE_LENGTH,
        )
    )
    return ""


def _names(data: dict[str, Any], inside: bool = False) -> Iterator[tuple[bool, str]]:
    """Every name of a file, with whether it stands inside a table."""
    for name, value in data.items():
        yield inside, name
        if isinstance(value, dict):
            yield from _names(value, True)


def _folders(values: dict[str, Any], problems: list[EngineError]) -> tuple[Path, ...]:
    given, path, text = values.get("article_folders", ([], Path(), ""))
    if isinstance(given, list) and all(isinstance(one, str) and Path(one).is_absolute() for one in given):
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # a NUL, a link that leads to itself
            return tuple(Path(one).resolve() for one in given)
    problems.append(
        EngineError(
            "{file}, line {line}: article_folders must be a list of absolute folders in quotes; none is offered.",
            file=shown(path),
            line=_line("article_folders", text),
        )
    )
    return ()


def _ancestors(values: dict[str, Any], problems: list[EngineError]) -> tuple[str, ...]:
    given, path, text = values.get("frame_ancestors", ([], Path(), ""))
    if isinstance(given, list) and all(isinstance(one, str) and _ORIGIN.fullmatch(one) for one in given):
        return tuple(given)
    problems.append(
        EngineError(
            "{file}, line {line}: frame_ancestors must be a list of origins in quotes (https:// and a host name, no path); "
            "no other page may frame this one.",
            file=shown(path),
            line=_line("frame_ancestors", text),
        )
    )
    return ()

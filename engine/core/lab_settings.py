"""`atelier.toml`: where the runs of this lab are trained, and what Slurm is asked for; every fault of the file in a sentence."""

import functools
import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError, SettingsError, StorageError, sentence

LOCAL, SLURM = LAUNCHERS = ("local", "slurm")
FILE = "atelier.toml"
_MOST_BYTES = 64 << 10
_MOST_LINES = 50  # of setup, and for sbatch
_MOST_CHARACTERS = 1_000  # of one text
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:,=+-]*")
_MEMORY = re.compile(r"[1-9][0-9]{0,8}[KMGT]?")
_TIME = re.compile(r"(\d{1,3}-)?\d{1,4}(:\d{2}){0,2}", re.ASCII)
# What the lab gives sbatch itself: a second value would lose runs, or their logs.
_OWN_OPTIONS = (
    "array", "begin", "chdir", "clusters", "comment", "dependency", "error", "export", "export-file", "hold", "input",
    "job-name", "kill-on-invalid-dep", "mem", "no-requeue", "nodes", "ntasks", "open-mode", "output", "parsable", "quiet",
    "requeue", "signal", "test-only", "time", "wait", "wrap",
)  # fmt: skip


@dataclass(frozen=True)
class Slurm:
    """What a job asks Slurm for.

    Attributes:
        partition, account, qos: as Slurm calls them; "" = the cluster's own.
        gpu: the value of --gres, such as gpu:1; "" = no GPU.
        cpus: cores of a job. memory: of a job, as sbatch takes it: 8G. time: the limit of a job: 04:00:00.
        warning_seconds: before the limit, in which the trainer saves and goes back into Slurm's queue.
        setup: lines of bash before the trainer starts: modules, an environment.
        python: the interpreter behind them.
        sbatch: further options of sbatch, each whole: --constraint=a100.
    """

    partition: str = ""
    account: str = ""
    qos: str = ""
    gpu: str = ""
    cpus: int = 4
    memory: str = "8G"
    time: str = "04:00:00"
    warning_seconds: int = 120
    setup: tuple[str, ...] = ()
    python: str = "python"
    sbatch: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabSettings:
    """What `atelier.toml` says.

    Attributes:
        launcher: LOCAL or SLURM.
        shared: the folder of runs and corpora, under the same path on every node; None = in the project.
    """

    launcher: str = LOCAL
    shared: Path | None = None
    slurm: Slurm = field(default_factory=Slurm)


def path() -> Path:
    """Where the file is looked for: `$ATELIER_SETTINGS`, or in the project."""
    return Path(os.environ.get("ATELIER_SETTINGS") or Path(__file__).resolve().parents[2] / FILE)


def read() -> LabSettings:
    """The settings of this lab; those of one machine where there is no file.

    Raises:
        SettingsError: everything that is wrong with the file.
    """
    file = path()
    try:
        status = file.stat()
    except OSError:
        return LabSettings()
    return _read(str(file), status.st_mtime_ns, status.st_size)


def launcher() -> str:
    """Where runs that are queued now will be trained."""
    return read().launcher


@functools.lru_cache(maxsize=8)
def _read(file: str, changed: int, size: int) -> LabSettings:
    name = Path(file).name
    try:
        with open(file, "rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise StorageError("{file} cannot be read: {reason}", file=file, reason=error.strerror or error) from error
    if len(content) > _MOST_BYTES:
        raise SettingsError([EngineError("{file} is too long: {most} kB at most.", file=name, most=_MOST_BYTES >> 10)])
    try:
        return parse(tomllib.loads(content.decode("utf-8")), name)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SettingsError(
            [EngineError("{file}, line {line}: this is no text in UTF-8.", file=name, line=line)]
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_unreadable(name, str(error), content)]) from error
    except RecursionError as error:
        raise SettingsError([EngineError("{file} is nested too deeply.", file=name)]) from error


def _unreadable(name: str, reason: str, content: bytes) -> EngineError:
    """What tomllib says, with the line; at the end of the file it names none."""
    found = re.search(r"line (\d+)", reason)
    line = int(found[1]) if found else content.count(b"\n") + 1
    return EngineError(
        '{file}, line {line}: this is not TOML ({reason}). A text stands in quotation marks: partition = "gpu".',
        file=name,
        line=line,
        reason=re.sub(r" \(at .*\)$", "", reason),
    )


def parse(values: dict[str, Any], name: str = FILE) -> LabSettings:
    """The settings that a file's values make.

    Raises:
        SettingsError: everything that is wrong with them.
    """
    problems: list[EngineError] = []
    slurm = values.get(SLURM, {})
    if not isinstance(slurm, dict):
        problems.append(EngineError("{file}: [slurm] must be a table.", file=name))
        slurm = {}
    top = _checked({key: value for key, value in values.items() if key != SLURM}, _TOP, "", name, problems)
    asked = _checked(slurm, _SLURM, "slurm.", name, problems)
    if top.get("launcher") == SLURM and "shared" not in top and not any("shared" in str(p) for p in problems):
        problems.append(
            EngineError(
                '{file}: with launcher = "slurm" the key shared must name a folder that all nodes have.', file=name
            )
        )
    limit, warning = _seconds(asked.get("time", Slurm.time)), asked.get("warning_seconds", Slurm.warning_seconds)
    if not 2 * warning <= limit:
        problems.append(
            EngineError(
                "{file}: a job of {time} has no room for a warning of {warning} s: lower slurm.warning_seconds to half of the "
                "limit or less, or raise slurm.time.",
                file=name,
                time=asked.get("time", Slurm.time),
                warning=warning,
            )
        )
    if problems:
        raise SettingsError(problems)
    if "python" in asked:
        asked["python"] = os.path.expanduser(asked["python"])  # it is quoted, so no shell would
    shared = Path(top["shared"]) if "shared" in top else None
    return LabSettings(top.get("launcher", LOCAL), shared, Slurm(**asked))


def _seconds(time: str) -> int:
    """What sbatch takes a time limit for: minutes, minutes:seconds, hours:minutes:seconds, or days and hours before these."""
    days, dash, rest = time.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash:
        hours, minutes, seconds = [*parts, 0, 0][:3]
        return ((24 * int(days) + hours) * 60 + minutes) * 60 + seconds
    if len(parts) == 3:
        return (60 * parts[0] + parts[1]) * 60 + parts[2]
    return 60 * parts[0] + (parts[1] if len(parts) > 1 else 0)


def _checked(
    values: dict[str, Any],
    table: "dict[str, tuple[Callable[[Any], bool], str]]",
    prefix: str,
    name: str,
    problems: list[EngineError],
) -> dict[str, Any]:
    found = {}
    for key, value in values.items():
        if key not in table:
            problems.append(
                EngineError(
                    "{file}: there is no key {key}. There are: {keys}.",
                    file=name,
                    key=_shown(prefix + key),
                    keys=", ".join(prefix + known for known in table),
                )
            )
        elif not table[key][0](value):
            problems.append(
                EngineError(
                    "{file}: {key} must be {wanted}; received {value}.",
                    file=name,
                    key=prefix + key,
                    wanted=EngineError(table[key][1]),
                    value=_shown(repr(value)),
                )
            )
        else:
            found[key] = tuple(value) if isinstance(value, list) else value
    return found


def _shown(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}…"


def _line(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MOST_CHARACTERS and value.isprintable()


def _lines(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= _MOST_LINES and all(map(_line, value))


def _word(value: Any) -> bool:
    return _line(value) and (not value or _WORD.fullmatch(value) is not None)


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _folder(value: Any) -> bool:
    return _line(value) and Path(value).is_absolute() and len(value) > 1


def _option(value: Any) -> bool:
    option = re.fullmatch(r"--([a-z][a-z-]*)(=.*)?", value) if _line(value) else None
    # sbatch takes an option by its beginning, too: --time-min is another than --time, and --tim is the same.
    return option is not None and not any(own.startswith(option[1]) for own in _OWN_OPTIONS)


def _options(value: Any) -> bool:
    return _lines(value) and all(map(_option, value))


_TOP = {
    "launcher": (lambda value: value in LAUNCHERS, sentence('"local" or "slurm"')),
    "shared": (_folder, sentence("the whole path of a folder that all nodes have")),
}
_SLURM = {
    **dict.fromkeys(("partition", "account", "qos"), (_word, sentence("a name as Slurm knows it"))),
    "gpu": (_word, sentence('what --gres takes, such as "gpu:1", or "" for none')),
    "cpus": (_whole(1, 1024), sentence("a whole number from 1 to 1024")),
    "memory": (
        lambda value: _line(value) and _MEMORY.fullmatch(value) is not None,
        sentence('memory as sbatch takes it, such as "16G"'),
    ),
    "time": (
        lambda value: _line(value) and _TIME.fullmatch(value) is not None,
        sentence('a time limit as sbatch takes it, such as "04:00:00"'),
    ),
    "warning_seconds": (_whole(10, 3600), sentence("a whole number of seconds from 10 to 3600")),
    "setup": (_lines, sentence("a list of lines of bash, 50 at most")),
    "python": (lambda value: _line(value) and bool(value.strip()), sentence("a command or a path")),
    "sbatch": (
        _options,
        sentence('a list of options of sbatch such as "--constraint=a100", without those that the lab sets itself'),
    ),
}

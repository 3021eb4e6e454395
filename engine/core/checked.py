"""What the files of runs must hold, checked where they are read: each may have been edited, damaged or replaced by hand.

A file's table says of each field which values the rest of the code can live with, and whether it must be there.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.core.errors import GoneError, RunError
from engine.core.fields import (
    Check,
    Table,
    anything,
    boolean,
    count,
    error,
    known,
    list_of,
    needed,
    number,
    object_of,
    one_of,
    optional,
    path_text,
    positive,
    step,
    text,
    timestamp,
    wrong,
)
from engine.core.files import MOST_JSON_BYTES, open_plain, parse_json
from engine.core.lab_settings import LAUNCHERS
from engine.core.splits import SPLITS, TRAIN

MOST_LINE_BYTES = 4 << 20
_MOST_NAME_BYTES = 200  # a file's may have 255, and some are made of this one and more

# Files


def _job_id(value: Any) -> bool:
    return text(value) and re.fullmatch(r"[0-9]{1,20}([_+][0-9]{1,10})?", value) is not None


STATES = ("queued", "running", "paused", "finished", "failed", "stopped", "interrupted")
STATE = needed(state=one_of(*STATES), since=timestamp) | known(
    step=step,
    steps=step,
    phase=text,
    reason=optional(error),
    starts=count,
    queued_at=timestamp,
    result=step,
    phase_since=timestamp,
    compiling=text,
    compiling_since=timestamp,
    ends_at=timestamp,
)
_STAGE = needed(articles=path_text) | known(
    first_article=optional(positive), last_article=optional(positive), checkpoint=text, hash=text, method=optional(text)
)
# What stands in config.json beside the settings, which `settings.from_json` checks.
CONFIG = known(
    created=timestamp,
    preset_hash=text,
    lineage=list_of(object_of({**_STAGE, **needed(first_article=optional(positive), last_article=optional(positive))})),
    versions=object_of({}),
    converted=object_of(known(method=text)),
    imported=object_of({}),
    id=text,
    copied_from=object_of({}),
    visitor=boolean,
    most_seconds=number,
    launcher=one_of(*LAUNCHERS),
    sweep=text,
    shape=object_of(
        needed(
            sequence_length=lambda value: type(value) is int and 1 <= value <= 1024,
            batch_size=lambda value: type(value) is int and 1 <= value <= 100_000,
            dropout=lambda value: type(value) in (int, float) and 0 <= value < 1,
        )
    ),
)
# An inode has more digits than other numbers.
PLACE = needed(path=path_text, machine=text, inode=lambda value: type(value) is int and value >= 0)
RECORDED = known(
    command=text,
    date=text,
    commit=text,
    weights=boolean,  # whether its checkpoints ship
    copied=object_of(needed(prompt=text, text=text, first=step, last=step, tokens=step)),
)
CONTROL_FILE = "control.json"
CONTROL = needed(action=one_of("stop", "pause"))
ATTEMPT = needed(by=one_of("lab", "trainer"), submission=positive, time=timestamp) | known(
    job=_job_id, restart=count, node=text, pid=count, submits=boolean
)
JOB_ID = needed(job=_job_id)
OWNER = needed(pid=positive, since=timestamp) | known(device=text)
PINS = needed(steps=list_of(step))

_FIGURES = needed(loss=number, accuracy=number, bits_per_byte=number)


def _file_name(value: Any) -> bool:
    return path_text(value) and value not in ("", ".", "..") and not set("/\\") & set(value)


def _files(value: Any) -> bool:
    entry = object_of(needed(sha256=lambda h: text(h) and re.fullmatch("[0-9a-f]{64}", h) is not None, bytes=count))
    return isinstance(value, dict) and all(_file_name(name) and entry(item) for name, item in value.items())


MANIFEST = needed(step=step, time=timestamp, format=text, files=_files) | known(
    steps=step,
    tokens=count,
    seconds=number,
    micro_batch=count,
    preset=object_of(needed(reference=path_text, hash=text)),
    parent=optional(text),
    corpus=text,
    articles=list_of(optional(positive)),
    epochs=optional(number),
    metrics=object_of(
        known(validation=object_of({name: (False, check) for name, (_must, check) in _FIGURES.items()}), test=anything)
    ),
    imported=object_of(needed(file=text, fits=list_of(text), left_out=list_of(text))),
)

# Corpora, and what is prepared or built in the background

_SPLIT = one_of(*SPLITS)
_COUNTS = needed(first=count, articles=count, words=count, tokens=count, bytes=count)


def _skipped(value: Any) -> bool:
    reason = object_of(needed(template=text, count=count, examples=list_of(object_of({}))))
    return object_of(needed(count=count, reasons=list_of(reason)))(value) and all(
        error({"template": reason["template"], "values": values})
        for reason in value["reasons"]
        for values in reason["examples"]
    )


def _counts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(count, value.values()))


def _pair(first: Check, second: Check) -> Check:
    return lambda value: isinstance(value, list) and len(value) == 2 and first(value[0]) and second(value[1])


CARD = needed(
    source=path_text,
    fingerprint=anything,
    tokenizer=text,
    vocabulary_size=positive,
    dtype=one_of("uint16", "uint32"),
    splits=lambda value: (
        object_of(known(**dict.fromkeys(SPLITS, object_of(_COUNTS))))(value)
        and TRAIN in value
        and all(map(_SPLIT, value))
    ),
    validation_set_aside=boolean,
    skipped=_skipped,
    duplicates=object_of(
        needed(
            repeated=count,
            across_splits=count,
            same_id=count,
            examples=list_of(_pair(_pair(_SPLIT, positive), _pair(_SPLIT, positive))),
        )
    ),
    section_names=list_of(_pair(text, count)),
    files=_files,
) | known(
    set_aside_seed=count,
    formulas=object_of(needed(text=count, mark=count)),
    left_out=_counts,
    forms=_counts,
    remarks=_skipped,
    template_share=number,
    near_copies=object_of(needed(least=number, pairs=count, across_splits=count)),
)
JOB = needed(state=text, since=timestamp) | known(
    error=error,
    notices=list_of(error),
    corpus=path_text,
    **dict.fromkeys(("done_bytes", "total_bytes", "articles", "tokens", "skipped", "done", "total"), count),
)

# Folders

_RUN_FILES = (
    "config.json", "place.json", "state.json", "events.jsonl", CONTROL_FILE, "recorded.json", "pins.json", "pins.lock",
    "owner.json", "lock", "heartbeat", "last_words", "trainer.log",
)  # fmt: skip


def names(folder: Path) -> set[str]:
    """Which of a run's own files stand in a folder.

    Raises:
        RunError: one of them is no plain file, or there are no rights. GoneError: there is no such folder.
    """
    found = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in _RUN_FILES:
                    found.add(entry.name)
                    if not entry.is_file():
                        raise _no_file(entry.name)
        lock = folder / "lock"
        if "lock" in found and not os.access(lock, os.R_OK | os.W_OK):
            raise PermissionError(lock)
    except FileNotFoundError as problem:
        raise GoneError("The folder {path} is gone: it was deleted or moved.", path=folder) from problem
    except PermissionError as problem:
        raise RunError("No rights to read the run's folder and to write in it: change its rights.") from problem
    except OSError as problem:
        raise RunError("The run's folder cannot be read: {reason}", reason=problem.strerror or problem) from problem
    return found


def read(path: Path, table: Table) -> dict[str, Any]:
    """The object in a JSON file of a run.

    Raises:
        RunError: the file is missing or damaged, or a field is; it says which.
    """
    try:
        with open_plain(path) as file:
            content = file.read(MOST_JSON_BYTES + 1)
    except FileNotFoundError as problem:
        if path.is_symlink():
            raise _no_file(path.name) from problem
        raise RunError("The run's {file} is missing.", file=path.name) from problem
    except PermissionError as problem:
        raise RunError("The run's {file} cannot be read: change its rights.", file=path.name) from problem
    except (OSError, ValueError) as problem:
        raise _no_file(path.name) from problem
    try:
        value = parse_json(content) if len(content) <= MOST_JSON_BYTES else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise RunError("The run's {file} is damaged: it holds no object in JSON.", file=path.name)
    if fields := wrong(value, table):
        raise damaged_fields(path.name, fields)
    return value


def read_if_whole(path: Path, table: Table) -> dict[str, Any]:
    """The object in a JSON file of a run, or an empty one where it is missing or damaged."""
    try:
        return read(path, table)
    except RunError:
        return {}


def damaged_fields(file: str, fields: Iterable[str]) -> RunError:
    """The sentence for fields that are missing or hold what they must not."""
    return RunError(
        "The run's {file} is damaged. Missing or of the wrong kind: {fields}.", file=file, fields=", ".join(fields)
    )


def _no_file(name: str) -> RunError:
    return RunError("The run's {file} is no plain file, but a folder, a link to nothing or the like.", file=name)


def printable(name: str) -> str:
    """A file's name as text that can be shown, sent and printed: what is no text in it is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def plain(name: str) -> str:
    """What of a name any system takes for a file's, and every program prints."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:64] or "run"


def check_name(name: str) -> None:
    """Makes sure that the name of a run's folder can be shown, and stand in the names of other files.

    Raises:
        RunError: it is not; suggests another.
    """
    if printable(name) != name or len(name.encode()) > _MOST_NAME_BYTES:
        raise RunError(
            "The name of the run's folder is too long, or not all of it is text: rename the folder, to {name} for example.",
            name=plain(name),
        )

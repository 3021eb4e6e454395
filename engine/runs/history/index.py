"""What was read of a long file of events, kept beside it, so that no other process has to read all of it again.

`events.index` holds what a `Follower` made of the first so many bytes, and their SHA-256: it counts only where they are
still the same to the bit, and was made by the same code. Whoever deletes it costs the next reader a second or two.
"""

import contextlib
import functools
import hashlib
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.core import fields
from engine.core.errors import EngineError
from engine.core.files import open_plain, parse_json, write_bytes
from engine.core.strict_json import dumps
from engine.runs.history import events
from engine.runs.history.blocks import Placed

NAME = "events.index"
EVERY_BYTES = 16_000_000  # of events that are not in it yet: half a day of a report a second
_MOST_BYTES = 64_000_000  # of an index; one of two weeks has two
_MOST_HEADER_BYTES = 32_000_000
_HASHED_BYTES = 1 << 20
_SOURCES = (*Path(__file__).parent.glob("*.py"), Path(fields.__file__))


@dataclass
class Read:
    """What the first bytes of a file of events say.

    Attributes:
        offset: how many bytes. digest: of them, SHA-256, to be gone on with.
        columns: of `series.Series`, each float64 (reports,). next_number, thinned: its own.
        placed, snapshots_left_out, damaged, unknown: as `follower.History` has them.
    """

    offset: int
    digest: Any  # hashlib's type has no public name
    columns: dict[str, np.ndarray]
    next_number: int
    thinned: bool
    placed: list[Placed] = field(default_factory=list)
    snapshots_left_out: bool = False
    damaged: int = 0
    unknown: Counter[str] = field(default_factory=Counter)


@functools.cache
def _code() -> str:
    """The code that decides what a line says: what another has made of it may be another thing."""
    digest = hashlib.sha256()
    for source in sorted(_SOURCES):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def write(path: Path, read: Read) -> None:
    """Puts what was read of the events at `path` beside them, where that can be: nothing depends on it."""
    names = list(read.columns)
    header = {
        "code": _code(),
        "bytes": read.offset,
        "sha256": read.digest.hexdigest(),
        "reports": len(read.columns[names[0]]),
        "columns": names,
        "next_number": read.next_number,
        "thinned": read.thinned,
        "snapshots_left_out": read.snapshots_left_out,
        "damaged": read.damaged,
        "unknown": read.unknown,
        "placed": [(placed.event, placed.offset, placed.length) for placed in read.placed],
    }
    columns = (np.ascontiguousarray(read.columns[name], "<f8").tobytes() for name in names)
    content = b"".join([dumps(header).encode(), b"\n", *columns])
    if len(content) <= _MOST_BYTES:
        with contextlib.suppress(EngineError, OSError):  # no rights, no room, or the run is gone
            write_bytes(path.with_name(NAME), content, durable=False)


def load(path: Path, columns: tuple[str, ...]) -> Read | None:
    """What was read of the events at `path`; None where nothing is kept, it is damaged, or they are others by now.

    Args:
        columns: that it must have.
    """
    try:
        with open_plain(path.with_name(NAME)) as file:
            header = parse_json(file.readline(_MOST_HEADER_BYTES))
            numbers = np.frombuffer(file.read(_MOST_BYTES), "<f8").astype(float)
        if not _is_whole(header, numbers, columns):
            return None
        if os.path.getsize(path) < header["bytes"]:
            return None
        digest = _digest(path, header["bytes"])
    except (OSError, ValueError):
        return None
    if digest.hexdigest() != header["sha256"]:
        return None
    found = dict(zip(columns, numbers.reshape(len(columns), -1), strict=True))
    return Read(
        header["bytes"],
        digest,
        found,
        header["next_number"],
        header["thinned"],
        [Placed(*placed) for placed in header["placed"]],
        header["snapshots_left_out"],
        header["damaged"],
        Counter(header["unknown"]),
    )


def _digest(path: Path, length: int) -> Any:
    """SHA-256 of the first bytes of a file; of fewer where it has no more."""
    digest = hashlib.sha256()
    with open_plain(path) as file:
        while length and (block := file.read(min(length, _HASHED_BYTES))):
            digest.update(block)
            length -= len(block)
    return digest


_HEADER = fields.needed(
    bytes=fields.positive,
    sha256=fields.text,
    reports=fields.count,
    next_number=fields.count,
    thinned=fields.boolean,
    snapshots_left_out=fields.boolean,
    damaged=fields.count,
    unknown=lambda value: isinstance(value, dict) and all(map(fields.positive, value.values())),
    placed=lambda value: isinstance(value, list) and all(map(_is_placed, value)),
)


def _is_placed(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and events.fits_without_large(value[0])
        and all(map(fields.count, value[1:]))
    )


def _is_whole(header: Any, numbers: np.ndarray, columns: tuple[str, ...]) -> bool:
    """Whether an index is one that this code has made, to its end, with values as `events.read` lets them pass."""
    if not isinstance(header, dict) or header.get("code") != _code() or header.get("columns") != list(columns):
        return False
    if fields.wrong(header, _HEADER) or len(numbers) != header["reports"] * len(columns):
        return False
    by_name = dict(zip(columns, numbers.reshape(len(columns), -1), strict=True))
    step, times = by_name["step"], by_name["time"]
    return bool(
        not (np.abs(numbers) > fields.MOST_NUMBER).any()
        and ((step >= 1) & (step <= fields.MOST_STEP)).all()
        and not ((times < 0) | (times > fields.LAST_TIME)).any()
        and (np.diff(by_name["number"]) > 0).all()
        and (by_name["number"] < header["next_number"]).all()
    )

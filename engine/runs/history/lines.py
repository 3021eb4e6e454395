"""The file of events, line by line: written by who trains, read from any place on by everybody."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.core import strict_json
from engine.core.files import open_plain, storage_errors
from engine.runs.history import events
from engine.runs.history.events import Unread

_BLOCK_BYTES = 1 << 20
_TAIL_BYTES = 1 << 16


def append(path: Path, kind: str, fields: dict[str, Any]) -> None:
    """Adds one line, all of it or nothing.

    Raises:
        GoneError: the folder was deleted. StorageError: no rights or no space.
    """
    line = strict_json.dumps({"kind": kind, "time": round(time.time(), 3), **fields}, ensure_ascii=False) + "\n"
    with storage_errors(path.parent):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)  # Windows would write \r\n
        descriptor = os.open(path, flags, 0o644)
        former, left = os.fstat(descriptor).st_size, line.encode()
        try:
            while left:  # a disk that fills takes a part
                left = left[os.write(descriptor, left) :]
        except OSError:
            os.ftruncate(descriptor, former)
            raise
        finally:
            os.close(descriptor)


def cut_torn(path: Path) -> None:
    """Drops a last line that a crash left unfinished."""
    if not path.exists():
        return
    with open(path, "rb") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _TAIL_BYTES)
            file.seek(start)
            if found := file.read(end - start).rfind(b"\n") + 1:
                end = start + found
                break
            end = start
    if end < size:
        os.truncate(path, end)


def read(path: Path, offset: int = 0, most_bytes: int = _BLOCK_BYTES) -> bytes:
    """About so many bytes of whole lines from byte `offset` on, one line at least; nothing where there are none."""
    try:
        with open_plain(path) as file:
            file.seek(offset)
            content = file.read(most_bytes)
            if b"\n" not in content:
                content += file.readline()
    except OSError:
        return b""
    return content[: content.rfind(b"\n") + 1]


def line(path: Path, offset: int, length: int) -> bytes:
    """The bytes that stand there; fewer where the file is shorter, none where it cannot be read."""
    try:
        with open_plain(path) as file:
            file.seek(offset)
            return file.read(length)
    except OSError:
        return b""


def all_events(path: Path, *kinds: str) -> list[dict[str, Any]]:
    """Every event of a run in order and complete, those of `kinds` or all, without those that it replaced when it went on.

    It reads the whole file and holds all that it finds: for a trainer, and for what is done once. Pages ask
    `engine.runs.history.shared`.
    """
    found: list[dict[str, Any]] = []
    for event in _events(path, leave_steps_out=bool(kinds) and "step" not in kinds):
        if event["kind"] == "resume":
            found = [e for e in found if not events.is_replaced(e, event["step"])]
        if not kinds or event["kind"] in kinds:
            found.append(event)
    return found


def _is_step(content: bytes) -> bool:
    """Whether a line can be nothing but a report of a step, as nearly all of a long run are: told without parsing it."""
    return content.startswith(events.STEP_BEGINS) and content.count(b'"kind"') == 1 and b"\\" not in content


def _events(path: Path, leave_steps_out: bool) -> Iterator[dict[str, Any]]:
    offset = 0
    while block := read(path, offset):
        offset += len(block)
        for content in block.split(b"\n"):
            if leave_steps_out and _is_step(content):
                continue
            if content and not isinstance(event := events.read(content), Unread):
                yield event

"""Reading a source in a process of its own, with limits of memory and of silence.

What comes back is data; a parser that crashes, hangs or eats memory takes nothing down but its own process.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from engine.articles.member import shown
from engine.articles.options import Options
from engine.core import frames, paths
from engine.core.errors import ArticlesError
from engine.core.limits import Watchdog

MEMORY_BYTES = 450 << 20  # resident, watched from here
HARD_MEMORY_BYTES = 900 << 20  # of data, set in the child where the system has such a limit
SILENT_SECONDS = 10.0
START_SECONDS = 60.0  # until the process has imported what it reads with
_BUFFERED_BYTES = 8 << 20


class ReadingEnded(ArticlesError):
    """The reading process ended before the source did: by its memory, its silence or a crash.

    What came of it before is good, and reading may go on from there.
    """


@dataclass(frozen=True)
class Preview:
    """What a source is, before it is imported.

    Attributes:
        forms: files of each form. splits: those that have files. size: bytes, unpacked.
        columns, rows: of the first table, its first rows; empty where there is none. table: that file's name.
        table_read: whether it gives an article as it would be read.
        refused: files that are not read, with the reason.
        likely: the columns to offer first. text_unit: what one article is in plain text.
        articles: the first ones as they would be read, one of each file where there are several: file, id, text,
            left_out. problem: the first thing that was wrong on the way to them. files: how many there are for training.
        remarks: how files were read that a person should know of.
    """

    forms: dict[str, int]
    splits: list[str]
    size: int
    columns: list[str]
    rows: list[list[str]]
    refused: list[ArticlesError] = field(default_factory=list)
    likely: Options = field(default_factory=Options)
    text_unit: str = ""
    articles: list[dict[str, Any]] = field(default_factory=list)
    problem: ArticlesError | None = None
    table: str = ""
    table_read: bool = False
    files: int = 1
    remarks: list[ArticlesError] = field(default_factory=list)


class Reading:
    """The messages of a reading process, as an iterator; used as a context, which ends the process.

    A thread takes messages from the pipe into a small buffer, so that reading goes on while the caller works, and
    watches the process.

    Raises while iterating:
        ArticlesError: the source cannot be read. ReadingEnded: reading it broke a limit.
    """

    def __init__(
        self,
        path: Path | str,
        options: Options | None = None,
        start: dict[str, Any] | None = None,
        limit: int = 0,
        action: str = "read",
    ) -> None:
        self._path, self._member = Path(path), ""
        request = {
            "action": action,
            "path": str(path),
            "options": (options or Options()).to_json(),
            "from": start or {},
            "limit": limit,
            "memory_bytes": HARD_MEMORY_BYTES,
        }
        python_path = os.pathsep.join([str(paths.PROJECT), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine.articles.child", json.dumps(request)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=paths.PROJECT,
            # Arrow's own allocators reserve address space that looks like use.
            env={**os.environ, "PYTHONPATH": python_path, "ARROW_DEFAULT_MEMORY_POOL": "system"},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._messages: deque[tuple[dict[str, Any], bytes]] = deque()
        self._buffered, self._ended, self._closed, self._started = 0, False, False, False
        self._heard = time.monotonic()
        self._changed = threading.Condition()
        self._complaint = b""
        for work in (self._pump, self._listen_to_errors):
            threading.Thread(target=work, daemon=True).start()
        self._watchdog = Watchdog(self._process, MEMORY_BYTES, SILENT_SECONDS, self._silence)

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._process.kill()
        self._process.wait()

    def __iter__(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        while True:
            with self._changed:
                while not self._messages and not self._ended:
                    self._changed.wait()
                if not self._messages:
                    break
                header, body = self._messages.popleft()
                self._buffered -= len(body) + 512
                self._changed.notify_all()
            if header["kind"] == "error":
                raise ArticlesError.from_json(header)
            yield header, body
            if header["kind"] in ("end", "preview", "counts"):
                return
        self._raise_why_it_ended()

    def _raise_why_it_ended(self) -> None:
        code = self._process.wait()
        name = self._member or shown(self._path.name)
        detail = self._complaint.decode("utf-8", "replace").strip().splitlines()[-1:] or [""]
        if self._watchdog.killed == "memory" or "MemoryError" in detail[0]:
            raise ReadingEnded(
                "{path} needs more than {limit} MB of memory to be read: it is damaged, or made to do so.",
                path=name,
                limit=MEMORY_BYTES >> 20,
            )
        if self._watchdog.killed == "silence":
            raise ReadingEnded(
                "Reading {path} stood still for {seconds} seconds and was given up.",
                path=name,
                seconds=round(SILENT_SECONDS),
            )
        raise ReadingEnded(
            "Reading {path} failed (exit code {code}): the file is damaged. {detail}",
            path=name,
            code=code,
            detail=detail[0][:300],
        )

    def _pump(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream, contextlib.suppress(OSError, ValueError):
            while message := frames.read(cast(BinaryIO, stream)):
                with self._changed:
                    self._heard = time.monotonic()
                    if message[0]["kind"] == "started":
                        self._started = True
                        continue
                    if message[0]["kind"] == "member":
                        self._member = message[0]["name"]
                        continue
                    self._messages.append(message)
                    self._buffered += len(message[1]) + 512
                    self._changed.notify_all()
                    while self._buffered > _BUFFERED_BYTES and not self._closed:
                        self._changed.wait()
                    self._heard = time.monotonic()
        self._process.wait()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _listen_to_errors(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with stream, contextlib.suppress(OSError, ValueError):
            while block := stream.read(4096):
                self._complaint = (self._complaint + block)[-4096:]

    def _silence(self) -> float:
        """Seconds since the last message; a reader who does not keep up is no silence, nor is the start of the process on
        a machine with much to do, as long as it takes no longer than `START_SECONDS`."""
        with self._changed:
            if self._buffered > _BUFFERED_BYTES:
                return 0.0
            return time.monotonic() - self._heard - (0.0 if self._started else START_SECONDS - SILENT_SECONDS)


def preview(path: Path | str, options: Options | None = None) -> Preview:
    """What a source is, looked at in a process of its own.

    Raises:
        ArticlesError: it cannot be read.
    """
    with Reading(path, options, action="preview") as reading:
        for header, _ in reading:
            if header["kind"] != "preview":
                continue
            names = (
                *("forms", "splits", "size", "files", "columns", "rows", "table", "table_read"),
                *("text_unit", "articles"),
            )
            return Preview(
                **{name: header[name] for name in names},
                likely=Options(**header["likely"]),
                problem=ArticlesError.from_json(header["problem"]) if header["problem"] else None,
                remarks=[ArticlesError.from_json(item) for item in header["remarks"]],
                refused=[ArticlesError.from_json(item) for item in header["refused"]],
            )
    raise ArticlesError("{path} holds no file that could be articles.", path=path)


def count(path: Path | str, options: Options | None = None) -> dict[str, int]:
    """How many articles each split of a source holds, counted in a process of its own.

    Raises:
        ArticlesError: it cannot be read.
    """
    with Reading(path, options, action="count") as reading:
        for header, _ in reading:
            if header["kind"] == "counts":
                return header["counts"]
    return {}

"""A file of events that grows, read forward once for all who ask, in memory that does not grow with it."""

import hashlib
import itertools
import math
import os
import sys
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.runs.history import blocks, events, index, lines
from engine.runs.history.blocks import Block, Placed
from engine.runs.history.events import VALIDATION, Evaluation, Result, Unread
from engine.runs.history.series import COLUMNS, MOST, Series

BLOCK_BYTES = 1 << 19  # read at a time; more takes memory that is not given back
_TAIL_BYTES = 256
_COMPARED_WHOLE_BYTES = 1 << 20  # a file with more in it is told from another by its number and what was read last
_MOST_MEASURED_BYTES = 6_000_000  # of what was measured at intervals, about; above, moments are left out
_MOST_OF_A_KIND = 1_000  # of other events the newest stay; a long one counts as several
_LONG_BYTES = 4_096
_EVENT_BYTES = 1_200  # an evaluation as a dictionary
_MOST_LARGE_BYTES = 4_000_000  # of events read again in full
_MOST_UNKNOWN_KINDS = 20
_PARSED_AT_ONCE = 2  # blocks
_MUCH_BYTES = 64_000_000  # above, twice as much at a time: a tenth less work, and five megabytes more
_versions = itertools.count(1)


@dataclass(frozen=True)
class History:
    """What a run has reported. Shared by all who read it: nobody changes what is in it.

    Attributes:
        steps: STEP_FIELDS, each float64 (reports,), NaN where a report lacks it; thinned where they are many
            (`series.Series`), the newest as they are.
        placed: all other events in order, without what is large in them.
        snapshots_left_out: whether the run measured itself so often that some of them between the first and the last are
            not in it.
        version: another number for another content, in this process.
        damaged: lines that hold no event. unknown: how many events there are of each kind that is not known here.
    """

    steps: dict[str, np.ndarray]
    placed: tuple[Placed, ...] = ()
    version: int = 0
    snapshots_left_out: bool = False
    damaged: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    _follower: "Follower | None" = field(default=None, repr=False, compare=False)

    def events(self, *kinds: str) -> list[Any]:
        """The events but those of steps, those of `kinds` or all, without what is large in them."""
        return [p.event for p in self.placed if not kinds or p.event["kind"] in kinds]

    def at_intervals(self, split: str = VALIDATION) -> list[Evaluation]:
        """The evaluations on the fixed part of a split, which a trainer makes at each interval."""
        return events.at_intervals(self.events("evaluation"), split)

    def on_whole_splits(self) -> dict[tuple[str, str], Evaluation]:
        """The last evaluations on whole splits: (model, split) → figures; model is "run", "base" or "parent"."""
        return {(e["model"], e["split"]): e for e in self.events("evaluation") if e["whole"]}

    def result(self) -> Result | None:
        """What the run ended with; None before its end, and of one that has gone on since."""
        last = self.events("result", "resume")[-1:]
        return last[0] if last and last[0]["kind"] == "result" else None

    def on_validation(self) -> tuple[list[Any], list[Any]]:
        """The base's evaluations on the fixed part of validation, and the run's from where it started: from its parent's,
        or the base's where it has none."""
        points = self.at_intervals()
        base = [event for event in points if event["model"] == "base"]
        own = [event for event in points if event["model"] != "base"]
        if not any(event["model"] == "parent" for event in own):
            own = base[:1] + own
        return base, own

    def every_step(self) -> dict[str, np.ndarray]:
        """`steps` with all reports, of a long run read anew: for what is done once, since it takes memory and time."""
        return self._follower.every_step() if self._follower else self.steps

    def complete(self, placed: Iterable[Placed]) -> list[Any]:
        """The events with all that is in them, read where they stand; those that are not there any more left out."""
        found = (self._follower.complete(one) for one in placed) if self._follower else ()
        return [event for event in found if event is not None]


class Follower:
    """One file of events. `history` may be called by many threads: one reads, the others wait for what it has read."""

    def __init__(self, path: Path, most_reports: float = MOST) -> None:
        self._path, self._most_reports = path, most_reports
        self._lock, self._large_lock = threading.Lock(), threading.Lock()
        self._seen: tuple[int, ...] | None = None  # the file as it was last looked at
        self._large: OrderedDict[tuple[int, int, int], Any] = OrderedDict()  # by file, offset and length
        self._large_bytes = 0
        self._begin()

    def _begin(self) -> None:
        self._offset, self._tail = 0, b""
        self._digest, self._indexed = hashlib.sha256(), 0  # of what was read; how much of it `index` keeps
        self._file: tuple[int, int] | None = None
        self._files_read = next(_versions)  # what was kept of a file that is another by now is not found any more
        self._series = Series(self._most_reports)
        self._placed: list[Placed] = []
        self._measured_bytes, self._snapshots_left_out = 0, False
        self._counts: Counter[str] = Counter()
        self._damaged, self._unknown = 0, Counter[str]()
        self._history: History | None = None

    def history(self) -> History:
        """What all whole lines of the file say now."""
        with self._lock:
            try:
                found = os.stat(self._path)
            except OSError:
                if self._seen is not None:
                    self._begin()
                self._seen = None
                return self._published()
            seen = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            if seen != self._seen or self._history is None:
                if not self._has_only_grown(found):
                    self._begin()
                self._file = (found.st_dev, found.st_ino)
                try:
                    if not self._offset and found.st_size >= index.EVERY_BYTES:
                        self._go_on_from_index()
                    for block in self._blocks(found.st_size):
                        self._take(block)
                except BaseException:
                    self._begin()  # a part of it may be there and a part not
                    raise
                self._seen = seen
                if self._offset - self._indexed >= index.EVERY_BYTES:
                    self._write_index()
            return self._published()

    @property
    def size_bytes(self) -> int:
        """About how much memory it holds."""
        return 10 * 8 * self._series.rows + _EVENT_BYTES * len(self._placed) + self._large_bytes

    def every_step(self) -> dict[str, np.ndarray]:
        """All reports of steps as they stand now, whether they are kept thinned or not."""
        whole = Follower(self._path, math.inf) if self._series.thinned else self
        return whole.history().steps

    def complete(self, placed: Placed) -> Any:
        """An event with all that is in it; None where another file stands there by now."""
        if not events.KINDS[placed.event["kind"]].large:
            return placed.event
        key = (self._files_read, placed.offset, placed.length)
        with self._large_lock:
            if key in self._large and events.small(self._large[key]) == placed.event:
                self._large.move_to_end(key)
                return self._large[key]
        found = events.read(lines.line(self._path, placed.offset, placed.length))
        if isinstance(found, Unread) or events.small(found) != placed.event:
            return None
        with self._large_lock:
            if key not in self._large:
                self._large_bytes += placed.length
            self._large[key] = found
            while self._large_bytes > _MOST_LARGE_BYTES and len(self._large) > 1:
                (_file, _offset, length), _event = self._large.popitem(last=False)
                self._large_bytes -= length
        return found

    def _go_on_from_index(self) -> None:
        """Takes what another process has read of the file, where that is kept and still true."""
        if self._most_reports != MOST or (kept := index.load(self._path, COLUMNS)) is None:
            return
        self._offset = self._indexed = kept.offset
        self._digest = kept.digest
        self._tail = lines.line(self._path, max(0, kept.offset - _TAIL_BYTES), min(kept.offset, _TAIL_BYTES))
        self._series.go_on(kept.columns, kept.next_number, kept.thinned)
        self._set(kept.placed)
        self._snapshots_left_out = kept.snapshots_left_out
        self._damaged, self._unknown = kept.damaged, kept.unknown

    def _write_index(self) -> None:
        if self._most_reports != MOST:
            return
        columns, next_number = self._series.kept()
        state = (self._placed, self._snapshots_left_out, self._damaged, self._unknown)
        index.write(
            self._path, index.Read(self._offset, self._digest, columns, next_number, self._series.thinned, *state)
        )
        self._indexed = self._offset

    def _has_only_grown(self, found: os.stat_result) -> bool:
        """Whether the file is the one that was read, with more behind; not another, a shorter one, or one edited."""
        if self._file != (found.st_dev, found.st_ino):
            return False
        if self._seen is not None and self._seen[2] == found.st_size == self._offset:  # touched, and nothing came
            return False
        if self._offset <= _COMPARED_WHOLE_BYTES:  # another file may have the former one's number, and its end
            read = hashlib.sha256(lines.line(self._path, 0, self._offset))
            return read.digest() == self._digest.digest()
        return self._tail == lines.line(self._path, self._offset - len(self._tail), len(self._tail))

    def _blocks(self, size: int) -> Iterator[Block]:
        """What was added, parsed; of much that was added two blocks at once, which Arrow does side by side."""
        new = size - self._offset
        if new <= 2 * BLOCK_BYTES:
            while content := self._next_lines(BLOCK_BYTES):
                yield blocks.parse(content, self._offset - len(content))
            return
        with ThreadPoolExecutor(_PARSED_AT_ONCE) as pool:
            waiting = []
            while content := self._next_lines(BLOCK_BYTES * (2 if new > _MUCH_BYTES else 1)):
                waiting.append(pool.submit(blocks.parse, content, self._offset - len(content)))
                if len(waiting) > _PARSED_AT_ONCE:
                    yield waiting.pop(0).result()
            for one in waiting:
                yield one.result()

    def _next_lines(self, most_bytes: int) -> bytes:
        content = lines.read(self._path, self._offset, most_bytes)
        if content:
            self._offset += len(content)
            self._digest.update(content)
            self._tail = content[-_TAIL_BYTES:]
        return content

    def _take(self, block: Block) -> None:
        """Adds what a block holds; what a run that goes on replaces goes (`events.is_replaced`)."""
        self._history = None
        self._damaged += block.damaged
        self._unknown += block.unknown
        for kind in list(self._unknown)[_MOST_UNKNOWN_KINDS:]:
            self._unknown["…"] += self._unknown.pop(kind) if kind != "…" else 0
        taken = 0
        for line, placed in block.others:
            if placed.event["kind"] == "resume":
                before = int(np.searchsorted(block.lines, line))
                self._series.add({name: column[taken:before] for name, column in block.steps.items()})
                taken = before
                self._cut(placed.event["step"])
            self._place(placed)
        self._series.add({name: column[taken:] for name, column in block.steps.items()})
        if self._measured_bytes > _MOST_MEASURED_BYTES:
            self._thin_measured()
        for kind, count in self._counts.items():
            if count > 2 * _MOST_OF_A_KIND:
                self._keep_newest(kind)

    def _place(self, placed: Placed) -> None:
        event = placed.event
        if "prompt" in event:  # the same at each interval
            event["prompt"] = sys.intern(event["prompt"])
        self._placed.append(placed)
        if events.is_measured(event):
            self._measured_bytes += _bytes_of(event)
        else:
            self._counts[event["kind"]] += _weight(placed)

    def _cut(self, step: int) -> None:
        self._series.cut(step)
        self._set([placed for placed in self._placed if not events.is_replaced(placed.event, step)])

    def _set(self, placed: list[Placed]) -> None:
        self._placed, self._measured_bytes = [], 0
        self._counts = Counter()
        for one in placed:
            self._place(one)

    def _keep_newest(self, kind: str) -> None:
        newest: list[Placed] = []
        weight = 0
        for placed in reversed(self._placed):
            if (
                placed.event["kind"] != kind
                or events.is_measured(placed.event)
                or (weight := weight + _weight(placed)) <= _MOST_OF_A_KIND
            ):
                newest.append(placed)
        self._set(newest[::-1])

    def _thin_measured(self) -> None:
        """Leaves out every second moment at which something was measured, but for the first, the best and the last."""
        while self._measured_bytes > _MOST_MEASURED_BYTES:
            self._snapshots_left_out = True
            measured = [placed.event for placed in self._placed if events.is_measured(placed.event)]
            found = sorted({event["step"] for event in measured})
            own = [e for e in events.at_intervals(measured) if e["model"] == "run"]
            best = {min(own, key=lambda event: event["loss"])["step"]} if own else set()
            gone = set(found[1:-1:2]) - best
            if not gone:  # all at a few moments, which no trainer writes
                half = [p for p in self._placed if events.is_measured(p.event)]
                left_out = set(map(id, half[: len(half) // 2]))
                self._set([placed for placed in self._placed if id(placed) not in left_out])
            else:
                self._set([p for p in self._placed if not (events.is_measured(p.event) and p.event["step"] in gone)])

    def _published(self) -> History:
        if self._history is None:
            self._history = History(
                self._series.given(),
                tuple(self._placed),
                next(_versions),
                self._snapshots_left_out,
                self._damaged,
                dict(self._unknown),
                self,
            )
        return self._history


def _bytes_of(event: Any) -> int:
    return _EVENT_BYTES + len(event.get("prompt", ""))  # counted each time, though it is held once


def _weight(placed: Placed) -> int:
    return 1 + placed.length // _LONG_BYTES

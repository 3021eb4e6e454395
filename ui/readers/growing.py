"""Files of events that grow, read forward once for all sessions: whoever asks gets what was read so far, and the rest is read.

Thirty viewers of a run cost one read of what came since the last look, whatever the run's length. A file above
MOST_BYTES is kept thinned, in bounded memory.
"""

import itertools
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.files import open_plain
from engine.runs.folder import read_lines
from ui.readers import records
from ui.readers.records import STEP_FIELDS, Record

MOST_BYTES = 100_000_000  # of a file whose reports are all kept: 400,000 reports and 30 MB of memory
_READ_BYTES = 1 << 20  # at a time; more takes memory that is not given back
_STRETCHES = 500  # of `Record.drawn`
_MOST_DRAWN = 10_000  # reports; above, they are thinned
_MOST_MOMENT_BYTES = 16_000_000  # of evaluations, samples and passages of a file that is thinned
_KEPT_ROWS = 1_500_000  # of all files together, 110 MB; the longest unused go first
_TAIL_BYTES = 256
_NUMBER = "number"  # of a report in the file, where not all are kept
_MOMENTS = ("evaluation", "sample", "passage", "checkpoint")
_version = itertools.count(1)


class Reports:
    """Reports of steps as columns that grow; what has been given away is never changed."""

    def __init__(self, *names: str) -> None:
        self.rows = 0
        self._columns = {name: np.empty(0) for name in names}

    def given(self) -> dict[str, np.ndarray]:
        """The columns as they stand, read-only."""
        views = {name: column[: self.rows] for name, column in self._columns.items()}
        for view in views.values():
            view.setflags(write=False)
        return views

    def add(self, columns: dict[str, np.ndarray]) -> None:
        """Appends reports."""
        needed = self.rows + len(columns["step"])
        if needed > len(self._columns["step"]):
            room = max(needed, int(1.25 * self.rows), 64)
            self._replace({name: column[: self.rows] for name, column in self._columns.items()}, room)
        for name, column in self._columns.items():
            column[self.rows : needed] = columns[name]
        self.rows = needed

    def keep(self, kept: np.ndarray) -> None:
        """Drops all but the reports at those places, or under that mask."""
        columns = {name: column[: self.rows][kept] for name, column in self._columns.items()}
        self.rows = len(columns["step"])
        self._replace(columns, self.rows)

    def _replace(self, columns: dict[str, np.ndarray], room: int) -> None:
        fresh = {}
        for name, column in columns.items():
            fresh[name] = np.empty(room)
            fresh[name][: len(column)] = column
        self._columns = fresh


class Thinned:
    """Reports of which enough are kept to draw them: of each stretch those in which a field is smallest or largest.

    A stretch is so many reports of the file as a power of two says; it doubles as the file grows, so that two stretches
    become one and none of their extremes is lost, and all parts of the run are kept alike.
    """

    def __init__(self) -> None:
        self._reports = Reports(*STEP_FIELDS, _NUMBER)
        self._next = 0  # the number of the next report

    @property
    def rows(self) -> int:
        """How many reports are kept."""
        return self._reports.rows

    def given(self) -> dict[str, np.ndarray]:
        """The columns as they stand, read-only."""
        found = self._reports.given()
        return {name: found[name] for name in STEP_FIELDS}

    def add(self, columns: dict[str, np.ndarray]) -> None:
        """Appends reports."""
        rows = len(columns["step"])
        self._reports.add({**columns, _NUMBER: np.arange(self._next, self._next + rows)})
        self._next += rows
        if self.rows > _MOST_DRAWN:
            length = 1 << max(0, -(-self._next // _STRETCHES) - 1).bit_length()
            found = self._reports.given()
            self._reports.keep(extremes(found, found[_NUMBER].astype(int) // length))

    def cut(self, step: float) -> None:
        """Drops what was reported behind a step."""
        self._reports.keep(self._reports.given()["step"] <= step)
        self._next = int(self._reports.given()[_NUMBER][-1]) + 1 if self.rows else 0


def extremes(columns: dict[str, np.ndarray], stretches: np.ndarray) -> np.ndarray:
    """The places of the reports in which, of each stretch, a field is smallest or largest, and of the first and last.

    Args:
        stretches: int (reports,), the stretch that each belongs to, ascending.
    """
    if not len(stretches):
        return np.empty(0, int)
    starts = np.flatnonzero(np.diff(stretches, prepend=stretches[0] - 1))
    lengths = np.diff(starts, append=len(stretches))
    kept = [starts, starts + lengths - 1]
    for name in columns:
        for extreme, nothing in ((np.minimum, np.inf), (np.maximum, -np.inf)):
            filled = np.where(np.isnan(columns[name]), nothing, columns[name])
            there = np.flatnonzero(filled == np.repeat(extreme.reduceat(filled, starts), lengths))
            kept.append(there[np.unique(stretches[there], return_index=True)[1]])  # the first of equal ones
    return np.unique(np.concatenate(kept))


class Growing:
    """One file of events. `record` may be called by many threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = None  # the file as it was last looked at
        self._begin()

    def _begin(self) -> None:
        self._offset, self._tail, self._size = 0, b"", 0
        self._file: tuple[int, int] | None = None
        self._every, self._drawn = Reports(*STEP_FIELDS), Thinned()
        self._others: list[tuple[dict[str, Any], int]] = []  # each with the length of its line
        self._damaged, self._moment_bytes = 0, 0
        self._record: Record | None = None

    def record(self) -> Record:
        """The record of all whole lines of the file now."""
        with self._lock:
            try:
                found = os.stat(self._path)
            except OSError:
                if self._seen is not None:
                    self._begin()
                self._seen = None
                return self._published()
            seen = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
            if seen != self._seen or self._record is None:
                if not self._goes_on(found):
                    self._begin()
                self._file, self._size = (found.st_dev, found.st_ino), found.st_size
                while lines := read_lines(self._path, self._offset, _READ_BYTES):
                    self._take(lines)
                self._seen = seen
            return self._published()

    @property
    def rows(self) -> int:
        """How many reports are kept in memory."""
        return self._every.rows + self._drawn.rows

    def _goes_on(self, found: os.stat_result) -> bool:
        """Whether the file is the one that was read, with more behind; not another, a shorter one, or one edited."""
        if self._file != (found.st_dev, found.st_ino) or found.st_size < self._offset:
            return False
        if self._seen is not None and self._seen[2] == found.st_size == self._offset:  # touched, and nothing came
            return False
        if not self._offset:
            return True
        try:
            with open_plain(self._path) as file:
                file.seek(self._offset - len(self._tail))
                return file.read(len(self._tail)) == self._tail
        except OSError:
            return False

    @property
    def _thinned(self) -> bool:
        return max(self._offset, self._size) > MOST_BYTES

    def _take(self, content: bytes) -> None:
        """Adds whole lines. What a resumed run reports again replaces what it had reported before it was cut off, as in
        `Run.events`."""
        lines = content.split(b"\n")[:-1]
        self._offset += len(content)
        self._tail = content[-_TAIL_BYTES:]
        steps, places, others = records.parsed(lines)
        self._damaged += sum(map(bool, lines)) - len(places) - len(others)
        taken = 0
        for place, event in others:
            if event["kind"] == "resume":
                before = int(np.searchsorted(places, place))
                self._add({name: column[taken:before] for name, column in steps.items()})
                taken = before
                self._cut(event["step"])
            if event["kind"] in _MOMENTS:
                self._moment_bytes += len(lines[place])
            self._others.append((event, len(lines[place])))
        self._add({name: column[taken:] for name, column in steps.items()})
        if self._thinned:
            self._every = Reports(*STEP_FIELDS)
            if self._moment_bytes > _MOST_MOMENT_BYTES:
                self._thin_moments()
        self._record = None

    def _add(self, columns: dict[str, np.ndarray]) -> None:
        if not self._thinned:
            self._every.add(columns)
        self._drawn.add(columns)

    def _cut(self, step: float) -> None:
        """Drops what was reported behind a step, -1 where the run begins anew."""
        if not self._thinned:
            self._every.keep(self._every.given()["step"] <= step)
            self._drawn = Thinned()
            self._drawn.add(self._every.given())
        else:
            self._drawn.cut(step)
        self._others = [(event, size) for event, size in self._others if event.get("step", -1) <= step]

    def _thin_moments(self) -> None:
        """Leaves out every second step at which something was measured, but for the first and the last."""
        own = [e for e, _size in self._others if e["kind"] in _MOMENTS and not e.get("whole")]
        steps = sorted({e.get("step", 0) for e in own})
        left_out = set(steps[1:-1:2])
        self._others = [
            (e, size)
            for e, size in self._others
            if e["kind"] not in _MOMENTS or e.get("whole") or e.get("step", 0) not in left_out
        ]
        self._moment_bytes = sum(size for e, size in self._others if e["kind"] in _MOMENTS)

    def _published(self) -> Record:
        if self._record is None:
            drawn = self._drawn.given()
            self._record = Record(
                steps=drawn if self._thinned else self._every.given(),
                drawn=drawn,
                others=[event for event, _size in self._others],
                version=next(_version),
                thinned_bytes=self._offset if self._thinned else 0,
                damaged=self._damaged,
            )
        return self._record


_files: OrderedDict[Path, Growing] = OrderedDict()
_files_lock = threading.Lock()


def record(path: Path) -> Record:
    """The record of an events file, read on from where anybody in this process has read it; empty where there is none."""
    with _files_lock:
        growing = _files.setdefault(path, Growing(path))
        _files.move_to_end(path)
        rows = 0
        for number, (other, one) in enumerate(reversed(list(_files.items()))):
            rows += one.rows
            if number and rows > _KEPT_ROWS:
                del _files[other]
    return growing.record()

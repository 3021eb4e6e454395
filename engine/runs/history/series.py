"""Reports of steps in bounded memory, however many they are: enough of them to draw the run, the newest ones exactly."""

import numpy as np

from engine.runs.history.events import STEP_FIELDS

MOST = 10_000  # reports kept; above, they are thinned
_STRETCHES = 400
_EXACT = 1_000  # of the newest, which all stay
_NUMBER = "number"  # of a report in the run
COLUMNS = (*STEP_FIELDS, _NUMBER)
_DRAWN = ("loss", "accuracy", "learning_rate", "tokens_per_second", "memory_bytes")  # what else there is only grows


class Series:
    """Reports of steps as columns that grow; what has been given away is never changed.

    All are kept up to `most`. Above, of each stretch of the run those stay in which a field is smallest or largest, the
    first and the last. A stretch is so many reports as a power of two says; it doubles as the run grows, so that two
    stretches become one and none of their extremes is lost, and all parts of the run are kept alike.
    """

    def __init__(self, most: float = MOST) -> None:
        self.rows, self.thinned = 0, False
        self._most = most
        self._next = 0  # the number of the next report
        self._columns = {name: np.empty(0) for name in COLUMNS}

    def kept(self) -> tuple[dict[str, np.ndarray], int]:
        """COLUMNS as they stand, and the number of the next report: what `go_on` takes."""
        return {name: column[: self.rows] for name, column in self._columns.items()}, self._next

    def go_on(self, columns: dict[str, np.ndarray], next_number: int, thinned: bool) -> None:
        """Takes the place of what another one has kept."""
        self.rows, self._next, self.thinned = len(columns["step"]), next_number, thinned
        self._take(columns, self.rows)

    def given(self) -> dict[str, np.ndarray]:
        """STEP_FIELDS as they stand, each float64 (reports,), read-only."""
        views = {name: self._columns[name][: self.rows] for name in STEP_FIELDS}
        for view in views.values():
            view.setflags(write=False)
        return views

    def add(self, columns: dict[str, np.ndarray]) -> None:
        """Appends reports, thinned where they are too many."""
        count = len(columns["step"])
        needed = self.rows + count
        if needed > len(self._columns["step"]):
            self._take({name: column[: self.rows] for name, column in self._columns.items()}, needed + self.rows // 4)
        for name in STEP_FIELDS:
            self._columns[name][self.rows : needed] = columns[name]
        self._columns[_NUMBER][self.rows : needed] = np.arange(self._next, self._next + count)
        self.rows, self._next = needed, self._next + count
        if self.rows > self._most:
            self._thin()

    def cut(self, step: float) -> None:
        """Drops what was reported behind a step."""
        self._keep(self._columns["step"][: self.rows] <= step)
        self._next = int(self._columns[_NUMBER][self.rows - 1]) + 1 if self.rows else 0

    def _thin(self) -> None:
        length = 1 << max(0, -(-self._next // _STRETCHES) - 1).bit_length()
        self.thinned, old = True, self.rows - _EXACT
        numbers = self._columns[_NUMBER][:old].astype(np.int64)
        extreme = extremes({name: self._columns[name][:old] for name in _DRAWN}, numbers // length)
        self._keep(np.concatenate([extreme, np.arange(old, self.rows)]), room=old + 2 * _EXACT)

    def _keep(self, rows: np.ndarray, room: int = 0) -> None:
        columns = {name: column[: self.rows][rows] for name, column in self._columns.items()}
        self.rows = len(columns["step"])
        self._take(columns, max(room, self.rows))

    def _take(self, columns: dict[str, np.ndarray], room: int) -> None:
        fresh = {}
        for name, column in columns.items():
            fresh[name] = np.empty(max(room, 64))
            fresh[name][: len(column)] = column
        self._columns = fresh


def extremes(columns: dict[str, np.ndarray], stretches: np.ndarray) -> np.ndarray:
    """The places of the reports in which, of each stretch, a field is smallest or largest, and of the first and last.

    Args:
        stretches: int (reports,), the stretch that each belongs to, ascending.
    """
    if not len(stretches):
        return np.empty(0, int)
    starts = np.flatnonzero(np.diff(stretches, prepend=stretches[0] - 1))
    lengths = np.diff(starts, append=len(stretches))
    found = [starts, starts + lengths - 1]
    for column in columns.values():
        for extreme, nothing in ((np.minimum, np.inf), (np.maximum, -np.inf)):
            filled = np.where(np.isnan(column), nothing, column)
            there = np.flatnonzero(filled == np.repeat(extreme.reduceat(filled, starts), lengths))
            first = np.flatnonzero(np.diff(stretches[there], prepend=stretches[0] - 1))  # of equal ones
            found.append(there[first])
    return np.unique(np.concatenate(found))

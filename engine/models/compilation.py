"""Where the wait goes: each compiled function's first call, by name, shape and seconds, in the log and for benchmarks."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_LOG = logging.getLogger("engine.compilation")
_MOST_RECORDS = 1000


@dataclass(frozen=True)
class FirstCall:
    """The first call of a function with a shape: tracing, compiling and running it once.

    Attributes:
        function: its name. shape: of what it was called with. seconds: it took.
    """

    function: str
    shape: tuple[int, ...]
    seconds: float


RECORDS: list[FirstCall] = []  # of this process, in their order


_watchers: list[Callable[[str], object]] = []


@contextlib.contextmanager
def watched(tell: Callable[[str], object]) -> Iterator[None]:
    """While the block runs `tell` is told the name of each function whose first call begins, and "" when that has ended."""
    _watchers.append(tell)
    try:
        yield
    finally:
        _watchers.remove(tell)


def _say(function: str) -> None:
    for tell in _watchers:
        tell(function)


class Stopwatch:
    """Seconds since it was made, those of first calls left out: what the same will take the next time."""

    def __init__(self) -> None:
        self._begun, self._known = time.perf_counter(), len(RECORDS)

    def seconds(self) -> float:
        """How long it has run."""
        compiling = sum(found.seconds for found in RECORDS[self._known :])
        return max(0.0, time.perf_counter() - self._begun - compiling)


class FirstCalls:
    """Times the first call of one compiled function with each shape."""

    def __init__(self, function: str) -> None:
        self._function = function
        self._seen: set[tuple[int, ...]] = set()

    @contextlib.contextmanager
    def timed(self, *shape: int) -> Iterator[None]:
        """Surrounds a call; a first one is recorded once it has come to its end."""
        if shape in self._seen:
            yield
            return
        begun = time.perf_counter()
        _say(self._function)
        try:
            yield
        finally:
            _say("")
        self._seen.add(shape)
        found = FirstCall(self._function, shape, time.perf_counter() - begun)
        if len(RECORDS) < _MOST_RECORDS:
            RECORDS.append(found)
        _LOG.info("compiled %s for %s in %.2f s", found.function, found.shape, found.seconds)

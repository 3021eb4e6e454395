"""What a process that reads strangers' files does for whoever started it: limits itself, takes requests, answers them.

The other side is engine.core.child_process.
"""

import io
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from engine.core import frames
from engine.core.progress import Progress

_PROGRESS_SECONDS = 0.5
NO_MEMORY = "MemoryError"  # the last words of a process whose memory ran out


class Asker:
    """Whoever asks, as the process that reads sees them; made once, first of all."""

    def __init__(self) -> None:
        """Sets the limit of this process's memory, the first of its arguments."""
        _limit_own_memory(int(sys.argv[1]))
        # What libraries print must not get among the messages.
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        if isinstance(sys.stdout, io.TextIOWrapper):  # each line when it is printed: else it ends behind the last words
            sys.stdout.reconfigure(line_buffering=True)
        self._said = 0.0

    def requests(self) -> Iterator[dict[str, Any]]:
        """The requests, one after the other until nobody asks any more; each is answered when the next is taken."""
        self.say_now("started")
        while (message := frames.read(sys.stdin.buffer)) is not None:
            yield message[0]
            self.say_now("end")

    def say(self, kind: str, body: bytes = b"", **fields: Any) -> None:
        """Says something that may wait until more is said."""
        frames.write(self._out, {"kind": kind, **fields}, body)

    def say_now(self, kind: str, **fields: Any) -> None:
        """Says something that must not wait."""
        self.say(kind, **fields)
        self._out.flush()

    def progress_due(self) -> bool:
        """Whether it is time to say again how far it is."""
        return time.monotonic() - self._said > _PROGRESS_SECONDS

    def on_progress(self, progress: Progress) -> None:
        """Says how far it is, where that has not just been said."""
        if self.progress_due():
            self._said = time.monotonic()
            self.say_now("progress", **asdict(progress))


def give_up_for_memory() -> int:
    """Says that memory ran out, for `Child.death`; the exit code to end with."""
    print(NO_MEMORY, file=sys.stderr)
    return 1


def _limit_own_memory(data_bytes: int) -> None:
    """Makes allocations of this process beyond so many bytes fail, and a crash leave no core file. POSIX."""
    try:
        import resource
    except ImportError:  # Windows: the watching parent is the limit
        return
    for name, wanted in (("RLIMIT_DATA", data_bytes), ("RLIMIT_CORE", 0)):
        resource.setrlimit(getattr(resource, name), (wanted, resource.getrlimit(getattr(resource, name))[1]))

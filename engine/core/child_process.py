"""Starts a process that reads what strangers wrote, under limits, watches it and takes its answers: the parent's side.

One request after the other goes to it, and messages come back (engine.core.frames): `started` once it has imported what it
reads with, and for each request its answer, ended by `end`; `progress` now and then, since silence means that it is stuck.
Its own side is engine.core.child_main. What comes back is data; a parser that crashes, hangs or eats memory takes nothing down but its own process.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from engine.core import frames, paths
from engine.core.child_main import NO_MEMORY
from engine.core.watchdog import Watchdog

START_SECONDS = 60.0  # until it has imported what it reads with, TensorFlow on a slow disk among it
_BUFFERED_BYTES = 8 << 20
_MESSAGE_BYTES = 512  # that a message takes beside its body
_LAST_WORDS_BYTES, _LAST_WORDS_SECONDS = 4096, 1.0

Message = tuple[dict[str, Any], bytes]


@dataclass(frozen=True)
class Limits:
    """What the process may take.

    Attributes:
        memory_bytes: resident, watched from outside.
        hard_memory_bytes: of data, set in the process itself where the system has such a limit.
        silent_seconds: without a message while an answer is expected.
    """

    memory_bytes: int
    hard_memory_bytes: int
    silent_seconds: float


class Died(Exception):
    """The process ended before it had answered.

    Attributes:
        broke: the limit that it broke, "memory" or "silence"; "" where it ended by itself.
        code: its exit code. last_words: the last line of what it complained.
    """

    def __init__(self, broke: str, code: int, last_words: str) -> None:
        super().__init__(broke, code, last_words)
        self.broke, self.code, self.last_words = broke, code, last_words


class Child:
    """The process, as whoever asks it sees it; used as a context, which ends it.

    A thread takes its messages into a small buffer, so that it works on while the caller does, and another watches it.

    Attributes:
        process: its handle. watchdog: what watches it.
    """

    def __init__(self, module: str, *arguments: str, limits: Limits, environment: dict[str, str] | None = None) -> None:
        """
        Args:
            module: what `python -m` starts, with `arguments` behind the limit of its memory; it calls `Asker`.
            environment: variables that it has beside those of this process.
        """
        self._limits = limits
        python_path = os.pathsep.join([str(paths.PROJECT), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(limits.hard_memory_bytes), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=paths.PROJECT,
            env={**os.environ, "PYTHONPATH": python_path, **(environment or {})},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._messages: deque[Message] = deque()
        self._buffered, self._last_words = 0, b""
        self._started = self._asked = self._ended = self._closed = False
        self._heard = time.monotonic()
        self._changed = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        threading.Thread(target=self._pump, daemon=True).start()
        self.watchdog = Watchdog(self.process, limits.memory_bytes, limits.silent_seconds, self._silence)

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):  # a request that it did not live to read
            cast(BinaryIO, self.process.stdin).close()

    def wait_until_started(self) -> bool:
        """Waits until it has imported what it reads with; whether it lived to."""
        with self._changed:
            self._changed.wait_for(lambda: self._started or self._ended)
            return self._started

    def ask(self, request: dict[str, Any]) -> Iterator[Message]:
        """The messages that answer a request, without the `end` behind them.

        Whoever does not take them all must close the child: the next request would be answered with the rest.

        Raises while iterating:
            Died: the process ended before.
        """
        with self._changed:
            self._asked, self._heard = True, time.monotonic()
        stdin = cast(BinaryIO, self.process.stdin)
        with contextlib.suppress(OSError):  # it has ended, and there is no answer
            frames.write(stdin, request)
            stdin.flush()
        return self._answer()

    def _answer(self) -> Iterator[Message]:
        while (message := self._next()) is not None:
            if message[0]["kind"] == "end":
                return
            yield message
        raise self.death()

    def death(self) -> Died:
        """How it ended."""
        code = self.process.wait()
        self._listener.join(_LAST_WORDS_SECONDS)
        words = (self._last_words.decode("utf-8", "replace").strip().splitlines() or [""])[-1]
        return Died(self.watchdog.killed or ("memory" if NO_MEMORY in words else ""), code, words)

    def _next(self) -> Message | None:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._messages) or self._ended)
            if not self._messages:
                return None
            message = self._messages.popleft()
            if self._buffered > _BUFFERED_BYTES:
                self._heard = time.monotonic()  # until now it had to wait
            self._buffered -= len(message[1]) + _MESSAGE_BYTES
            self._changed.notify_all()
            return message

    def _pump(self) -> None:
        stream = cast(BinaryIO, self.process.stdout)
        with stream, contextlib.suppress(OSError):
            try:
                while message := frames.read(stream):
                    self._take(message)
            except ValueError:  # no message of `Asker`'s
                self.process.kill()
        self.process.wait()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take(self, message: Message) -> None:
        with self._changed:
            if message[0]["kind"] == "started":
                self._started = True
            else:
                self._asked = message[0]["kind"] != "end"
                self._messages.append(message)
                self._buffered += len(message[1]) + _MESSAGE_BYTES
            self._changed.notify_all()
            while self._buffered > _BUFFERED_BYTES and not self._closed:
                self._changed.wait()
            self._heard = time.monotonic()

    def _listen(self) -> None:
        stream = cast(BinaryIO, self.process.stderr)
        with stream, contextlib.suppress(OSError, ValueError):
            while block := stream.read(_LAST_WORDS_BYTES):
                self._last_words = (self._last_words + block)[-_LAST_WORDS_BYTES:]

    def _silence(self) -> float:
        """Seconds since the last message. A caller who does not keep up is no silence, nor is the time without a request, nor
        the start of the process on a machine with much to do, as long as it takes no longer than `START_SECONDS`."""
        with self._changed:
            if self._buffered > _BUFFERED_BYTES or (self._started and not self._asked):
                return 0.0
            patience = 0.0 if self._started else START_SECONDS - self._limits.silent_seconds
            return time.monotonic() - self._heard - patience

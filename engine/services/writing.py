"""Writes the texts that several clients of the inference server ask for at once, together: who comes while others are served joins them."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.core.progress import Cancelled
from engine.inference.samples import streaming

MOST_TEXTS = 16  # under way, when another request is begun: each keeps up to 75 MB of what GPT-2 base has read
_PASS_SECONDS = 0.02  # until who waits for a lock that was released has it: it goes to whoever is first
_LOOK_SECONDS = 0.2  # how often a request that waits looks whether its client is still there


class Reader(Protocol):
    """Who asked."""

    def send(self, kind: str, **fields: Any) -> None:
        """Sends a message; raises Cancelled where nobody is there."""

    def gone(self) -> bool:
        """Whether nobody is there any more."""


@dataclass(eq=False)
class _Request:
    """What somebody asked for.

    Attributes:
        taken: whether it is being written. given_up: whether its reader went away before. done: set behind its last message;
            error is then what ended it, where that was no message.
    """

    request: dict[str, Any]
    reader: Reader
    taken: bool = False
    given_up: bool = False
    told: bool = False
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(
        default_factory=threading.Lock
    )  # before it is taken, two threads may talk to its reader

    def finish(self, error: Exception | None) -> None:
        self.error = error
        self.done.set()


class Writing:
    """One thread that writes for all; it has the model for itself as long as anything is left to write."""

    def __init__(self, turn: threading.Lock, find: streaming.Find, others_wait: Callable[[], bool]) -> None:
        """
        Args:
            turn: whose holder may use the models. find: as `streaming.Desk.take` wants it.
            others_wait: whether anybody waits for the turn with work of another kind: nobody new joins before it.
        """
        self._turn, self._find, self._others_wait = turn, find, others_wait
        self._waiting: deque[_Request] = deque()
        self._asked = threading.Semaphore(0)
        self._begun = threading.Lock()  # taken for good by the first request

    def write(self, request: dict[str, Any], reader: Reader) -> None:
        """Has a request written, and returns behind its last message; the reader is told `waiting` where others come first.

        Raises:
            Cancelled: the reader is gone. EngineError: as `streaming.Desk.take`.
        """
        own = _Request(request, reader)
        self._waiting.append(own)
        self._asked.release()
        if self._begun.acquire(blocking=False):
            threading.Thread(target=self._work, daemon=True).start()
        while not own.done.wait(_LOOK_SECONDS):
            with own.lock:
                if own.taken:
                    continue
                if not own.told:
                    own.told = True
                    reader.send("waiting")
                elif reader.gone():
                    own.given_up = True
                    raise Cancelled
        if own.error is not None:
            raise own.error

    def _work(self) -> None:
        while True:
            self._asked.acquire()
            if not self._waiting:  # taken together with an earlier one
                continue
            with self._turn:
                self._write_all()
            if self._others_wait():
                time.sleep(_PASS_SECONDS)

    def _write_all(self) -> None:
        desk, first = streaming.Desk(), True
        try:
            while True:
                if first or not self._others_wait():
                    self._take_new(desk)
                first = False
                if not desk.turn():
                    return
        except Exception as error:  # whoever asked is told, each by its own thread
            desk.end_all(error)

    def _take_new(self, desk: streaming.Desk) -> None:
        while self._waiting and desk.texts() < MOST_TEXTS:
            own = self._waiting.popleft()
            with own.lock:
                if own.given_up:
                    continue
                own.taken = True
            try:
                if own.told:
                    own.reader.send("begun")
                desk.take(own.request, self._find, own.reader.send, own.finish)
            except Exception as error:
                own.finish(error)

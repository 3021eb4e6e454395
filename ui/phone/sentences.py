"""Sentences that phones send: held in this process's memory until the teacher has looked, never written anywhere."""

import threading
import time
from collections import OrderedDict

LONGEST = 200  # characters
MOST = 400  # of a class
HELD_SECONDS = 3600.0

_lock = threading.Lock()
_held: dict[
    str, OrderedDict[bytes, tuple[float, str]]
] = {}  # code → pupil → when it came (monotonic), and the sentence


def take(code: str, pupil: bytes, text: str) -> None:
    """Holds a pupil's sentence for the teacher; a second one takes the place of the first."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST]
    with _lock:
        of = _held.setdefault(code, OrderedDict())
        of.pop(pupil, None)
        if plain:
            of[pupil] = (time.monotonic(), plain)
        while len(of) > MOST:
            of.popitem(last=False)
        _forget()


def held(code: str) -> list[str]:
    """The sentences of a class, the newest first."""
    with _lock:
        _forget()
        return [text for _came, text in reversed(_held.get(code, {}).values())]


def drop(code: str) -> None:
    """Forgets all sentences of a class."""
    with _lock:
        _held.pop(code, None)


def _forget() -> None:
    end = time.monotonic() - HELD_SECONDS
    for code in list(_held):
        for pupil in [pupil for pupil, (came, _text) in _held[code].items() if came < end]:
            del _held[code][pupil]
        if not _held[code]:
            del _held[code]

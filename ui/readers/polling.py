"""How often the parts of a page that move are drawn anew, and looks at the runs' folders that all sessions share.

One viewer sees every change at once. The more sessions watch, the less often each of them asks, so that thirty cost the
machine that trains little more than ten; and what one has just read the others take.
"""

import contextlib
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import RerunException
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState, get_script_run_ctx

from engine.core import paths
from ui import redrawn

T = TypeVar("T")
FULL_PACE_VIEWERS = 8  # so many draw at the pace that a page asks for
_PRESENT_SECONDS = 30.0  # whoever has asked for nothing so long does not watch
_CACHED_SECONDS = 1.0  # how old what another session has read may be
_SPREAD = 0.15  # sessions that began together fall apart

_lock = threading.Lock()
_seen: dict[str, float] = {}  # a session → when it last asked for anything


def _session() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def viewers() -> int:
    """How many sessions watch now; this one is noted as one of them."""
    now = time.monotonic()
    with _lock:
        _seen[_session()] = now
        for session in [session for session, at in _seen.items() if now - at > _PRESENT_SECONDS]:
            del _seen[session]
        return len(_seen)


def every(seconds: float, watching: int | None = None) -> float:
    """How often this session draws what one viewer would see drawn every so many seconds."""
    watching = viewers() if watching is None else watching
    if watching <= FULL_PACE_VIEWERS:
        return seconds
    share = zlib.crc32(_session().encode()) / 2**32  # of 1; the same as long as the session lasts
    crowd = -(-watching // 4) * 4  # in steps, so that one who comes or goes changes nothing
    return round(seconds * crowd / FULL_PACE_VIEWERS * (1 + _SPREAD * (2 * share - 1)), 2)


def fragment(draw: Callable[..., Any], seconds: float | None) -> Callable[..., Any]:
    """A fragment that is drawn anew every so many seconds, or less often while many watch; never where it is None."""
    if seconds is None:
        return st.fragment(draw)
    announced = [every(seconds)]

    def drawn(*arguments: Any) -> Any:
        wanted = every(seconds)
        if wanted != announced[0]:
            _tell(wanted)
            announced[0] = wanted
        try:
            return draw(*arguments)
        except RerunException:  # it has seen something new, and has the whole page drawn
            redrawn.note()
            raise

    drawn.__module__, drawn.__qualname__ = draw.__module__, draw.__qualname__  # Streamlit names fragments by these
    return st.fragment(drawn, run_every=announced[0])


def _tell(seconds: float) -> None:
    """Changes the pace of the fragment that runs; Streamlit itself sets it once, when the whole page is drawn."""
    with contextlib.suppress(AttributeError, RuntimeError):  # a later Streamlit: then the first pace stays
        context, fragment_id = get_script_run_ctx(), ThreadState.get().fragment_id
        if context is not None and fragment_id and context.fragment_ids_this_run:
            message = ForwardMsg()
            message.auto_rerun.interval, message.auto_rerun.fragment_id = seconds, fragment_id
            context.enqueue(message)


class _Shared:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at = 0.0
        self.folders: tuple[Any, ...] | None = None
        self.value: Any = None


_shared: dict[tuple[Any, ...], _Shared] = {}


_drawing = threading.local()  # what has been found since this thread began to draw a page


@contextlib.contextmanager
def one_drawing() -> Iterator[None]:
    """While a page is drawn from its top to its end, each look is made once: hundreds of runs take their time."""
    _drawing.found = {}
    try:
        yield
    finally:
        del _drawing.found


def once(name: str, look: Callable[[], T]) -> T:
    """What is found once while a page is drawn: what is asked thousands of times, of hundreds of runs, is looked at once."""
    found: dict[str, Any] | None = getattr(_drawing, "found", None)
    if found is None:
        return look()
    if name not in found:
        found[name] = look()
    value: T = found[name]
    return value


def shared(name: str, look: Callable[[], T]) -> T:
    """What a look at the folder of all runs finds: looked once while a page is drawn; anew by a few viewers, and while many
    watch by one of them a second, and at once where a file of a run was replaced or a run came or went."""
    return once(name, lambda: _looked(name, look))


def _looked(name: str, look: Callable[[], T]) -> T:
    if viewers() <= FULL_PACE_VIEWERS:
        return look()
    root = paths.checkpoints_root()
    with _lock:
        cached = _shared.setdefault((name, str(root)), _Shared())
    with cached.lock:
        folders = _folders(str(root))
        if cached.folders != folders or time.monotonic() - cached.at > _CACHED_SECONDS:
            cached.value, cached.folders, cached.at = look(), folders, time.monotonic()
        value: T = cached.value
        return value


def _folders(root: str) -> tuple[Any, ...]:
    """What changes whenever a file in the folder of a run is made, replaced or deleted."""
    try:
        with os.scandir(root) as entries:
            return tuple(sorted((entry.name, entry.stat().st_mtime_ns) for entry in entries if entry.is_dir()))
    except OSError:
        return ()

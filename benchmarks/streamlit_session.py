"""One visitor of the dashboard at the level of Streamlit's websocket protocol, without a browser; and the clock on it.

A `Clock` is told every message that goes out and comes in, and measures: it serves a session made here and the
websocket of a real browser alike. Written for Streamlit 1.67.
"""

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

SIDEBAR = 1  # the first number of a delta's path


@dataclass
class Measured:
    """What visitors waited for, in seconds.

    Attributes:
        opened: when each visitor's first page began, for the burst when all come at once.
        pages: (when it was asked for, which, how long until its script had finished).
        live: of each refresh of what the page shows; strip: of the line in the sidebar.
        between: from one refresh of what the page shows to the next.
        received_bytes: all messages of the server.
        errors: what went wrong.
    """

    pages: list[tuple[float, str, float]] = field(default_factory=list)
    live: list[float] = field(default_factory=list)
    strip: list[float] = field(default_factory=list)
    between: list[float] = field(default_factory=list)
    received_bytes: int = 0
    errors: list[str] = field(default_factory=list)


class Clock:
    """Measures one connection: pages from the request to the end of their script, and the refreshes of fragments.

    A refresh is measured from the first request that nothing has answered yet, as Streamlit takes requests together.
    """

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        self.page: tuple[float, str] | None = None  # asked for and not there yet
        self.finished = asyncio.Event()  # set whenever a page's script has ended
        self.pages: dict[str, str] = {}  # the address of a page → its hash
        self._requested_at: dict[str, float] = {}  # a fragment → when its refresh was asked for
        self._place: dict[str, int] = {}  # a fragment → SIDEBAR, or 0 for the page
        self._last: dict[str, float] = {}
        self._running: tuple[str, ...] = ()

    def open(self, name: str, at: float) -> None:
        """A page is asked for."""
        self.page = at, name
        self._requested_at.clear()
        self._last.clear()
        self.finished.clear()

    def sent(self, message: BackMsg, at: float) -> None:
        """A message goes to the server."""
        if message.WhichOneof("type") == "rerun_script" and message.rerun_script.fragment_id:
            self._requested_at.setdefault(message.rerun_script.fragment_id, at)

    def received(self, message: ForwardMsg, at: float) -> None:
        """A message comes from the server."""
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._running = tuple(message.metadata.run.fragment_ids)
        elif kind == "navigation":
            self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "delta":
            for fragment in self._running[:1]:
                if message.metadata.delta_path:
                    self._place.setdefault(fragment, message.metadata.delta_path[0])
            if message.delta.new_element.WhichOneof("type") == "exception":
                self.measured.errors.append(message.delta.new_element.exception.message)
        elif kind == "script_finished":
            self._finished(message, at)

    def _finished(self, message: ForwardMsg, at: float) -> None:
        if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            if self.page is not None:
                requested_at, name = self.page
                self.measured.pages.append((requested_at, name, at - requested_at))
                self.page = None
            self.finished.set()
            self._requested_at.clear()
        elif message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
            for fragment in message.metadata.run.fragment_ids:
                requested_at = self._requested_at.pop(fragment, None)
                if self._place.get(fragment) == SIDEBAR:
                    if requested_at is not None:
                        self.measured.strip.append(at - requested_at)
                    continue
                if requested_at is not None:
                    self.measured.live.append(at - requested_at)
                if fragment in self._last:
                    self.measured.between.append(at - self._last[fragment])
                self._last[fragment] = at
        elif message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.measured.errors.append("a script could not be compiled")


class Session:
    """One connection that opens pages and asks for refreshes as Streamlit's own client does."""

    def __init__(self, connection: websockets.ClientConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._hash = ""
        self._timers: dict[str, tuple[float, asyncio.Task]] = {}

    async def open(self, page: str, requested_at: float | None = None) -> None:
        """Asks for a page by its address and waits until its script has finished."""
        self._hash = self._clock.pages.get(page, "")
        self._clock.open(page, requested_at if requested_at is not None else time.perf_counter())
        await self._rerun("" if self._hash else page)
        await self._clock.finished.wait()

    async def _rerun(self, page_name: str = "", fragment: str = "") -> None:
        message = BackMsg()
        script = message.rerun_script
        script.page_script_hash, script.page_name = self._hash, page_name
        script.fragment_id, script.is_auto_rerun = fragment, bool(fragment)
        script.context_info.timezone, script.context_info.locale = "Europe/Paris", "en-GB"
        self._clock.sent(message, time.perf_counter())
        await self._connection.send(message.SerializeToString())

    async def listen(self) -> None:
        """Takes what the server sends, and keeps the timers that it asks for."""
        async for content in self._connection:
            at, message = time.perf_counter(), ForwardMsg()
            message.ParseFromString(content)
            self._clock.measured.received_bytes += len(content)
            self._clock.received(message, at)
            kind = message.WhichOneof("type")
            if kind == "new_session" and not message.metadata.run.fragment_ids:
                self._hash = message.new_session.page_script_hash
                self._stop(*self._timers)
            elif kind == "auto_rerun":
                self._start(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            elif kind == "stop_auto_rerun":
                self._stop(*message.stop_auto_rerun.fragment_ids)

    def _start(self, fragment: str, interval: float) -> None:
        if self._timers.get(fragment, (None,))[0] == interval:
            return
        self._stop(fragment)
        self._timers[fragment] = interval, asyncio.create_task(self._tick(fragment, interval))

    def _stop(self, *fragments: str) -> None:
        for fragment in fragments:
            if fragment in self._timers:
                self._timers.pop(fragment)[1].cancel()

    async def _tick(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._rerun(fragment=fragment)

    def close(self) -> None:
        """Ends the timers."""
        self._stop(*self._timers)


async def visit(address: str, measured: Measured, pages: list[str], stay: tuple[float, float], end: float, seed: int):
    """One visitor until `end`: opens the first page, follows it, then goes to another, again and again.

    Args:
        address: of the server, `127.0.0.1:8501`.
        pages: those that are gone to, by their address, drawn with equal chances; "" is the first page.
        stay: the shortest and the longest time on a page in seconds.
        end: `time.perf_counter()` at which it leaves.
    """
    drawn, clock, requested_at = random.Random(seed), Clock(measured), time.perf_counter()
    stream = f"ws://{address}/_stcore/stream"
    async with websockets.connect(stream, subprotocols=["streamlit"], max_size=None, compression=None) as connection:
        session = Session(connection, clock)
        listening = asyncio.create_task(session.listen())
        try:
            async with asyncio.timeout(max(0.0, end - time.perf_counter())):
                await session.open("", requested_at)
                while True:
                    await asyncio.sleep(drawn.uniform(*stay))
                    await session.open(drawn.choice(pages))
        except TimeoutError:
            if clock.page is not None:  # still waiting: it counts with what it has waited so far
                measured.pages.append((*clock.page, time.perf_counter() - clock.page[0]))
        except websockets.ConnectionClosed as error:
            measured.errors.append(f"the server closed a connection: {error}")
        finally:
            session.close()
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError, websockets.ConnectionClosed):
                await listening

"""Counts wrong tries of a code and makes the next ones wait longer and longer."""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FORGOTTEN_SECONDS = 900.0  # after the last wrong try
LARGEST_NUMBER = 10_000  # of addresses remembered


@dataclass(frozen=True)
class Limit:
    """How many wrong tries cost nothing, and how long the wait grows after them."""

    free: int
    longest_seconds: float

    def wait(self, wrong: int) -> float:
        """The seconds after the wrong try of that number: none, 1, 2, 4 and so on."""
        return min(2.0 ** min(wrong - self.free - 1, 30), self.longest_seconds) if wrong > self.free else 0.0


ONE = Limit(free=2, longest_seconds=60.0)  # one address: a room behind one router is one
ALL = Limit(free=100, longest_seconds=4.0)  # all addresses together, for whoever has many of them


@dataclass(frozen=True)
class Answer:
    """What came of a try."""

    right: bool
    examined: bool  # False: it came within the wait, and nobody looked at it
    wait_seconds: float  # until the next try is looked at
    wrong: int = 0  # in a row, from that address


@dataclass
class _Count:
    wrong: int = 0
    last: float = 0.0
    until: float = 0.0


_HERE = "127.0.0.1"


class Tries:
    """The wrong tries of this server; all sessions share it, so that a new session is no new start."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, one: Limit = ONE, all_: Limit = ALL) -> None:
        self._clock, self._one_limit, self._all_limit = clock, one, all_
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._all = _Count()
        self._version: object = None

    def answer(self, address: str | None, right: Callable[[], bool], version: object = None) -> Answer:
        """Looks at one try, unless its address has to wait.

        Args:
            right: whether the code is the right one; not asked within the wait.
            version: of the code's file; all waits end when it has changed, so that the owner can end them.
        """
        with self._lock:  # one at a time: of many sessions that try at once, one is looked at
            now = self._clock()
            if version != self._version:
                self._version, self._all = version, _Count()
                self._counts.clear()
            count = self._count(network(address), now)
            if now - self._all.last > FORGOTTEN_SECONDS:
                self._all = _Count()
            # Who sits at the server's own machine waits for nobody else's tries.
            until = count.until if network(address) == _HERE else max(count.until, self._all.until)
            wait = until - now
            if wait > 0:
                return Answer(False, False, wait, count.wrong)
            if right():
                wrong, count.wrong = count.wrong, 0
                return Answer(True, True, 0.0, wrong)
            for one, limit in ((count, self._one_limit), (self._all, self._all_limit)):
                one.wrong, one.last = one.wrong + 1, now
                one.until = now + limit.wait(one.wrong)
            until = count.until if network(address) == _HERE else max(count.until, self._all.until)
            return Answer(False, True, until - now, count.wrong)

    def _count(self, name: str, now: float) -> _Count:
        count = self._counts.pop(name, None)
        if count is None or now - count.last > FORGOTTEN_SECONDS:
            count = _Count(last=now)
        self._counts[name] = count  # the newest last
        while len(self._counts) > LARGEST_NUMBER:
            self._counts.popitem(last=False)
        return count


def network(address: str | None) -> str:
    """Whom an address stands for: itself, or in IPv6 its network, since one person has all addresses of one."""
    try:
        found = ipaddress.ip_address(address or "127.0.0.1")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, 64), strict=False)) if not found.is_loopback else "127.0.0.1"
        found = found.ipv4_mapped
    return "127.0.0.1" if found.is_loopback else str(found)

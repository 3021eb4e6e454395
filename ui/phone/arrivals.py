"""Whether a phone reaches this server: a try that a teacher begins, the phone that comes, and how long its way is.

A phone has come when it asks a second time, since then an answer of this server has reached it. Kept in memory alone: how
long it took, and nothing of the phone.
"""

import ipaddress
import secrets
import threading
import time
from dataclasses import dataclass, replace

from engine.core import machine

WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Try:
    """A try.

    Attributes:
        begun: when (monotonic seconds). came: seconds until a phone came, None before. way: seconds there and back.
        was_here: whether this machine's own browser opened the page, which says nothing of phones.
    """

    begun: float
    came: float | None = None
    way: float | None = None
    was_here: bool = False

    @property
    def waits(self) -> bool:
        """Whether a phone is still waited for."""
        return self.came is None and time.monotonic() - self.begun < WAIT_SECONDS


_lock = threading.Lock()
_try: Try | None = None
_asked: dict[str, float] = {}  # what a phone was sent on with → when


def begin() -> None:
    """Begins a try; a former one ends."""
    global _try
    with _lock:
        _try = Try(time.monotonic())
        _asked.clear()


def end() -> None:
    """Ends the try."""
    global _try
    with _lock:
        _try = None
        _asked.clear()


def newest() -> Try | None:
    """The try that was begun last, or None."""
    with _lock:
        return _try


def greet() -> str:
    """What a phone that opens the page is sent on with, so that its way can be measured; "" where none is waited for."""
    with _lock:
        if _try is None or not _try.waits or len(_asked) > 1000:
            return ""
        ticket = secrets.token_urlsafe(8)
        _asked[ticket] = time.monotonic()
        return ticket


def _is_this_machine(host: str | None) -> bool:
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return True  # a name, or none: nothing that a phone comes from
    address = getattr(address, "ipv4_mapped", None) or address  # as a server of both kinds writes 127.0.0.1
    return address.is_loopback or str(address) in machine.addresses()


def take(ticket: str, host: str | None) -> Try | None:
    """Notes that a phone has come again with what it was sent on with: the try with what it says; None where that is nothing.

    Args:
        host: the address that it comes from.
    """
    global _try
    own = _is_this_machine(host)
    with _lock:
        asked = _asked.pop(ticket, None)
        if asked is None or _try is None or not _try.waits:
            return None
        now = time.monotonic()
        _try = replace(_try, was_here=True) if own else replace(_try, came=now - _try.begun, way=now - asked)
        return _try

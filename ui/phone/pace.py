"""How often one phone may send something: a few at once, then one a second."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

AT_ONCE = 8
A_SECOND = 1.0
_MOST_PHONES = 5000


class Pace:
    """What each phone has left; kept in memory, the phones that were seen last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def allows(self, phone: bytes) -> bool:
        """Whether it may send now; what it may not is not counted."""
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(phone, (float(AT_ONCE), now))
            left = min(float(AT_ONCE), left + (now - since) * A_SECOND)
            allowed = left >= 1
            self._left[phone] = (left - allowed, now)
            while len(self._left) > _MOST_PHONES:
                self._left.popitem(last=False)
            return allowed

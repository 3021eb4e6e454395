"""Limits of memory and silence for a process that reads what strangers wrote."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable

import psutil

_WATCH_SECONDS = 0.05


class Watchdog:
    """Ends a process that takes too much memory or stands still; the limit of systems that have none of their own.

    Attributes:
        killed: "memory" or "silence" once it had to, else "".
        peak_bytes: the most resident memory it saw.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], memory_bytes: int, silent_seconds: float, silence: Callable[[], float]
    ) -> None:
        """Args: silence: for how many seconds nothing has been heard of the process while something was expected."""
        self.killed, self.peak_bytes = "", 0
        self._process, self._memory_bytes = process, memory_bytes
        self._silent_seconds, self._silence = silent_seconds, silence
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        try:
            watched = psutil.Process(self._process.pid)
        except psutil.NoSuchProcess:
            return
        while self._process.poll() is None:
            with contextlib.suppress(psutil.Error):
                self.peak_bytes = max(self.peak_bytes, watched.memory_info().rss)
            if self.peak_bytes > self._memory_bytes:
                self._end("memory")
            elif self._silence() > self._silent_seconds:
                self._end("silence")
            time.sleep(_WATCH_SECONDS)

    def _end(self, reason: str) -> None:
        self.killed = reason
        self._process.kill()

"""Visitors' uploads and old classes deleted in time: when the server starts, and every ten minutes as long as it runs."""

import logging
import threading
import time

from engine.classroom import classes
from engine.services import room_check, uploads
from ui import budget

PAUSE_SECONDS = 600.0
_started = threading.Event()

log = logging.getLogger("atelier.sweeping")


def start() -> None:
    """Starts the thread that sweeps, once a process."""
    if not _started.is_set():
        _started.set()
        threading.Thread(target=_sweep, daemon=True).start()


def _sweep() -> None:
    while True:
        try:
            uploads.sweep(3600 * budget.limits().upload_hours)
        except Exception:  # the next one may do better; nobody looks at this thread
            log.exception("sweeping visitors' uploads")
        try:
            room_check.sweep_left()
        except Exception:
            log.exception("deleting what a killed check of the room left")
        try:
            classes.erase_old()
        except Exception:
            log.exception("erasing old classes")
        time.sleep(PAUSE_SECONDS)

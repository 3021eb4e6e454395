"""Waiting for a thing itself, with a limit, in place of a sleep that hopes it has happened."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 30) -> T:
    """Waits until it holds, and fails where it does not; gives what it then says.

    It is asked every 10 ms at first and five times a second at last, so that what is quick costs little time and what is
    slow little of the processor.
    """
    end, pause = time.monotonic() + seconds, 0.01
    while not (value := condition()):
        if time.monotonic() >= end:
            pytest.fail(f"not within {seconds} s: {condition}")
        time.sleep(pause)  # between two looks
        pause = min(1.5 * pause, 0.2)
    return value


def until_files_are_later(file: Path, probe: Path) -> None:
    """Waits until what is written now bears a later time than a file: clocks of files tick every few milliseconds.

    Args:
        probe: a file that is made for it, on the same disk and where nobody minds it.
    """

    def later() -> bool:
        probe.write_bytes(b"")
        return probe.stat().st_mtime_ns > max(file.stat().st_mtime_ns, file.stat().st_ctime_ns)

    until(later)
    probe.unlink()

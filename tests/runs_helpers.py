"""Runs that nobody trains: their settings, a trainer's process that a test ends, waiting."""

import time

from engine.core.locks import Lock
from engine.runs import states
from engine.runs.settings import RunSettings


def new_settings(**changes) -> RunSettings:
    return RunSettings(**{"preset": "p", "articles": "a", "name": "one", "steps": 4, **changes})


class FakeChild:
    """Stands for a trainer's process: a test says when and how it ends."""

    def __init__(self):
        self.returncode = None

    def poll(self):
        return self.returncode


def dies(run, child, code, starts=1):
    """A trainer that had begun its work ends: its lock is free, its state still says running."""
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=states.RUNNING, starts=starts)
    child.returncode = code


def until(condition, seconds=30):
    """Waits for it, and fails where it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)

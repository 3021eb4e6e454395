"""Runs that nobody trains: their settings, a trainer's process that a test ends."""

from engine.core.locks import Lock
from engine.runs import queue, states
from engine.runs.settings import RunSettings

MINI, SAMPLE = "checkpoints/presets/gpt2_mini_en", "articles/sample"


def new_settings(**changes) -> RunSettings:
    return RunSettings(**{"preset": "p", "articles": "a", "name": "one", "steps": 4, **changes})


def a_request(**changes) -> RunSettings:
    """What the button of the first page asks for, without a name."""
    return RunSettings(**{"preset": MINI, "articles": SAMPLE, "name": queue.UNNAMED, "steps": 4, **changes})


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

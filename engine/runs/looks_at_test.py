"""How often a run's figures on the test articles were looked at, counted in its folder: whoever chooses by them again and again measures no longer what a new article would give."""

from engine.core.errors import RunError
from engine.core.fields import count as is_count
from engine.core.files import read_json, write_json
from engine.core.locks import Lock
from engine.runs.folder import Run

FILE = "looks_at_test.json"
_PATIENCE_SECONDS = 20.0


def counted(run: Run) -> int:
    """How often it was; 0 where nobody has looked, or where a hand has damaged the count."""
    found = read_json(run.folder / FILE).get("looks", 0)
    return found if is_count(found) else 0


def add(run: Run) -> int:
    """Counts one look and returns how many there are now.

    Raises:
        GoneError: the run's folder was deleted. RunError, StorageError: it cannot be counted.
    """
    with Lock(run.folder / f"{FILE}.lock") as lock:
        if not lock.acquire(_PATIENCE_SECONDS):
            raise RunError("Somebody else is counting a look at the test figures of {run}: try again.", run=run.name)
        looks = counted(run) + 1
        write_json(run.folder / FILE, {"looks": looks})
    return looks

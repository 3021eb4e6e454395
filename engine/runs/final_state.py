"""Leaves a run in the state in which it ended, with what came of it."""

import contextlib
from typing import Any

from engine.core.checked import CONTROL_FILE
from engine.core.errors import StorageError
from engine.runs import states
from engine.runs.folder import Run


def end(run: Run, state: str, reason: dict[str, Any] | None) -> None:
    """Leaves the run in its last state; the caller holds the run's lock."""
    run.give_last_words()
    run.write_state(state=state, reason=reason, phase="")
    with contextlib.suppress(StorageError):  # the state has said it
        run.append_event("state", state=state, reason=reason)
    (run.folder / CONTROL_FILE).unlink(missing_ok=True)


def end_as_requested(run: Run) -> None:
    """Leaves the run paused or stopped; the caller holds the run's lock."""
    end(run, states.PAUSED if run.control() == "pause" else states.STOPPED, None)

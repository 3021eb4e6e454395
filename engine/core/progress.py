"""How far long work is, and how it is ended: whoever does it takes `on_progress` and calls it again and again.

What `on_progress` raises ends the work: `Cancelled`, where nobody wants it any more. It is called often enough for that, more
often than a person wants to read; whoever shows it chooses the moments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Cancelled(Exception):
    """Whoever asked for a piece of work does not want it any more. What was kept of it stays."""


class Phase(StrEnum):
    """What is being done."""

    FETCHING = "fetching"  # bytes
    CHECKING = "checking"  # bytes of a file from elsewhere
    PREPARING = "preparing"  # bytes of a source of articles, unpacked
    COMPARING = "comparing"  # articles, each with all others
    INDEXING = "indexing"  # tokens
    LOADING = "loading"  # nothing can be counted
    COMPILING = "compiling"  # nothing can be counted
    TRAINING = "training"  # steps
    EVALUATING = "evaluating"  # windows
    SCORING = "scoring"  # articles
    SAVING = "saving"  # nothing can be counted
    FINISHING = "finishing"  # nothing can be counted


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is.

    Attributes:
        done, total: in the unit that `Phase` says; done is 0 where a phase begins that may be silent for minutes, total is 0
            while it is not known.
        phase: what is being done.
    """

    done: int
    total: int
    phase: Phase


OnProgress = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Takes a progress that nobody wants to know."""

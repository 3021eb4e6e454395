"""In which states a run may be."""

from engine.core import checked

QUEUED, RUNNING, PAUSED, FINISHED, FAILED, STOPPED, INTERRUPTED = checked.STATES


COPIED, BROKEN = "copied", "broken"  # never written: what a copy's folder reads as, and what was damaged by hand

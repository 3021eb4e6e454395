"""How far a training is."""

from dataclasses import dataclass, field
from typing import Any

from engine.core.progress import Progress


@dataclass(frozen=True)
class Training(Progress):
    """How far a training is, in steps; total is 0 until it is planned.

    Attributes:
        loss, tokens_per_second: of the steps of the last report; None before the first, or where that is not known.
        micro_batch: windows worked on at a time, where memory does not suffice for the whole batch; else 0.
        held_out: figures of the part that is held out of a pretraining, where they have just been measured.
    """

    loss: float | None = None
    tokens_per_second: float | None = None
    micro_batch: int = 0
    held_out: dict[str, Any] = field(default_factory=dict)

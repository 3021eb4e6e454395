"""What a run had reported before this process took it up, read once: what it decided then holds."""

from dataclasses import dataclass
from typing import Any

from engine.runs.folder import Run


@dataclass(frozen=True)
class Past:
    """What a run decided and found so far.

    Attributes:
        begun: whether it has measured or trained.
        plans: the events of its timetables. micro_batches: windows that fitted into memory at a time, each time it ran out.
        xla: whether XLA compiles its functions; None where nothing says so.
    """

    begun: bool = False
    plans: tuple[dict[str, Any], ...] = ()
    micro_batches: tuple[int, ...] = ()
    xla: bool | None = None

    @classmethod
    def of(cls, run: Run, resumed_at: int) -> "Past":
        """Reads it, before the run says that it resumes: from then on the timetables behind that step count as replaced.

        Args:
            resumed_at: the step that it goes on from; -1 = from the beginning.
        """
        begun = resumed_at >= 0
        found = run.events("plan", "memory", "compilation", *([] if begun else ["evaluation", "step"]))

        def of_kind(kind: str) -> list[dict[str, Any]]:
            return [event for event in found if event["kind"] == kind]

        return cls(
            begun=begun or any(event["kind"] in ("evaluation", "step") for event in found),
            plans=tuple(of_kind("plan")),
            micro_batches=tuple(event["micro_batch"] for event in of_kind("memory") if event["step"] <= resumed_at),
            xla=next((event["xla"] for event in reversed(of_kind("compilation"))), None),
        )

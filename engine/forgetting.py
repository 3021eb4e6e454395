"""What a run gained on science and lost on general English, from its events."""

from dataclasses import dataclass
from typing import Any

from engine import english

SCIENCE = "validation"


@dataclass(frozen=True)
class Point:
    """The figures of a moment of a run on a split.

    Attributes:
        step: 0 for what it started from. accuracy: 0..1. tokens: how many were scored.
    """

    step: int
    accuracy: float
    bits_per_byte: float
    tokens: int


@dataclass(frozen=True)
class Forgetting:
    """The same model on two kinds of text over the steps of a run.

    Attributes:
        science, english: a point an interval, the first being what the run started from (the base, or its parent).
        base_science, base_english: the base model's, where the run started from a checkpoint; else the first points.
        from_base: whether the run started from the base itself.
    """

    science: list[Point]
    english: list[Point]
    base_science: Point
    base_english: Point
    from_base: bool = True


def of_events(events: list[dict[str, Any]]) -> Forgetting | None:
    """The meter of a run; None where it did not score general English (a run of an earlier version).

    A step scored twice, since the run was interrupted after it, counts once, as it was last.
    """
    found: dict[tuple[str, str], dict[int, Point]] = {}
    for event in events:
        if event["kind"] == "evaluation" and not event["whole"] and event["split"] in (SCIENCE, english.SPLIT):
            model = "base" if event["model"] == "base" else "run"
            of = found.setdefault((model, event["split"]), {})
            figures = (event["accuracy"], event["bits_per_byte"], event["evaluated_tokens"])
            of[event["step"]] = Point(event["step"], *figures)
    base = {split: found.get(("base", split), {}) for split in (SCIENCE, english.SPLIT)}
    if not all(base.values()):
        return None
    firsts = {split: next(iter(points.values())) for split, points in base.items()}
    lines, from_base = {}, not any(0 in found.get(("run", split), {}) for split in firsts)
    for split in firsts:
        own = found.get(("run", split), {})
        starts = {} if 0 in own else {0: firsts[split]}  # a parent's own figures stand at step 0
        lines[split] = [point for _step, point in sorted({**starts, **own}.items())]
    return Forgetting(lines[SCIENCE], lines[english.SPLIT], firsts[SCIENCE], firsts[english.SPLIT], from_base)

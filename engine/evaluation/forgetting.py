"""What a run gained on science and lost on general English, from its events."""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.corpus import english
from engine.evaluation import intervals
from engine.runs.history.blocks import Placed
from engine.runs.history.events import VALIDATION, Evaluation, at_intervals, is_measured
from engine.runs.history.follower import History

SCIENCE = VALIDATION


@dataclass(frozen=True)
class Point:
    """The figures of a moment of a run on a split.

    Attributes:
        step: 0 for what it started from. accuracy: 0..1. tokens: how many were scored.
        by_article: sums of each text (engine.evaluation.scoring.Scores); None of a run of an earlier version.
    """

    step: int
    accuracy: float
    bits_per_byte: float
    tokens: int
    by_article: dict[str, list[float]] | None = None


@dataclass(frozen=True)
class Change:
    """How the accuracy changed from the first point to the last.

    Attributes:
        accuracy: the difference, -1..1. interval: its 95 % interval, paired by text; None of too few, or where the sums of
            the texts were not kept.
    """

    accuracy: float
    interval: list[float] | None


def change(points: list[Point]) -> Change:
    """What the last of some points is above the first, on the same tokens."""
    first, last = points[0], points[-1]
    found = None
    same = ("article", "tokens")  # a line edited by hand may tell other texts
    if first.by_article and last.by_article and all(first.by_article[n] == last.by_article[n] for n in same):
        found = intervals.intervals(last.by_article, first.by_article).get("accuracy")
    return Change(last.accuracy - first.accuracy, found)


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


def of_history(history: History) -> Forgetting | None:
    """The meter of a run, with the sums of the texts of those points that a change is told between.

    The sums of all points would be most of what a long run reports.
    """
    scored = [placed for placed in history.placed if placed.event["kind"] == "evaluation"]
    ends: dict[tuple[str, str], dict[int, Placed]] = {}
    for placed in scored:
        if is_measured(placed.event):
            ends.setdefault((placed.event["model"], placed.event["split"]), {})[placed.event["step"]] = placed
    needed = [points[step] for points in ends.values() for step in {min(points), max(points)}]
    return of_events([*(placed.event for placed in scored), *history.complete(needed)])


def of_events(events: Iterable[Evaluation]) -> Forgetting | None:
    """The meter of a run; None where it did not score general English (a run of an earlier version).

    A step scored twice, since the run was interrupted after it, counts once, as it was last.
    """
    found: dict[tuple[str, str], dict[int, Point]] = {}
    every = list(events)
    for event in [e for split in (SCIENCE, english.SPLIT) for e in at_intervals(every, split)]:
        model = "base" if event["model"] == "base" else "run"
        of = found.setdefault((model, event["split"]), {})
        figures = (event["accuracy"], event["bits_per_byte"], event["evaluated_tokens"])
        of[event["step"]] = Point(event["step"], *figures, event.get("by_article"))
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
